#!/usr/bin/python3
"""Crashes a server at random moments under load and checks that it kept its promises.

Usage:
    crash_test.py --server build/apps/troupe/troupe            # 50 rounds of kill -9
    crash_test.py --server ... --rounds 0 --power-cuts 20 --preload .../libunsynced.so
    crash_test.py --server ... --rounds 0 --power-cuts 5 --preload ... --ignore-syncs
                                                               # must find something
    crash_test.py --server "etcd --snapshot-count 100" --rounds 10 --seed 7

Each round: clients write triples of keys in one txn and read pairs back, the server dies
(SIGKILL; or libunsynced.so drops un-synced data first), sometimes once more while it recovers,
and restarts on the same data. Then: every acknowledged txn is there at its revision, no txn is
there in half, revisions never go back, and what was seen to have happened or not to have happened
stays so (history.py). Exit status: 0 kept, 1 a promise was broken, 2 the server failed.
"""

import argparse
import pathlib
import random
import re
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from etcd_api import Client, EtcdApi
from history import SLOTS, History, Violation, log_key, pair_keys
from server_process import Server, ServerFailed

CALL_TIMEOUT_SECONDS = 5.0
SECONDS_UNDER_LOAD = (0.02, 0.8)
SECONDS_INTO_RECOVERY = (0.0, 0.2)
CHANCE_OF_CRASH_IN_RECOVERY = 0.2
SYNC_DELAY = "sync:0-3000"  # microseconds: leaves something un-synced to lose


class Load:
    """Writers and readers of one server life, each on a connection of its own."""

    def __init__(self, api, history, address, writers, readers, first_number):
        self._api = api
        self._history = history
        self._address = address
        self._stop = threading.Event()
        self._next = first_number  # writer -> number of its next txn, kept over lives
        self._threads = [threading.Thread(target=self._write, args=(w,)) for w in range(writers)]
        self._threads += [
            threading.Thread(target=self._read, args=(writers, r)) for r in range(readers)
        ]
        self.dying = False  # set before the server is killed: until then errors are violations

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer):
        client = Client(self._address)
        while not self._stop.is_set():
            number = self._next[writer]
            self._next[writer] += 1
            floor = self._history.revision
            answer = client.call("KV/Txn", self._txn(writer, number), CALL_TIMEOUT_SECONDS)
            if not answer.ok:
                self._history.unanswered(writer, number)
                self._unexpected(answer)
                break
            response = self._api.TxnResponse.FromString(answer.payload)
            self._history.acknowledged(writer, number, response.header.revision, floor)
        client.close()

    def _txn(self, writer, number):
        request = self._api.TxnRequest()
        for key in (*pair_keys(writer, number), log_key(writer, number)):
            request.success.add().request_put.MergeFrom(
                self._api.PutRequest(key=key, value=b"%d" % number)
            )
        return request.SerializeToString()

    def _read(self, writers, reader):
        client = Client(self._address)
        choose = random.Random(reader)
        while not self._stop.is_set():
            first, last = pair_keys(choose.randrange(writers), choose.randrange(SLOTS))
            request = self._api.RangeRequest(key=first, range_end=last + b"\0")
            floor = self._history.revision
            answer = client.call("KV/Range", request.SerializeToString(), CALL_TIMEOUT_SECONDS)
            if not answer.ok:
                self._unexpected(answer)
                break
            self._history.read(self._api.RangeResponse.FromString(answer.payload), floor)
        client.close()

    def _unexpected(self, answer):
        if not self.dying:
            self._history.violation(f"an error before the crash: {answer.code} {answer.text}")


class CrashTest:
    def __init__(self, api, server, seed, writers, readers, crash_signal):
        self._api = api
        self._server = server
        self._random = random.Random(seed)
        self._history = History()
        self._writers = writers
        self._readers = readers
        self._signal = crash_signal
        self._next_numbers = [0] * writers
        self.crashes = 0

    def round(self):
        """One life under load, a crash, a recovery, a look at everything. Raises Violation."""
        load = Load(
            self._api,
            self._history,
            self._server.address,
            self._writers,
            self._readers,
            self._next_numbers,
        )
        load.start()
        try:
            time.sleep(self._random.uniform(*SECONDS_UNDER_LOAD))
            load.dying = True
            self._crash()
        finally:
            load.dying = True
            load.join()
        self._history.raise_violations()
        while self._random.random() < CHANCE_OF_CRASH_IN_RECOVERY:
            self._server.start()
            time.sleep(self._random.uniform(*SECONDS_INTO_RECOVERY))
            self._crash()
        self._server.start()
        self._server.wait_ready()
        self.check()

    def _crash(self):
        if not self._server.running:
            raise ServerFailed(f"the server ended by itself\n{self._server.log_tail()}")
        self._server.signal(self._signal)
        self._server.wait_end()
        self.crashes += 1

    def check(self):
        client = Client(self._server.address)
        log_revision, log = self._everything_below(client, b"log/", b"log0")
        revision, pairs = self._everything_below(client, b"pair/", b"pair0")
        client.close()
        if log_revision != revision:
            raise Violation(f"the revision moved from {log_revision} to {revision} without writes")
        self._history.settle(revision, log, pairs)

    def _everything_below(self, client, key, end):
        request = self._api.RangeRequest(key=key, range_end=end)
        answer = client.call("KV/Range", request.SerializeToString(), 30.0)
        if not answer.ok:
            raise Violation(f"the first read after the restart: {answer.code} {answer.text}")
        response = self._api.RangeResponse.FromString(answer.payload)
        return response.header.revision, response.kvs

    @property
    def txns(self):
        return self._history.happened


