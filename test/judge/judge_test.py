#!/usr/bin/python3
"""Tests of the judge itself: etcd against etcd is equal, every planted difference is found, rare
paths are reached.

Usage: judge_test.py [--seeds N]
"""

import argparse
import contextlib
import io
import random
import sys
import unittest

import judge
from compare import Comparison, Rule, read_rules, request_properties
from etcd_api import EtcdApi
from generator import Call, Generator

ETCD = ["/usr/bin/etcd"]
API = EtcdApi()
SEEDS = 12

# What the calls must have met at least once (start of "CODE text").
RARE = [
    "INVALID_ARGUMENT etcdserver: too many operations in txn request",
    "INVALID_ARGUMENT etcdserver: duplicate key given in txn request",
    "INVALID_ARGUMENT etcdserver: value is provided",
    "INVALID_ARGUMENT etcdserver: lease is provided",
    "INVALID_ARGUMENT etcdserver: key is not provided",
    "INVALID_ARGUMENT etcdserver: key not found",
    "INVALID_ARGUMENT etcdserver: request is too large",
    "NOT_FOUND etcdserver: requested lease not found",
    "OUT_OF_RANGE etcdserver: mvcc: required revision has been compacted",
    "OUT_OF_RANGE etcdserver: mvcc: required revision is a future revision",
    "RESOURCE_EXHAUSTED grpc: received message larger than max",
    "UNIMPLEMENTED unknown method",
    "UNIMPLEMENTED unknown service",
    "INTERNAL grpc: error unmarshalling request: unexpected EOF",
]


def run(seeds, steps=400, right=(), alter=None, rules=None):
    """(tally, what was printed) of real etcd against real etcd with extra arguments or altered
    answers.
    """
    tally, output = judge.Tally(), io.StringIO()
    comparison = Comparison(API, read_rules() if rules is None else rules)
    with contextlib.redirect_stdout(output):
        for seed in seeds:
            judge.judge_seed(
                API,
                comparison,
                tally,
                [ETCD, [*ETCD, *right]],
                seed,
                steps,
                judge.memory_directory(),
                alter,
            )
    return tally, output.getvalue()


def alter_message(method, change):
    """Right's answers to `method` after `change(message)`; where that returns False they stay as
    they are.
    """

    def alter(call, answer):
        if call.method != method or not answer.ok or call.message is None:
            return answer
        message = getattr(
            API, judge.Comparison(API, []).parse(call, answer).DESCRIPTOR.name
        ).FromString(answer.payload)
        if change(message) is False:
            return answer
        return answer._replace(payload=message.SerializeToString())

    return alter


class Equal(unittest.TestCase):
    def test_etcd_equals_etcd_and_rare_paths_are_reached(self):
        tally, output = run(range(1, SEEDS + 1))
        self.assertEqual(tally.differences, 0, output)
        self.assertGreaterEqual(tally.calls, SEEDS * 400)
        for rare in RARE:
            self.assertTrue(any(label.startswith(rare) for label in tally.codes), rare)

    def test_a_seed_replays_the_same_calls(self):
        def calls():
            generator = Generator(API, random.Random(7))
            return [generator.next()[:2] for _ in range(300)]

        self.assertEqual(calls(), calls())


