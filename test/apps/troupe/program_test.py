"""Runs the program itself: what it prints, its exit codes, its log and how it ends."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from server_process import Server  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))


def run(*arguments, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ETCD_", "TROUPE_"))}
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=30, cwd=directory,
                              env={**environment, **variables}, check=False)


class Refusals(unittest.TestCase):
    def test_version_goes_to_stdout(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout.splitlines()[0], "etcd Version: 3.6.14")
        self.assertRegex(result.stdout, r"(?m)^Git SHA: \w+")
        self.assertRegex(result.stdout, r"(?m)^CAF Version: \d+\.\d+\.\d+$")
        self.assertRegex(result.stdout, r"(?m)^RocksDB Version: \d+\.\d+\.\d+$")
        self.assertNotIn("@", result.stdout)

    def test_help_goes_to_stdout(self):
        for flag in ("--help", "-h"):
            result = run(flag)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("--listen-client-urls 'http://localhost:2379'", result.stdout)

    def test_an_unknown_flag_shows_the_usage(self):
        result = run("--nmae", "x")
        self.assertEqual(result.returncode, 2)
        self.assertIn("did you mean --name?", result.stderr)
        self.assertIn("Usage:", result.stderr)

    def test_wrong_settings_end_with_1_and_one_line_of_json(self):
        for arguments, text in [(["foo"], "'foo' is not a valid flag"),
                                (["--listen-client-urls", "https://127.0.0.1:0", "--advertise-client-urls",
                                  "https://127.0.0.1:1"], "TLS is not available yet"),
                                (["--election-timeout", "300"], "should be at least as 5 times")]:
            result = run(*arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn(text, json.loads(result.stderr)["error"])

    def test_a_setting_given_twice(self):
        result = run("--name", "a", ETCD_NAME="b")
        self.assertEqual(result.returncode, 1)
        self.assertIn("is shadowed by corresponding command-line flag", result.stderr)

    def test_joining_without_data(self):
        result = run("--initial-cluster-state", "existing")
        self.assertEqual(result.returncode, 1)
        self.assertIn("joining a cluster is not available yet", result.stderr)
        self.assertNotIn("ready to serve", result.stderr)


class Running(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def start(self, *arguments, **variables):
        server = Server(PROGRAM, self.directory, arguments, variables)
        self.addCleanup(server.kill)
        server.start()
        server.wait_ready()
        return server

    def lines(self, server):
        return [json.loads(line) for line in server.log_path.read_text().splitlines()]

    def test_the_first_signal_drains_and_ends_with_0(self):
        for number, name in ((signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")):
            server = self.start()
            server.signal(number)
            self.assertEqual(server.wait_end(), 0)
            messages = [line["msg"] for line in self.lines(server)]
            self.assertEqual(messages[-3:], ["received signal; shutting down", "closing etcd server",
                                             "closed etcd server"])
            self.assertEqual(self.lines(server)[-3]["signal"], name)

    def test_a_pipe_gets_the_field_names_of_etcd(self):
        server = self.start("--max-wals", "7", "--pre-vote=false")
        lines = self.lines(server)
        for line in lines:
            self.assertEqual(list(line)[:4], ["level", "ts", "caller", "msg"])
            self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        by_message = {line["msg"]: line for line in lines}
        self.assertEqual(by_message["these flags have no effect"]["flags"],
                         ["listen-peer-urls", "max-wals", "pre-vote"])
        self.assertEqual(by_message["starting an etcd server"]["etcd-version"], "3.6.14")
        serving = by_message["serving client traffic insecurely; this is strongly discouraged!"]
        self.assertEqual((serving["traffic"], serving["address"]), ("grpc+http", server.address))

    def test_console_lines_are_not_json(self):
        server = self.start("--log-format", "console")
        self.assertRegex(server.log_path.read_text(), r"(?m)Z  info   ready to serve client requests$")

    def test_a_log_file_is_appended_to(self):
        file = self.directory / "troupe.log"
        file.write_text("before\n")
        self.start("--log-outputs", f"stderr,{file}")
        self.assertTrue(file.read_text().startswith("before\n{"))
        self.assertIn("ready to serve client requests", file.read_text())

    def test_systemd_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(10)
            manager.bind(str(self.directory / "notify"))
            server = self.start(NOTIFY_SOCKET=str(self.directory / "notify"))
            self.assertEqual(manager.recv(4096), b"READY=1")
            server.signal(signal.SIGTERM)
            self.assertEqual(manager.recv(4096), b"STOPPING=1")
            self.assertEqual(server.wait_end(), 0)


if __name__ == "__main__":
    unittest.main()
