"""The load generator against a node of ours and against real etcd, in loads that take a moment.

Usage: program_test.py TROUPE_BENCH TROUPE ETCD [TEST ...]
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from server_process import Server, free_port  # noqa: E402

BENCH, TROUPE, ETCD = (os.path.abspath(path) for path in sys.argv[1:4])
del sys.argv[1:4]


def bench(*arguments):
    # Less than the silence after which a run that waits for nothing would end.
    return subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True, timeout=25, check=False)


class Load(unittest.TestCase):
    """Puts and ranges; subclasses name the server."""

    program = None

    @classmethod
    def setUpClass(cls):
        if cls.program is None:
            raise unittest.SkipTest("the base of the others")
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.server = cls.enterClassContext(Server(cls.program, cls.directory))

    def run_bench(self, *arguments, status=0):
        done = bench(*arguments, "--endpoints", self.server.address, "--output", "json",
                     "--server-pid", self.server.pid)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def assert_in_order(self, times):
        names = ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us")
        values = [times[name] for name in names]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[0], 0)

    def test_puts_and_ranges(self):
        put = self.run_bench("put", "--total", 2000, "--key-space", 500, "--threads", 2)["put"]
        self.assertEqual((put["calls"], put["failed"]), (2000, 0))
        self.assertGreater(put["per_second"], 100)
        self.assert_in_order(put)
        for more in ((), ("--serializable",), ("--keys-per-range", 10)):
            one = self.run_bench("range", "--total", 1000, "--key-space", 500, "--verify", 1000, *more)
            self.assertEqual((one["range"]["calls"], one["range"]["failed"]), (1000, 0))
        self.assertGreater(one["server"]["resident_bytes"], 1 << 20)

    def test_a_wrong_value_is_noticed(self):
        self.run_bench("put", "--total", 50, "--key-space", 50, "--prefix", "other/")
        result = self.run_bench("range", "--total", 50, "--key-space", 50, "--prefix", "other/",
                                "--value-size", 255, "--verify", 10, status=1)
        self.assertEqual(result["range"]["failed"], 10)
        self.assertEqual(list(result["range_errors"].values()), [10])

    def test_the_servers_refusals_are_counted_by_status(self):
        result = self.run_bench("put", "--total", 20, "--value-size", 3_000_000, "--connections", 1,
                                "--streams", 2, status=1)
        self.assertEqual(result["put"]["failed"], 20)
        self.assertEqual(sum(result["put_errors"].values()), 20)
        self.assertRegex(next(iter(result["put_errors"])), "^(INVALID_ARGUMENT|RESOURCE_EXHAUSTED): ")

    def test_a_pause_of_the_server_is_seen_by_every_call_that_was_meant_to_start(self):
        pause = 0.3
        written = self.server.written_bytes()

        def stop_and_go():
            deadline = time.monotonic() + 10
            while self.server.written_bytes() == written and time.monotonic() < deadline:
                time.sleep(0.01)  # until the load has begun
            self.server.signal(signal.SIGSTOP)
            time.sleep(pause)
            self.server.signal(signal.SIGCONT)

        pauser = threading.Thread(target=stop_and_go)
        pauser.start()
        # Two streams: a closed loop would have had two slow calls of 200.
        put = self.run_bench("put", "--rate", 200, "--duration", 1, "--connections", 1, "--streams", 2)["put"]
        pauser.join()
        self.assertEqual(put["calls"] + put.get("never_started", 0), 200)
        self.assertGreater(put["max_us"], pause * 0.9e6)
        self.assertGreater(put["p90_us"], pause * 0.4e6)  # about 60 of them waited, 0 to 0.3 s


class WatchAndLease(Load):
    """Also watches and leases."""

    def test_watchers_are_created(self):
        result = self.run_bench("watch-create", "--watchers", 500, "--connections", 3, "--streams", 7, "--keys", 2)
        self.assertEqual((result["creation"]["watchers"], result["creation"]["failed"]), (500, 0))
        self.assertIn("resident_per_watcher_bytes", result["creation"])

    def test_every_watcher_gets_every_put_once(self):
        result = self.run_bench("watch-fanout", "--watchers", 300, "--on-key", 100, "--connections", 3,
                                "--streams", 30, "--puts", 4, "--background-puts", 200, "--before", 0.2)
        self.assertEqual(result["events"], {"watchers_of_the_key": 100, "received": 400, "missing": 0,
                                            "repeated": 0, "unexpected": 0})
        self.assert_in_order(result["put_to_the_last_watcher"])
        self.assertLessEqual(result["put_to_the_first_watcher"]["p50_us"], result["put_to_the_last_watcher"]["max_us"])
        self.assertGreaterEqual(result["background_puts_before"]["calls"], 30)
        self.assertGreater(result["background_puts_meanwhile"]["calls"], 0)

    def test_puts_of_others_are_unexpected_events(self):
        # Both put the same watched key.
        arguments = ("watch-fanout", "--watchers", 5, "--connections", 1, "--streams", 2, "--steady", "--rate", 100,
                     "--duration", 0.5, "--timeout", 0.5, "--prefix", "shared/")
        done = []
        both = [threading.Thread(target=lambda: done.append(
            bench(*arguments, "--endpoints", self.server.address, "--output", "json"))) for _ in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join()
        self.assertEqual([each.returncode for each in done], [1, 1])
        self.assertGreater(json.loads(done[0].stdout)["events"]["unexpected"], 0)

    def test_a_stalled_stream_gets_one_window_and_is_not_counted(self):
        result = self.run_bench("watch-fanout", "--watchers", 20, "--on-key", 4, "--connections", 2, "--streams", 10,
                                "--steady", "--rate", 500, "--duration", 0.5, "--stall", 1, "--value-size", 1000)
        calls = result["put"]["calls"]
        self.assertEqual(calls + result["put"].get("never_started", 0), 250)
        stalled = result["events"].pop("received_on_stalled_streams")
        self.assertEqual(result["events"], {"watchers_of_the_key": 3, "received": 3 * calls, "missing": 0,
                                            "repeated": 0, "unexpected": 0})
        self.assertTrue(0 < stalled <= 65, stalled)  # of 64 KiB

    def test_leases(self):
        grant = self.run_bench("lease-grant", "--total", 500)["lease_grant"]
        self.assertEqual((grant["calls"], grant["failed"]), (500, 0))
        renewal = self.run_bench("lease-keepalive", "--leases", 50, "--total", 500, "--streams", 20)["lease_renewal"]
        self.assertEqual((renewal["calls"], renewal["failed"]), (500, 0))
        self.assert_in_order(renewal)

    def test_leases_expire(self):
        def expire(*how):
            return self.run_bench("lease-expire", "--leases", 20, "--ttl", 2, "--together",
                                  "--background-puts", 100, "--before", 0.1, *how)

        with concurrent.futures.ThreadPoolExecutor() as both:
            results = list(both.map(lambda how: expire(*how), ([], ["--attach"])))
        for result in results:
            expiry = result["expiry"]
            self.assertEqual([expiry[name] for name in ("gone", "still_there", "too_early", "gone_twice")],
                             [20, 0, 0, 0])
            self.assertLess(result["lateness"]["max_us"], 5_000_000)
            for phase in ("before", "until_the_first_deadline", "while_leases_expire"):
                self.assertGreater(result[f"background_puts_{phase}"]["calls"], 0)


class Etcd(WatchAndLease):
    program = ETCD


class Troupe(WatchAndLease):
    program = TROUPE


class Usage(unittest.TestCase):
    def test_a_wrong_flag_is_one_line(self):
        done = bench("put", "--totl", "5")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "troupe-bench: unknown flag --totl; did you mean --total?\n")

    def test_help_goes_to_stdout(self):
        done = bench("watch-fanout", "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--stall", done.stdout)

    def test_nobody_listens(self):
        done = bench("put", "--endpoints", f"127.0.0.1:{free_port()}")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("cannot connect to 127.0.0.1:", done.stderr)

    def test_a_server_that_ends(self):
        with tempfile.TemporaryDirectory() as directory, Server(ETCD, directory) as server:
            killer = threading.Timer(0.3, server.kill)
            killer.start()
            done = bench("put", "--endpoints", server.address, "--duration", 20)
            killer.join()
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^troupe-bench: (the server closed a connection|recv: |send: ).*\n$")


if __name__ == "__main__":
    unittest.main()
