#!/usr/bin/python3
"""Maintenance of a whole server: a full quota, hashes over compactions and restarts, defragmentation beside
writes, downgrades. Usage: maintenance_test.py SERVER [unittest arguments]
"""

import http.client
import itertools
import pathlib
import random
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from etcd_api import Client, EtcdApi  # noqa: E402
from server_process import Server  # noqa: E402

QUOTA = 16 << 20
VALUE_BYTES = 100_000
PATIENCE_SECONDS = 30
FULL = "etcdserver: mvcc: database space exceeded"


class Running(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="troupe-maintenance-")
        self.addCleanup(directory.cleanup)
        self.random = random.Random(5)
        self.numbers = itertools.count()
        self.server = Server(SERVER, directory.name, self.flags)
        self.addCleanup(self.server.kill)
        self.server.start()
        self.connect()

    def connect(self):
        self.server.wait_ready()
        self.client = Client(self.server.address)
        self.addCleanup(self.client.close)

    def restart(self):
        self.client.close()
        self.server.kill()
        self.server.start()
        self.connect()
        self.everything()  # the log is replayed; Status does not wait for that

    def call(self, method, request):
        """(answer, response or None)"""
        answer = self.client.call(method, request.SerializeToString())
        name = {
            "KV/Range": "RangeResponse",
            "KV/DeleteRange": "DeleteRangeResponse",
            "KV/Compact": "CompactionResponse",
        }.get(method, f"{method.split('/')[1]}Response")
        return answer, getattr(API, name).FromString(answer.payload) if answer.ok else None

    def done(self, method, request):
        answer, response = self.call(method, request)
        self.assertTrue(answer.ok, f"{method}: {answer.text}")
        return response

    def refused(self, method, request):
        return self.call(method, request)[0].text

    def put(self, key, value=b"v"):
        return self.call("KV/Put", API.PutRequest(key=key, value=value))[0]

    def everything(self):
        response = self.done("KV/Range", API.RangeRequest(key=b"\0", range_end=b"\0"))
        return {kv.key: kv.value for kv in response.kvs}

    def page(self, path):
        host, port = self.server.address.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def wait_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"not within {PATIENCE_SECONDS} s: {what}")
            time.sleep(0.05)


