#!/usr/bin/python3
"""Tests of the crash test: a right server passes, each planted bug is found.

Usage: crash_self_test.py --preload build/test/preload/libunsynced.so
"""

import argparse
import pathlib
import sys
import unittest

import crash_test
from etcd_api import EtcdApi
from history import Violation

API = EtcdApi()
PRELOAD = None
TINY = [sys.executable, "-B", str(pathlib.Path(__file__).parent / "tiny_server.py")]
ROUNDS = 12  # for a bug to show; most show in the first


def crash(command, rounds, power=False, variables=None, seed=3):
    return crash_test.run(API, command, rounds, seed, 4, 1, PRELOAD if power else None, variables)


class RightServers(unittest.TestCase):
    def test_etcd_survives_kill(self):
        crash(["/usr/bin/etcd"], 4)

    def test_a_server_that_syncs_survives_power_cuts(self):
        crash(TINY, 4, power=True)

    def test_power_cuts_find_something_to_drop(self):
        dropped = crash(TINY, ROUNDS, power=True, variables={"UNSYNCED_KEEP": "0"})
        self.assertGreater(dropped, 0)


class Bugs(unittest.TestCase):
    def assert_broken(self, promise, command, **arguments):
        with self.assertRaisesRegex(Violation, promise):
            crash(command, ROUNDS, **arguments)

    def test_ignored_syncs(self):
        self.assert_broken("LOST", TINY, power=True, variables={"UNSYNCED_IGNORE_SYNC": "1"})

    def test_answers_before_the_sync(self):
        self.assert_broken("LOST", [*TINY, "--bug", "early-ack"], power=True)

    def test_a_log_whose_name_is_not_synced(self):
        self.assert_broken(
            "LOST",
            [*TINY, "--bug", "no-directory-sync"],
            power=True,
            variables={"UNSYNCED_KEEP": "0"},
        )

    def test_txns_in_parts(self):
        self.assert_broken(
            "HALF A TXN|pairs differ|the last write was", [*TINY, "--bug", "half-txn"], power=True
        )

    def test_a_forgotten_revision(self):
        self.assert_broken("revision", [*TINY, "--bug", "forgets-revision"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preload", required=True)
    arguments, rest = parser.parse_known_args()
    PRELOAD = arguments.preload
    unittest.main(argv=[sys.argv[0], *rest])
