#!/usr/bin/python3
"""Tests of the fault tests on a right server, etcd: it passes, and whatever is planted is found.

Usage: faults_self_test.py --checker build/test/faults/check_history
           [--troupe build/apps/troupe/troupe --preload build/test/preload/libunsynced.so]

Power cuts are tested with one member of Troupe: etcd's writes do not pass through libc.
"""

import argparse
import copy
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import namespaces

ETCD = ["/usr/bin/etcd", "--pre-vote"]


def settings(**changes):
    """Bounds that hold for etcd beside other tests: here it is not etcd that is tested."""
    from fault_run import Settings

    generous = {"within": 20, "all_within": 40, "ttl_flaw": True}
    return Settings(server=ETCD, checker=CHECKER, **{**generous, **changes})


class RecordedRun(unittest.TestCase):
    """One run that is right, then copies of what it recorded with one thing changed in each."""

    @classmethod
    def setUpClass(cls):
        from fault_run import FaultRun
        from scenarios import isolate_leader

        cls.run_ = FaultRun(API, settings())
        cls.run_.execute(isolate_leader)

    def setUp(self):
        self.lines = copy.deepcopy(self.run_.recorder.lines)

    def assert_found(self, promise, watchers=()):
        from fault_run import BrokenPromise

        run = copy.copy(self.run_)
        run.recorder = copy.copy(run.recorder)
        run.recorder.lines = self.lines
        run.watchers = watchers
        with self.assertRaisesRegex(BrokenPromise, promise):
            run.judge(Path("/run/planted.jsonl"))

    def puts(self):
        """Answered ones that got nothing else, with what they wrote seen by others."""
        seen = {
            kv["mod_revision"]
            for line in self.lines
            for answer in line.get("result", {}).get("answers", ())
            for kv in answer.get("kvs", ())
        }
        return [
            line
            for line in self.lines
            if "put" in line
            and not line["put"].get("prev_kv")
            and "result" in line
            and line["result"]["revision"] in seen
        ]

    def test_there_was_something_to_judge(self):
        self.assertGreater(len(self.lines), 300)
        self.assertTrue(any("result" not in line for line in self.lines if "invoke" in line))
        self.assertTrue(any("grant" in line for line in self.lines))
        self.assertTrue(all(watcher.events for watcher in self.run_.watchers))

    def test_a_stale_read(self):
        reads = [
            x
            for x in self.lines
            if "range_end" not in x.get("range", {"range_end": ""}) and not x.get("serializable")
        ]
        early = reads[0]
        late = [x for x in reads if x["range"] == early["range"]][-1]
        self.assertLess(early["result"]["revision"], late["result"]["revision"])
        late["result"] = early["result"]
        self.assert_found("not linearizable")

    def test_a_lost_write(self):
        self.puts()[-1]["put"]["value"] = "another"
        self.assert_found("not linearizable")

    def test_a_write_of_nobody(self):
        self.lines.remove(self.puts()[-1])
        self.assert_found("not linearizable")

    def test_a_revision_given_twice(self):
        first, second = self.puts()[-2:]
        second["result"]["revision"] = first["result"]["revision"]
        self.assert_found("the same revision")

    def test_a_lease_that_ends_early(self):
        for line in self.lines:
            if ("grant" in line or "keep_alive" in line) and line.get("ttl"):
                line["ttl"] = 60
        self.assert_found("lease")

    def test_an_event_that_never_came(self):
        watcher = SimpleNamespace(
            events=dict(self.run_.watchers[0].events),
            last=self.run_.watchers[0].last,
            violations=[],
        )
        del watcher.events[self.puts()[0]["result"]["revision"]]
        self.assert_found("came to no watch", [watcher])


class Watches(unittest.TestCase):
    def take(self, *revisions):
        from watching import Watcher

        watcher = Watcher(None, "m1")
        for answer in revisions:
            kvs = [API.mvccpb.KeyValue(key=b"a", mod_revision=revision) for revision in answer]
            events = [API.mvccpb.Event(kv=kv) for kv in kvs]
            watcher._take(API.WatchResponse(events=events))
        return watcher.violations

    def test_in_order(self):
        self.assertEqual(self.take([2], [3, 3, 4], [5]), [])

    def test_a_gap(self):
        self.assertTrue(self.take([2], [4]))

    def test_a_repetition(self):
        self.assertTrue(self.take([2], [2]))

    def test_a_torn_revision(self):
        self.assertTrue(self.take([2, 3], [3, 4]))


class LiveFaults(unittest.TestCase):
    def assert_broken(self, promise, scenario, planted_reads=None, **changes):
        from fault_run import BrokenPromise, FaultRun

        run = FaultRun(API, settings(**changes))
        with self.assertRaisesRegex(BrokenPromise, promise):
            run.execute(scenario, planted_reads=planted_reads)

    def test_reads_that_do_not_ask_the_majority(self):
        from scenarios import isolate_leader

        def any_state(request):
            request.serializable = True

        self.assert_broken("not linearizable", isolate_leader, planted_reads=any_state)

    def test_a_cluster_that_does_not_heal(self):
        import fault_run

        def lasting_cut(run):
            run.network.isolate(run.cluster.followers()[0])
            run.network.heal = lambda: None

        patience, fault_run.PATIENCE = fault_run.PATIENCE, 2.0
        try:
            self.assert_broken("took no write", lasting_cut)
        finally:
            fault_run.PATIENCE = patience

    def test_a_storm_of_terms(self):
        def restless(run):
            for _ in range(3):
                leader, target = run.cluster.leader(), run.cluster.followers()[0]
                to = run.cluster.status(target).header.member_id
                request = API.MoveLeaderRequest(targetID=to)
                run.cluster.call(leader, "Maintenance/MoveLeader", request, 5.0)

        self.assert_broken("a storm of terms", restless, max_terms=2)


class PowerCuts(unittest.TestCase):
    def cut(self, **unsynced):
        from fault_run import FaultRun
        from scenarios import power_cut

        changes = {"server": [TROUPE], "preload": PRELOAD, "unsynced": unsynced}
        FaultRun(API, settings()._replace(**changes), ["m1"]).execute(power_cut)

    def setUp(self):
        if not TROUPE:
            self.skipTest("no --troupe and --preload")

    def test_what_was_synced_is_there(self):
        self.cut()

    def test_a_disk_that_lies_about_syncs(self):
        from fault_run import BrokenPromise
        from server_process import ServerFailed

        with self.assertRaises((BrokenPromise, ServerFailed)):
            self.cut(UNSYNCED_IGNORE_SYNC="1", UNSYNCED_KEEP="0")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checker", required=True)
    parser.add_argument("--troupe")
    parser.add_argument("--preload")
    arguments, rest = parser.parse_known_args()
    CHECKER, TROUPE, PRELOAD = arguments.checker, arguments.troupe, arguments.preload
    namespaces.enter()
    from etcd_api import EtcdApi

    API = EtcdApi()
    unittest.main(argv=[sys.argv[0], *rest])