class Planted(unittest.TestCase):
    def assert_found(self, **arguments):
        for seed in range(1, SEEDS + 1):
            tally, output = run([seed], **arguments)
            if tally.differences:
                break
        self.assertGreater(tally.differences, 0)
        self.assertRegex(output, r"DIFFERENCE  seed \d+ step \d+")
        self.assertIn("request: ", output)

    def test_another_limit_of_operations(self):
        self.assert_found(right=["--max-txn-ops", "127"])

    def test_another_limit_of_bytes(self):
        self.assert_found(right=["--max-request-bytes", "1572000"])

    def test_a_lost_write(self):
        """Not a changed answer but a changed state: found by later reads."""

        def alter(call, answer):
            return answer

        real = judge.Client.call

        def losing(client, method, payload, timeout=20.0):
            answer = real(client, method, payload, timeout)
            if method == "KV/Put" and answer.ok and client is losing.victim and b"k1" in payload:
                real(
                    client, "KV/DeleteRange", API.DeleteRangeRequest(key=b"k1").SerializeToString()
                )
            return answer

        losing.victim = None
        real_init = judge.Judge.__init__

        def init(self, *arguments, **named):
            real_init(self, *arguments, **named)
            losing.victim = self._right

        judge.Client.call, judge.Judge.__init__ = losing, init
        try:
            self.assert_found(alter=alter)
        finally:
            judge.Client.call, judge.Judge.__init__ = real, real_init

    def test_changed_answers(self):
        def flip_more(message):
            message.more = not message.more

        def count(message):
            message.count += 1

        def swap(message):
            if len(message.kvs) < 2:
                return False
            first, second = message.kvs[0].SerializeToString(), message.kvs[1].SerializeToString()
            message.kvs[0].ParseFromString(second)
            message.kvs[1].ParseFromString(first)

        def version(message):
            if not message.kvs:
                return False
            message.kvs[-1].version += 1

        def revision(message):
            message.header.revision += 1

        def prev_kv(message):
            if not message.HasField("prev_kv"):
                return False
            message.ClearField("prev_kv")

        def no_header(message):
            message.ClearField("header")

        def no_member(message):
            message.header.member_id = 0

        def inner_header(message):
            if not message.responses:
                return False
            inner = message.responses[0]
            getattr(inner, inner.WhichOneof("response")).header.member_id = 1

        def unknown_field(message):
            message.MergeFromString(b"\x98\x06\x01")

        for method, change in [
            ("KV/Range", flip_more),
            ("KV/Range", count),
            ("KV/Range", swap),
            ("KV/Range", version),
            ("KV/Put", revision),
            ("KV/Put", prev_kv),
            ("KV/DeleteRange", no_header),
            ("KV/Put", no_member),
            ("KV/Txn", inner_header),
            ("KV/Txn", unknown_field),
        ]:
            with self.subTest(change=change.__name__):
                self.assert_found(alter=alter_message(method, change))

    def test_changed_errors(self):
        for change in (
            lambda answer: answer._replace(text=answer.text + " "),
            lambda answer: answer._replace(
                code="INTERNAL" if answer.code != "INTERNAL" else "UNKNOWN"
            ),
            lambda answer: answer._replace(metadata=(("x", "y"),)),
        ):
            self.assert_found(alter=lambda call, answer: answer if answer.ok else change(answer))


class Rules(unittest.TestCase):
    def test_ids_need_their_rules(self):
        tally, output = run([1], steps=5, rules=[])
        self.assertGreater(tally.differences, 0)
        self.assertIn("header.cluster_id", output)

    def test_a_rule_never_hides_a_write_that_only_one_side_did(self):
        comparison = Comparison(API, [Rule("b", "unknown-sort-order", "*", "*", "test")])
        request = API.TxnRequest()
        request.success.add().request_range.MergeFrom(API.RangeRequest(key=b"a", sort_order=9))
        request.success.add().request_put.key = b"b"
        call = Call("KV/Txn", request.SerializeToString(), request)
        self.assertEqual(request_properties(call), {"unknown-sort-order"})
        done = judge.Client.call.__globals__["Answer"]("OK", "", b"", ())
        refused = done._replace(code="INVALID_ARGUMENT", text="etcdserver: invalid sort option")
        self.assertEqual(len(comparison.differences(call, done, refused)), 1)

    def test_table_is_short_and_each_rule_has_a_reason(self):
        self.assertTrue(read_rules())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments, rest = parser.parse_known_args()
    SEEDS = arguments.seeds
    unittest.main(argv=[sys.argv[0], *rest])