class FullQuota(Running):
    flags = ["--quota-backend-bytes", str(QUOTA)]

    def fill(self, keys):
        """Puts until there is no room; every acknowledged key goes into `keys`."""
        for _ in range(3 * QUOTA // VALUE_BYTES):
            key = b"key%05d" % next(self.numbers)
            value = self.random.randbytes(VALUE_BYTES)
            answer = self.put(key, value)
            if answer.text == FULL:
                self.assertEqual(answer.code, "RESOURCE_EXHAUSTED")
                return
            self.assertTrue(answer.ok, answer.text)
            keys[key] = value
        self.fail("the quota never refused anything")

    def alarms(self):
        response = self.done("Maintenance/Alarm", API.AlarmRequest())
        return [(alarm.memberID, alarm.alarm) for alarm in response.alarms]

    def test_it_refuses_growth_loses_nothing_and_lifts_itself(self):
        keys = {}
        self.fill(keys)
        self.assertGreater(len(keys) * VALUE_BYTES, QUOTA // 3)
        self.check_full(keys)
        self.restart()
        self.check_full(keys)

        for key in sorted(keys)[::2]:
            self.assertEqual(self.done("KV/DeleteRange", API.DeleteRangeRequest(key=key)).deleted, 1)
            del keys[key]
        revision = self.done("KV/Range", API.RangeRequest(key=b"x")).header.revision
        self.done("KV/Compact", API.CompactionRequest(revision=revision))
        # Nobody disarms, nobody defragments.
        self.wait_until(lambda: self.put(b"again").ok, "room")
        keys[b"again"] = b"v"
        self.assertEqual(self.alarms(), [])
        self.assertEqual(self.page("/health")[0], 200)
        self.assertEqual(self.everything(), keys)

        before = len(keys)
        self.fill(keys)
        self.assertGreater(len(keys), before)
        self.assertEqual(self.everything(), keys)

        member = self.alarms()[0][0]
        disarmed = self.done(
            "Maintenance/Alarm",
            API.AlarmRequest(action=API.AlarmRequest.DEACTIVATE, memberID=member, alarm=API.NOSPACE),
        )
        self.assertEqual(len(disarmed.alarms), 1)
        self.assertTrue(self.put(b"by hand").ok)
        time.sleep(1)
        self.assertEqual(self.alarms(), [], "the alarm is back though nothing has grown")

    def check_full(self, keys):
        status = self.done("Maintenance/Status", API.StatusRequest())
        member = status.header.member_id
        self.assertEqual(list(status.errors), [f"memberID:{member} alarm:NOSPACE "])
        self.assertEqual(status.dbSizeQuota, QUOTA)
        self.assertEqual(self.alarms(), [(member, API.NOSPACE)])
        txn = API.TxnRequest()
        txn.failure.add().request_put.key = b"never"
        self.assertEqual(self.refused("KV/Txn", txn), FULL)
        self.assertEqual(self.refused("Lease/LeaseGrant", API.LeaseGrantRequest(TTL=60)), FULL)
        self.assertEqual(self.put(b"never").text, FULL)
        self.assertEqual(self.everything(), keys)
        self.assertEqual(
            self.page("/health"), (503, '{"health":"false","reason":"ALARM NOSPACE"}\n')
        )
        self.assertEqual(self.page("/health?exclude=NOSPACE")[0], 200)
        self.assertEqual(self.page("/readyz")[0], 200)
        metrics = self.page("/metrics")[1]
        self.assertIn(
            f'etcd_debugging_server_alarms{{alarm_type="NOSPACE",server_id="{member:x}"}} 1', metrics
        )


class Whole(Running):
    flags = []

    def hash_of(self, revision=0):
        return self.done("Maintenance/HashKV", API.HashKVRequest(revision=revision))

    def test_sizes_are_there_before_anything_is_flushed(self):
        before = self.done("Maintenance/Status", API.StatusRequest())
        self.assertGreater(before.dbSize, 0)
        for i in range(20):
            self.put(b"k%d" % i, self.random.randbytes(VALUE_BYTES))
        after = self.done("Maintenance/Status", API.StatusRequest())
        self.assertGreater(after.dbSize - before.dbSize, 20 * VALUE_BYTES * 9 // 10)
        self.assertLessEqual(after.dbSizeInUse, after.dbSize)
        self.assertEqual((after.version, after.storageVersion), ("3.6.14", "3.6.0"))
        self.assertEqual(after.leader, after.header.member_id)
        # The member's own entries may be on their way.
        self.assertGreaterEqual(after.raftIndex, after.raftAppliedIndex)
        self.assertGreater(after.raftAppliedIndex, 20)

    def test_a_revision_keeps_its_hash(self):
        for i in range(200):
            self.put(b"k%d" % (i % 20), b"%d" % i)
        hashes = {revision: self.hash_of(revision).hash for revision in range(100, 202, 10)}
        self.assertEqual(len(set(hashes.values())), len(hashes))
        whole = self.done("Maintenance/Hash", API.HashRequest()).hash
        self.assertEqual(self.done("Maintenance/Hash", API.HashRequest()).hash, whole)
        self.done("KV/Compact", API.CompactionRequest(revision=140, physical=True))
        self.assertNotEqual(self.done("Maintenance/Hash", API.HashRequest()).hash, whole)
        self.put(b"k0", b"newer")
        self.done("Maintenance/Defragment", API.DefragmentRequest())
        self.restart()
        for revision, value in hashes.items():
            if revision >= 140:
                response = self.hash_of(revision)
                self.assertEqual((response.hash, response.hash_revision), (value, revision))
                self.assertEqual((response.compact_revision, response.header.revision), (140, 202))
        compacted, future = (API.HashKVRequest(revision=revision) for revision in (139, 203))
        self.assertIn("has been compacted", self.refused("Maintenance/HashKV", compacted))
        self.assertIn("is a future revision", self.refused("Maintenance/HashKV", future))

    def test_defragmentation_and_hashes_let_others_write_and_read(self):
        value = self.random.randbytes(1000)
        for i in range(2000):
            self.put(b"k%d" % (i % 500), value)
        self.done("KV/Compact", API.CompactionRequest(revision=1500))
        ended = threading.Event()
        other = Client(self.server.address)
        self.addCleanup(other.close)
        answers = []

        def maintain():
            for _ in range(5):
                answers.append(other.call("Maintenance/Defragment", b""))
                answers.append(other.call("Maintenance/HashKV", b""))
            ended.set()

        thread = threading.Thread(target=maintain)
        thread.start()
        slowest, writes = 0.0, 0
        while not ended.is_set() or writes < 10:
            begun = time.monotonic()
            self.assertTrue(self.put(b"beside").ok)
            slowest, writes = max(slowest, time.monotonic() - begun), writes + 1
        thread.join()
        self.assertTrue(all(answer.ok for answer in answers))
        self.assertLess(slowest, 2.0)
        self.assertEqual(answers[0].payload, b"", "no header")
        self.assertIn("etcd_disk_backend_defrag_duration_seconds_count 5", self.page("/metrics")[1])
        self.assertIn("troupe_store_damage_found_total 0", self.page("/metrics")[1])

    def test_a_downgrade_is_recorded_and_nothing_more(self):
        actions = API.DowngradeRequest

        def ask(action, version=""):
            return API.DowngradeRequest(action=action, version=version)

        self.assertEqual(self.done("Maintenance/Downgrade", ask(actions.VALIDATE, "3.5")).version, "3.6")
        self.assertEqual(
            self.refused("Maintenance/Downgrade", ask(actions.VALIDATE, "3.4")),
            "etcdserver: invalid downgrade target version",
        )
        self.assertEqual(self.done("Maintenance/Downgrade", ask(actions.ENABLE, "3.5.0")).version, "3.6")
        self.restart()
        status = self.done("Maintenance/Status", API.StatusRequest())
        self.assertTrue(status.downgradeInfo.enabled)
        self.assertEqual(status.downgradeInfo.targetVersion, "3.5.0")
        self.assertEqual(status.storageVersion, "3.6.0")
        for action in (actions.VALIDATE, actions.ENABLE):
            self.assertEqual(
                self.refused("Maintenance/Downgrade", ask(action, "3.5")),
                "etcdserver: cluster has a downgrade job in progress",
            )
        self.done("Maintenance/Downgrade", ask(actions.CANCEL))
        self.assertEqual(
            self.refused("Maintenance/Downgrade", ask(actions.CANCEL)),
            "etcdserver: no inflight downgrade job",
        )

    def test_a_corrupt_alarm_of_a_client_stops_writes_until_it_is_taken_back(self):
        self.put(b"a", b"1")
        alarm = API.AlarmRequest(action=API.AlarmRequest.ACTIVATE, memberID=5, alarm=API.CORRUPT)
        self.done("Maintenance/Alarm", alarm)
        answer = self.put(b"a", b"2")
        self.assertEqual((answer.code, answer.text), ("DATA_LOSS", "etcdserver: corrupt cluster"))
        self.assertEqual(self.everything(), {b"a": b"1"})
        self.assertIn("ALARM CORRUPT", self.page("/health")[1])
        self.assertEqual(self.page("/readyz")[0], 503)
        alarm.action = API.AlarmRequest.DEACTIVATE
        self.done("Maintenance/Alarm", alarm)
        self.assertTrue(self.put(b"a", b"2").ok)


del Running  # not a test by itself

if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    API = EtcdApi()
    unittest.main()