def dropped_sectors_and_names(report):
    text = report.read_text() if report.exists() else ""
    return sum(int(count) for count in re.findall(r"(?:sectors|names)_dropped=(\d+)", text))


def run(api, command, rounds, seed, writers, readers, preload=None, variables=None):
    """Prints a line at the end. @returns how much un-synced data was dropped (0 without
    `preload`).
    """
    work = pathlib.Path(tempfile.mkdtemp(prefix="crash-"))
    report = work / "report"
    environment = {}
    if preload:
        environment = {
            "LD_PRELOAD": str(pathlib.Path(preload).resolve()),
            "UNSYNCED_ROOT": str(work / "server" / "data"),
            "UNSYNCED_REPORT": str(report),
            "UNSYNCED_DELAY": SYNC_DELAY,
            "UNSYNCED_SEED": str(seed),
            **(variables or {}),
        }
    try:
        with Server(command, work / "server", environment=environment) as server:
            crash_signal = signal.SIGUSR2 if preload else signal.SIGKILL
            test = CrashTest(api, server, seed, writers, readers, crash_signal)
            for number in range(1, rounds + 1):
                server.environment.update(
                    {"UNSYNCED_SEED": str(seed * 1000 + number)} if preload else {}
                )
                try:
                    test.round()
                except (Violation, ServerFailed) as failure:
                    failure.args = (f"seed {seed} round {number}: {failure}",)
                    raise
        dropped = dropped_sectors_and_names(report)
        print(
            f"{rounds} rounds, {test.crashes} {'power cuts' if preload else 'kills'}, "
            f"{test.txns} txns, all there"
            + (f"; {dropped} un-synced sectors and names dropped" if preload else "")
        )
        return dropped
    finally:
        shutil.rmtree(work, ignore_errors=True)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--server", required=True, help="program with arguments; takes etcd's flags"
    )
    parser.add_argument("--rounds", type=int, default=50, help="of kill -9")
    parser.add_argument("--power-cuts", type=int, default=0, help="rounds that drop un-synced data")
    parser.add_argument("--preload", help="libunsynced.so")
    parser.add_argument(
        "--ignore-syncs",
        action="store_true",
        help="make every sync a lie; exit 0 only if that is found out",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--readers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.power_cuts and not arguments.preload:
        parser.error("--power-cuts needs --preload")
    return arguments


def lies_are_found(api, command, arguments, load):
    """Whether power cuts under a disk that never syncs break a promise, or a start on what is
    left.
    """
    try:
        run(
            api,
            command,
            arguments.power_cuts,
            *load,
            preload=arguments.preload,
            variables={"UNSYNCED_IGNORE_SYNC": "1", "UNSYNCED_KEEP": "0"},
        )
    except (Violation, ServerFailed) as failure:
        print(f"found, as it must be: {str(failure)[:300]}")
        return True
    print("PROVED NOTHING: syncs were ignored and nothing was missing")
    return False


def main():
    arguments = parse_arguments()
    api, command = EtcdApi(), shlex.split(arguments.server)
    load = (arguments.seed, arguments.writers, arguments.readers)
    if arguments.ignore_syncs:
        return 0 if lies_are_found(api, command, arguments, load) else 1
    try:
        if arguments.rounds:
            run(api, command, arguments.rounds, *load)
        if arguments.power_cuts:
            dropped = run(api, command, arguments.power_cuts, *load, preload=arguments.preload)
            if dropped == 0:
                print("PROVED NOTHING: no power cut found anything un-synced")
                return 1
    except Violation as violation:
        print(f"BROKEN PROMISE: {violation}")
        return 1
    except ServerFailed as failure:
        print(f"SERVER FAILED: {failure}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
