"""What takes two clients, or a server that goes away: waiting for locks and elections beside etcdctl, watches and renewals over a
restart, mirrors, completion. Usage: together_test.py TROUPECTL"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from server_process import Server  # noqa: E402

ETCD, ETCDCTL = "/usr/bin/etcd", "/usr/bin/etcdctl"
PATIENCE_SECONDS = 20


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}")
        time.sleep(0.01)


class Client:
    """A client that runs beside the test, its output in files."""

    def __init__(self, case, program, *arguments, keep_input_open=False):
        self.out_path = case.home / f"out{len(case.clients)}"
        self.err_path = case.home / f"err{len(case.clients)}"
        case.clients.append(self)
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen([program, *arguments], stdout=out, stderr=err, env=case.environment,
                                            stdin=subprocess.PIPE if keep_input_open else subprocess.DEVNULL)

    @property
    def lines(self):
        return self.out_path.read_text().splitlines()

    def wait_lines(self, count):
        wait_until(lambda: len(self.lines) >= count, f"{count} lines, has {self.lines} {self.err_path.read_text()}")
        return self.lines

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


class Together(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = pathlib.Path(directory.name)
        self.server = Server(ETCD, self.home / "server")
        self.addCleanup(self.server.kill)
        self.server.start()
        self.server.wait_ready()
        self.environment = {**{name: value for name, value in os.environ.items() if not name.startswith("ETCDCTL_")},
                            "ETCDCTL_ENDPOINTS": self.server.address}
        self.clients = []
        self.addCleanup(lambda: [client.end() for client in self.clients])

    def run_client(self, *arguments, program=None):
        return subprocess.run([program or TROUPECTL, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True, timeout=PATIENCE_SECONDS).stdout.decode()

    def keys(self, prefix):
        return self.run_client("get", "--prefix", prefix, "--keys-only").split()

    def test_locks_are_handed_on_between_both_clients(self):
        for first, second in ((TROUPECTL, ETCDCTL), (ETCDCTL, TROUPECTL), (TROUPECTL, TROUPECTL)):
            holder = Client(self, first, "lock", "l")
            held = holder.wait_lines(1)[0]
            waiter = Client(self, second, "lock", "l")
            wait_until(lambda: len(self.keys("l/")) == 2, "the second key")
            self.assertEqual(waiter.lines, [])
            self.assertEqual(holder.interrupt(), 0)
            self.assertNotEqual(waiter.wait_lines(1)[0], held)
            self.assertEqual(waiter.interrupt(), 0)
            self.assertEqual(self.keys("l/"), [])

    def test_three_get_a_lock_in_the_order_of_their_keys(self):
        waiting = []
        for place in range(3):
            waiting.append(Client(self, TROUPECTL, "lock", "l"))
            wait_until(lambda: len(self.keys("l/")) == place + 1, "its key")
        for place, client in enumerate(waiting):
            client.wait_lines(1)
            self.assertTrue(all(other.lines == [] for other in waiting[place + 1:]))
            client.interrupt()

    def test_whoever_stops_waiting_leaves_no_key(self):
        holder = Client(self, TROUPECTL, "lock", "l")
        key = holder.wait_lines(1)[0]
        waiter = Client(self, TROUPECTL, "lock", "l")
        wait_until(lambda: len(self.keys("l/")) == 2, "the second key")
        self.assertEqual(waiter.interrupt(), 1)
        self.assertEqual(waiter.err_path.read_text(), "Error: context canceled\n")
        self.assertEqual(self.keys("l/"), [key])

    def test_a_lock_outlives_its_ttl_while_its_holder_lives(self):
        holder = Client(self, TROUPECTL, "lock", "l", "--ttl=2")
        key = holder.wait_lines(1)[0]
        time.sleep(4)
        self.assertEqual(self.keys("l/"), [key])
        holder.process.kill()
        wait_until(lambda: self.keys("l/") == [], "the end of the lease")

    def test_a_lost_lease_ends_the_lock(self):
        holder = Client(self, TROUPECTL, "lock", "l", "--ttl=2")
        lease = holder.wait_lines(1)[0].split("/")[1]
        self.run_client("lease", "revoke", lease)
        self.assertEqual(holder.process.wait(PATIENCE_SECONDS), 1)
        self.assertEqual(holder.err_path.read_text(), "Error: session expired\n")

    def test_elections_are_handed_on_and_followed(self):
        follower = Client(self, TROUPECTL, "elect", "e", "--listen")
        first = Client(self, TROUPECTL, "elect", "e", "one")
        first.wait_lines(2)
        second = Client(self, ETCDCTL, "elect", "e", "two")
        wait_until(lambda: len(self.keys("e/")) == 2, "the second key")
        self.assertEqual(follower.wait_lines(2)[1], "one")
        self.assertEqual(first.interrupt(), 0)
        self.assertEqual(second.wait_lines(2)[1], "two")
        self.assertEqual(follower.wait_lines(4)[3], "two")
        self.assertEqual(follower.interrupt(), 0)

    def test_a_watch_goes_on_after_a_restart_without_gap_or_repetition(self):
        watch = Client(self, TROUPECTL, "watch", "--prefix", "k", "--rev=1")
        for number in range(20):
            self.run_client("put", "k", str(number))
            if number == 10:
                watch.wait_lines(3)
                self.server.kill()
                self.server.start()
                self.server.wait_ready()
        self.assertEqual(watch.wait_lines(60)[2::3], [str(number) for number in range(20)])

    def test_a_lease_is_renewed_after_a_restart(self):
        lease = self.run_client("lease", "grant", "3").split()[1]
        keeper = Client(self, TROUPECTL, "lease", "keep-alive", lease)
        keeper.wait_lines(1)
        self.server.kill()
        self.server.start()
        self.server.wait_ready()
        keeper.wait_lines(4)
        self.run_client("lease", "revoke", lease)
        self.assertEqual(keeper.process.wait(PATIENCE_SECONDS), 0)
        self.assertEqual(keeper.lines[-1], f"lease {lease} expired or revoked.")

    def test_a_dialogue_watches_and_asks_for_progress(self):
        self.run_client("put", "a", "1")
        dialogue = Client(self, TROUPECTL, "watch", "-i", keep_input_open=True)
        dialogue.process.stdin.write(b"watch a --rev 1\nwatch b --rev 1 -- sh -c 'echo ran $ETCD_WATCH_KEY'\n")
        dialogue.process.stdin.flush()
        self.assertEqual(dialogue.wait_lines(3), ["PUT", "a", "1"])
        self.run_client("put", "b", "2")
        self.assertEqual(dialogue.wait_lines(7)[3:], ["PUT", "b", "2", 'ran "b"'])
        dialogue.process.stdin.write(b"progress\n")
        dialogue.process.stdin.flush()
        self.assertEqual(dialogue.wait_lines(9)[7:], ["progress notify: 3"] * 2)
        dialogue.process.stdin.close()
        self.assertEqual(dialogue.process.wait(PATIENCE_SECONDS), 3)
        self.assertEqual(dialogue.err_path.read_text(), "Error: error reading watch request line: EOF\n")

    def test_a_mirror_copies_what_is_there_and_what_changes(self):
        with Server(ETCD, self.home / "other") as other:
            get = lambda: self.run_client_at(other, "get", "--prefix", "").split()
            self.run_client("put", "m/1", "a")
            self.run_client("put", "n", "outside")
            mirror = Client(self, TROUPECTL, "make-mirror", other.address, "--prefix", "m/", "--dest-prefix", "copy/")
            wait_until(lambda: get() == ["copy/1", "a"], "the base")
            self.run_client("put", "m/2", "b")
            self.run_client("del", "m/1")
            wait_until(lambda: get() == ["copy/2", "b"], "the changes")
            self.assertIsNone(mirror.process.poll())

    def run_client_at(self, server, *arguments):
        return subprocess.run([TROUPECTL, *arguments], env={**self.environment, "ETCDCTL_ENDPOINTS": server.address},
                              stdout=subprocess.PIPE, check=True, timeout=PATIENCE_SECONDS).stdout.decode()

    def test_the_next_endpoint_is_taken_if_the_first_is_away(self):
        self.environment["ETCDCTL_ENDPOINTS"] = f"127.0.0.1:1,{self.server.address}"
        self.assertEqual(self.run_client("put", "a", "1"), "OK\n")

    def test_why_there_is_no_connection_is_told(self):
        self.environment["ETCDCTL_ENDPOINTS"] = "127.0.0.1:1"
        got = subprocess.run([TROUPECTL, "get", "a", "--command-timeout=300ms", "--dial-timeout=300ms"], env=self.environment,
                             stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS)
        self.assertEqual(got.returncode, 1)
        self.assertRegex(got.stderr.decode(), r"^Error: context deadline exceeded\nNo connection: .*Connection refused")

    def test_bash_completes_commands_flags_and_choices(self):
        script = self.run_client("completion", "bash")
        ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _troupectl; echo "${COMPREPLY[*]}"'
        for words, expected in ((["le"], "lease"), (["lease", "gr"], "grant"), (["get", "--pre"], "--prefix"), (["get", "-w", "j"], "json"),
                                (["-w", "json", "endpoint", "hea"], "health"), (["get", "--order", ""], "ASCEND DESCEND")):
            got = subprocess.run(["bash", "-c", script + ask, "bash", "troupectl", *words], stdout=subprocess.PIPE, check=True,
                                 timeout=PATIENCE_SECONDS).stdout.decode()
            self.assertEqual(got.strip(), expected, words)


if __name__ == "__main__":
    TROUPECTL = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=1)
