#!/usr/bin/python3
"""Tests of the service judge itself: etcd against etcd is equal, every planted difference is found,
rare paths are reached, a seed replays the same calls.
"""

import contextlib
import io
import json
import re
import unittest
from unittest import mock

import service_judge
from compare import Comparison, read_rules
from etcd_api import EtcdApi
from gateway_calls import GatewayCalls, HttpCall
from gateway_compare import GatewayComparison
from gateway_http import HttpAnswer
from judge import memory_directory
from pair import Aliases, Pair
from watch_stream import WatchInbox

API = EtcdApi()
SEEDS_TRIED = 6

RARE = [
    "Lease/LeaseGrant FAILED_PRECONDITION etcdserver: lease already exists",
    "Lease/LeaseGrant OUT_OF_RANGE etcdserver: too large lease TTL",
    "Lease/LeaseRevoke NOT_FOUND etcdserver: requested lease not found",
    "Watch/cancel_request sent",
    "Watch/progress_request sent",
    "gateway KV/Txn 200",
    "gateway Lease/LeaseKeepAlive 200",
    "gateway Maintenance/Status 200",
    "gateway KV/Range 404",
    "gateway Watch/Watch sent",
    "KV/Put RESOURCE_EXHAUSTED etcdserver: mvcc: database space exceeded",
    "KV/Put DATA_LOSS etcdserver: corrupt cluster",
    "Lease/LeaseGrant RESOURCE_EXHAUSTED etcdserver: mvcc: database space exceeded",
    "Maintenance/HashKV OUT_OF_RANGE etcdserver: mvcc: required revision is a future revision",
    "Maintenance/Defragment OK",
]


def run(seeds, calls=120, kinds=service_judge.KINDS):
    """(tally, what was printed) of real etcd against real etcd."""
    tally, output = service_judge.Tally(), io.StringIO()
    etcd = ["/usr/bin/etcd"]
    with contextlib.redirect_stdout(output):
        for seed in seeds:
            service_judge.judge_seed(
                API,
                Comparison(API, read_rules()),
                tally,
                [etcd, etcd],
                seed,
                calls,
                kinds,
                memory_directory(),
            )
    return tally, output.getvalue()


class Equal(unittest.TestCase):
    def test_etcd_equals_etcd_and_rare_paths_are_reached(self):
        tally, output = run([5, 6], calls=300)
        self.assertEqual(tally.differences, 0, output)
        self.assertGreaterEqual(tally.judged, 600)
        for kind in service_judge.KINDS:
            self.assertGreater(tally.kinds[kind], 80, kind)
        for rare in RARE:
            self.assertTrue(any(label.startswith(rare) for label in tally.outcomes), rare)

    def test_a_seed_replays_the_same_calls(self):
        def calls():
            made = []
            with watched(Pair, "call", made), watched(GatewayCalls, "_send", made):
                run([3], calls=120)
            return made

        first = calls()
        self.assertGreater(len(first), 60)
        self.assertEqual(first, calls())


@contextlib.contextmanager
def watched(owner, name, made):
    """Notes every call; ids that etcd draws are masked."""
    real = getattr(owner, name)

    def note(self, call, **named):
        made.append(re.sub(r"\d{15,}", "id", service_judge._describe(call)))
        return real(self, call, **named)

    with mock.patch.object(owner, name, note):
        yield


class Planted(unittest.TestCase):
    """Right's answers are changed where they are turned into left's ids."""

    def assert_found(self, kind, change, name="from_right"):
        real = getattr(Aliases, name)
        with mock.patch.object(
            Aliases, name, lambda self, got: change(real(self, got))
        ), mock.patch("pair.SETTLE_SECONDS", 3.0), mock.patch("judge.DIFFERENCES_PER_SEED", 1):
            for seed in range(1, SEEDS_TRIED + 1):
                tally, output = run([seed], kinds=(kind,))
                if tally.differences:
                    break
        self.assertGreater(tally.differences, 0)
        self.assertRegex(output, r"DIFFERENCE  seed \d+")

    def test_changed_messages(self):
        def lost_event(message):
            if type(message).__name__ == "WatchResponse" and message.events:
                del message.events[-1]

        def prev_kv(message):
            for event in getattr(message, "events", []):
                event.ClearField("prev_kv")

        def reason(message):
            if getattr(message, "cancel_reason", ""):
                message.cancel_reason += "."

        def created_header(message):
            if getattr(message, "created", False):
                message.header.revision += 1

        def compact_revision(message):
            if getattr(message, "compact_revision", 0):
                message.compact_revision += 1

        def header_in_sync(message):
            if len(getattr(message, "events", [])) == 1:
                message.header.revision += 1

        for change in (
            lost_event,
            prev_kv,
            reason,
            created_header,
            compact_revision,
            header_in_sync,
        ):
            with self.subTest(change=change.__name__):
                self.assert_found("watch", in_place(change))

    def test_changed_lease_answers(self):
        def renewed(message):
            if type(message).__name__ == "LeaseKeepAliveResponse" and message.TTL == 0:
                message.TTL = 5

        def lost_key(message):
            if type(message).__name__ == "LeaseTimeToLiveResponse" and message.keys:
                del message.keys[0]

        def wrong_ttl(message):
            if type(message).__name__ == "LeaseTimeToLiveResponse" and message.grantedTTL:
                message.TTL = message.grantedTTL + 1

        for change in (renewed, lost_key, wrong_ttl):
            with self.subTest(change=change.__name__):
                self.assert_found("lease", in_place(change))

    def test_changed_gateway_texts(self):
        for old, new in (
            ('"revision":"', '"revision":"1'),
            ('"TTL":"', '"ttl":"'),
            ('"count":"1"', '"count":1'),
            ('"code":3', '"code":13'),
            ('"type":"DELETE"', '"type":1'),
        ):
            with self.subTest(old=old):
                self.assert_found("gateway", lambda text: text.replace(old, new), "text_from_right")


