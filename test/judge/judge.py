#!/usr/bin/python3
"""The differential judge: the same seeded random KV calls to real etcd and to a second server,
every answer compared.

Usage:
    judge.py --right build/apps/troupe/troupe         # 50 seeds x 400 calls against etcd
    judge.py --right ... --seed 17 --seeds 1 --steps 120   # replay up to step 120
    judge.py --left "etcd" --right "etcd --max-txn-ops 100"    # with arguments

Every field, code, text and trailing metadata must be equal but for the rules in allowed.txt. A
difference is printed with seed, step, request and both answers. After one the states may be
apart: the rest of that seed is left out, unless the call was a read. Exit status: 0 equal, 1
differences, 2 a server failed.
"""

import argparse
import pathlib
import random
import shlex
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from compare import Comparison, is_read_only, read_rules
from etcd_api import Client, EtcdApi
from generator import Generator
from server_process import Server, ServerFailed

from google.protobuf import text_format

sys.setrecursionlimit(20_000)  # requests nested 128 deep are printed too
MAX_TEXT = 3000
DIFFERENCES_PER_SEED = 5
FINAL_REVISIONS = 30
# Both sides elect at once; judging needs no durability, so the data may lie in memory.
FAST_START = ["--heartbeat-interval", "10", "--election-timeout", "100"]


class Tally:
    def __init__(self):
        self.calls = 0
        self.errors = 0
        self.differences = 0
        self.codes = {}

    def count(self, answer):
        self.calls += 1
        self.errors += not answer.ok
        label = answer.code if answer.ok else f"{answer.code} {answer.text}"
        self.codes[label] = self.codes.get(label, 0) + 1


def shorten(text):
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"


def describe_request(call):
    if call.message is None or len(call.payload) > 100_000:
        return f"{call.method} {len(call.payload)} bytes: {shorten(call.payload.hex())}"
    return f"{call.method} {shorten(text_format.MessageToString(call.message, as_one_line=True))}"


def describe_answer(comparison, call, answer):
    message = comparison.parse(call, answer)
    if message is None:
        return f"{answer.code} {answer.text!r} {shorten(answer.payload.hex())}"
    return f"{answer.code} {shorten(text_format.MessageToString(message, as_one_line=True))}"


def report(seed, step, comparison, call, answers, found):
    print(
        f"\nDIFFERENCE  seed {seed} step {step}   (replay: --seed {seed} --seeds 1 --steps {step})"
    )
    print(f"  request: {describe_request(call)}")
    for side, answer in zip(("left", "right"), answers):
        print(
            f"  {side + ':':8} {describe_answer(comparison, call, answer) if answer else 'not asked'}"
        )
    for difference in found[:10]:
        print(
            f"  {difference.where}: {shorten(repr(difference.left))} against {shorten(repr(difference.right))}"
        )
    sys.stdout.flush()


class Judge:
    """Compares two running servers."""

    def __init__(self, api, comparison, tally, left, right, alter=None):
        """`left`, `right`: addresses. `alter(answer)`: changes right's answers, to test the judge
        itself.
        """
        self._api = api
        self._comparison = comparison
        self._tally = tally
        self._left = Client(left)
        self._right = Client(right)
        self._alter = alter or (lambda call, answer: answer)
        self._right_is_3_4 = self._version(self._right).startswith("3.4")

    def close(self):
        self._left.close()
        self._right.close()

    def _version(self, client):
        answer = client.call("Maintenance/Status", b"")
        if not answer.ok:
            raise ServerFailed(f"Maintenance/Status: {answer.code} {answer.text}")
        return self._api.StatusResponse.FromString(answer.payload).version

    def run(self, seed, steps):
        generator = Generator(self._api, random.Random(seed))
        found_in_seed = 0
        for step in range(1, steps + 1):
            call = generator.next()
            if not self._judge(seed, step, call, generator):
                found_in_seed += 1
                if not is_read_only(call) or found_in_seed == DIFFERENCES_PER_SEED:
                    return
        for revision in [0, *generator.readable_revisions[-FINAL_REVISIONS:]]:
            if not self._judge(seed, steps, generator.everything_at(revision), generator):
                return

    def _judge(self, seed, step, call, generator):
        """Whether the answers are equal enough."""
        rule = self._comparison.not_for_etcd(call)
        if rule:
            if self._right_is_3_4:
                return True
            left, right = None, self._alter(call, self._right.call(call.method, call.payload))
            found = self._comparison.alone(rule, right)
        else:
            left = self._left.call(call.method, call.payload)
            right = self._alter(call, self._right.call(call.method, call.payload))
            generator.learn(call, self._comparison.parse(call, left))
            found = self._comparison.differences(call, left, right)
        self._tally.count(right)
        if found:
            self._tally.differences += 1
            report(seed, step, self._comparison, call, (left, right), found)
        return not found


def judge_seed(api, comparison, tally, commands, seed, steps, directory, alter=None):
    """Runs one seed on two fresh servers; raises ServerFailed if one does not answer any more."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="judge-", dir=directory))
    try:
        with Server(commands[0], work / "left", FAST_START) as left, Server(
            commands[1], work / "right", FAST_START
        ) as right:
            judge = Judge(api, comparison, tally, left.address, right.address, alter)
            judge.run(seed, steps)
            judge.close()
            for side, server in (("left", left), ("right", right)):
                if not server.running:
                    raise ServerFailed(f"seed {seed}: {side} has ended\n{server.log_tail()}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def memory_directory():
    return "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--left", default="/usr/bin/etcd", help="the reference: real etcd 3.4.23")
    parser.add_argument("--right", required=True, help="the server under test")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=50, help="how many")
    parser.add_argument("--steps", type=int, default=400, help="calls per seed")
    parser.add_argument(
        "--directory", default=memory_directory(), help="where the servers' data lies"
    )
    return parser.parse_args()


def print_details(answers, rules, comparison):
    """How often each kind of answer came, most often first, and which rules nothing needed."""
    for label, count in sorted(answers.items(), key=lambda item: -item[1]):
        print(f"  {count:6} {shorten(label)[:150]}")
    for rule in rules:
        if rule not in comparison.used and rule.kind != "a":
            print(f"  not needed in this run: {rule.kind} | {rule.what}")


def main():
    arguments = parse_arguments()
    api = EtcdApi()
    rules = read_rules()
    comparison, tally = Comparison(api, rules), Tally()
    commands = [shlex.split(arguments.left), shlex.split(arguments.right)]
    began = time.monotonic()
    try:
        for seed in range(arguments.seed, arguments.seed + arguments.seeds):
            judge_seed(api, comparison, tally, commands, seed, arguments.steps, arguments.directory)
    except ServerFailed as failure:
        print(f"SERVER FAILED: {failure}")
        return 2
    print(
        f"{tally.calls} calls over {arguments.seeds} seeds in {time.monotonic() - began:.0f} s, "
        f"{tally.errors} of them answered by an error, {tally.differences} differences"
    )
    print_details(tally.codes, rules, comparison)
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
