#!/usr/bin/python3
"""The differential judge for watches, leases, maintenance and the JSON gateway: the same seeded calls,
with KV writes between them, to real etcd and to a second server, every answer compared.

Usage:
    service_judge.py --right build/apps/troupe/troupe     # 50 seeds x 400 calls against etcd
    service_judge.py --right ... --seed 17 --seeds 1      # replay
    service_judge.py --right ... --kinds watch,lease      # without the gateway

Same seed, same etcd: same calls. Events are compared per watch as one flat list; how they were
grouped into answers matters only in sync (see watch_stream.py for the rules). Waiting is for what
the history of the left server says must come, never for a time. What may differ stands in
allowed.txt. Exit status: 0 equal, 1 differences, 2 a server failed.
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

import gateway_calls
import judge
from compare import Comparison, read_rules
from etcd_api import EtcdApi
from gateway_calls import GatewayCalls
from lease_calls import LeaseCalls, LeasedKv, let_leases_expire
from maintenance_calls import MaintenanceCalls
from pair import Pair
from server_process import Server, ServerFailed
from watch_calls import WatchCalls

from google.protobuf import text_format

KINDS = ("watch", "lease", "gateway", "maintenance")
SETTLE_PROBABILITY = 0.3
EXPIRY_EVERY = 5  # seeds


class Tally:
    """Calls by kind (what the test promises a number of) and by method and outcome."""

    def __init__(self):
        self.kinds = {**{kind: 0 for kind in KINDS}, "kv": 0}
        self.outcomes = {}
        self.differences = 0

    def count(self, method, outcome):
        kind = "gateway" if method.startswith("gateway ") else method.split("/")[0].lower()
        self.kinds[kind] += 1
        label = f"{method} {outcome.strip()}"
        self.outcomes[label] = self.outcomes.get(label, 0) + 1

    @property
    def judged(self):
        return sum(count for kind, count in self.kinds.items() if kind != "kv")


class Seed:
    """One seed on two running servers."""

    def __init__(self, api, comparison, tally, servers, seed, kinds):
        self._seed = seed
        self._tally = tally
        self._random = random.Random(seed)
        self._pair = Pair(api, comparison, tally, servers, self._report)
        self._kv = LeasedKv(api, self._random)
        self._leases = LeaseCalls(self._pair, self._random, self._kv)
        self._watches = WatchCalls(self._pair, self._random, self._kv)
        self._gateway = GatewayCalls(
            self._pair, self._random, self._kv, self._leases, self._watches
        )
        self._maintenance = MaintenanceCalls(self._pair, self._random, self._kv, self._watches)
        self._kinds = kinds
        self._found = 0

    def run(self, calls, with_expiry):
        """At least `calls` calls that are not of KV; less if the two sides part."""
        begun = self._tally.judged
        try:
            self._watches.write(self._kv.put(b"first"))  # both have a leader now
            while self._tally.judged - begun < calls:
                if not self._step() or self._found >= judge.DIFFERENCES_PER_SEED:
                    return
            self._watches.finish()
            if with_expiry and "lease" in self._kinds:
                let_leases_expire(self._pair, self._random)
        finally:
            self._watches.close()
            self._gateway.close()
            self._pair.close()

    def _step(self):
        if self._leases.must_follow:
            return self._leases.step()
        step = self._random.choices(
            [self._write, self._compact, *(self._step_of(kind) for kind in KINDS)],
            [60, 2, *(weight * (kind in self._kinds) for kind, weight in zip(KINDS, (22, 30, 30, 10)))],
        )[0]
        if not step():
            return False
        if self._random.random() < SETTLE_PROBABILITY and not self._leases.must_follow:
            self._watches.settle()
        return True

    def _step_of(self, kind):
        return {
            "watch": self._watches.step,
            "lease": self._leases.step,
            "gateway": self._gateway.step,
            "maintenance": self._maintenance.step,
        }[kind]

    def _write(self):
        return self._watches.write(self._kv.next())

    def _compact(self):
        return self._watches.catch_up() and self._watches.write(self._kv.compact())

    def _report(self, call, left, right, found):
        self._found += 1
        self._tally.differences += 1
        print(f"\nDIFFERENCE  seed {self._seed}   (replay: --seed {self._seed} --seeds 1)")
        print(f"  request: {judge.shorten(_describe(call))}")
        for side, answer in (("left", left), ("right", right)):
            print(f"  {side + ':':8} {judge.shorten(repr(answer))}")
        for difference in found[:10]:
            shown = f"{_shown(difference.left)} against {_shown(difference.right)}"
            print(f"  {difference.where}: {shown}")
        sys.stdout.flush()


def _describe(call):
    if hasattr(call, "verb"):
        return gateway_calls.describe(call)
    if isinstance(call.message, list):
        texts = (text_format.MessageToString(m, as_one_line=True) for m in call.message[-40:])
        return f"{call.method} [{' ; '.join(texts)}]"
    return judge.describe_request(call)


def _shown(value):
    return judge.shorten(repr(value))


def judge_seed(api, comparison, tally, commands, seed, calls, kinds, directory):
    """Runs one seed on two fresh servers; raises ServerFailed if one does not answer any more."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="judge-", dir=directory))
    try:
        with Server(commands[0], work / "left") as left, Server(
            commands[1], work / "right"
        ) as right:
            Seed(api, comparison, tally, (left, right), seed, kinds).run(
                calls, seed % EXPIRY_EVERY == 0
            )
            for side, server in (("left", left), ("right", right)):
                if not server.running:
                    raise ServerFailed(f"seed {seed}: {side} has ended\n{server.log_tail()}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--left", default="/usr/bin/etcd", help="the reference: real etcd 3.4.23")
    parser.add_argument("--right", required=True, help="the server under test")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=50, help="how many")
    parser.add_argument(
        "--calls", type=int, default=400, help="calls per seed that are not of KV, at least"
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help="which of these to send")
    parser.add_argument(
        "--directory", default=judge.memory_directory(), help="where the servers' data lies"
    )
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    api = EtcdApi()
    rules = read_rules()
    comparison, tally = Comparison(api, rules), Tally()
    commands = [shlex.split(arguments.left), shlex.split(arguments.right)]
    began = time.monotonic()
    try:
        for seed in range(arguments.seed, arguments.seed + arguments.seeds):
            judge_seed(
                api,
                comparison,
                tally,
                commands,
                seed,
                arguments.calls,
                arguments.kinds.split(","),
                arguments.directory,
            )
    except ServerFailed as failure:
        print(f"SERVER FAILED: {failure}")
        return 2
    counts = ", ".join(f"{count} {kind}" for kind, count in tally.kinds.items())
    print(
        f"{tally.judged} calls ({counts}) over {arguments.seeds} seeds "
        f"in {time.monotonic() - began:.0f} s, {tally.differences} differences"
    )
    judge.print_details(tally.outcomes, rules, comparison)
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