def in_place(change):
    def changed(message):
        change(message)
        return message

    return changed


class Streams(unittest.TestCase):
    """The rules that hold for each stream alone."""

    def faults(self, *messages, fragment=False):
        return self.record(*messages, fragment=fragment).faults

    def record(self, *messages, fragment=False):
        inbox = WatchInbox()
        inbox.requested.append(API.WatchCreateRequest(key=b"a", fragment=fragment))
        created = API.WatchResponse(created=True)
        created.header.revision = 4
        inbox.take(created, created, [])
        inbox.records[0].synced_at = 4
        for header, cut, revisions in messages:
            message = API.WatchResponse(fragment=cut)
            message.header.revision = header
            for revision in revisions:
                message.events.add().kv.mod_revision = revision
            inbox.take(message, message, list(revisions))
        return inbox.records[0]

    def test_a_good_stream_has_no_fault(self):
        self.assertEqual(self.faults((5, False, [5, 5]), (7, False, [6, 7])), [])

    def test_pieces_do_not_depend_on_how_many_revisions_come_together(self):
        apart = self.record((5, False, [5, 5]), (6, True, [6]), (6, False, [6]), fragment=True)
        together = self.record((6, True, [5, 5, 6]), (6, False, [6]), fragment=True)
        self.assertEqual(apart.pieces, [(2, False), (1, True), (1, False)])
        self.assertEqual(together.pieces, apart.pieces)

    def test_a_revision_is_not_split(self):
        self.assertTrue(self.faults((5, False, [5]), (5, False, [5])))

    def test_a_fragment_may_split_a_revision_where_it_was_asked_for(self):
        pieces = (5, True, [5]), (5, False, [5])
        self.assertEqual(self.faults(*pieces, fragment=True), [])
        self.assertTrue(self.faults(*pieces))

    def test_no_event_comes_twice_or_out_of_order(self):
        self.assertTrue(self.faults((5, False, [5]), (6, False, [5, 6])))
        self.assertTrue(self.faults((6, False, [6, 5])))

    def test_the_header_is_not_behind_the_events_and_in_sync_not_before_them(self):
        self.assertTrue(self.faults((5, False, [6])))
        self.assertTrue(self.faults((7, False, [6])))

    def test_events_after_a_cancel_are_strays(self):
        inbox = WatchInbox()
        inbox.requested.append(API.WatchCreateRequest(key=b"a"))
        for message in (API.WatchResponse(created=True), API.WatchResponse(canceled=True)):
            inbox.take(message, message, [])
        late = API.WatchResponse()
        late.events.add()
        inbox.take(late, late, [b""])
        self.assertEqual(inbox.stray, [late])


class Rules(unittest.TestCase):
    """What the table lets pass of the gateway, and what not."""

    @staticmethod
    def differences(left, right, properties=(), is_write=False):
        def answer(status, value):
            is_text = isinstance(value, str)
            kind = "text/plain; charset=utf-8" if is_text else "application/json"
            body = value if is_text else json.dumps(value)
            return HttpAnswer(status, {"content-type": kind}, body)

        call = HttpCall(
            "KV/Range", None, "POST", "/v3/kv/range", (), "", frozenset(properties), is_write
        )
        comparison = GatewayComparison(Comparison(API, read_rules()))
        return comparison.differences(call, answer(*left), answer(*right))

    def test_the_shape_of_errors_may_differ_but_not_their_text(self):
        old = {"error": "etcdserver: x", "message": "etcdserver: x", "code": 9}
        new = {"code": 9, "message": "etcdserver: x"}
        self.assertEqual(self.differences((412, old), (400, new)), [])
        self.assertTrue(self.differences((412, old), (400, {**new, "message": "etcdserver: y"})))
        self.assertTrue(self.differences((412, old), (400, {**new, "code": 3})))
        self.assertTrue(self.differences((412, old), (409, new)))

    def test_only_the_named_requests_may_differ(self):
        old, new = (405, "Method Not Allowed"), (501, {"code": 12, "message": "Method Not Allowed"})
        self.assertEqual(self.differences(old, new, ["gateway method"]), [])
        self.assertTrue(self.differences(old, new))

    def test_a_rule_never_hides_a_write_of_etcd_alone(self):
        refused = (400, {"code": 3, "message": "proto: syntax error"})
        self.assertTrue(self.differences((200, {}), refused, ["gateway unreadable JSON"], True))


if __name__ == "__main__":
    unittest.main()
