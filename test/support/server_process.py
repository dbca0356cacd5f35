"""Starts and ends one server process (ours or etcd: they take the same flags) on free loopback
ports.

Usage:
    with Server("/usr/bin/etcd", directory) as server:      # starts it and waits until it serves
        ... server.address, server.pid ...
        server.kill()                                       # SIGKILL, as a crash would
        server.start(); server.wait_ready()                 # again, on the same data

A server dies with its parent, however that ends. Its log is `directory`/log.
"""

import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time

READY = re.compile(rb"ready to serve (insecure )?client requests")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
DIE_WITH_PARENT = [
    "setpriv",
    "--pdeathsig",
    "KILL",
]  # not a preexec_fn: gRPC's threads do not stand a plain fork


class ServerFailed(Exception):
    """The server ended or stayed silent where it should serve; the text ends with its last log
    lines.
    """


# So that finally and with clean up after a termination as they do after Ctrl-C.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def free_port():
    """Below the range that the kernel takes for outgoing connections: one of those, of a test that
    runs beside this one, would have the port by the time the server wants it.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Server:
    def __init__(self, binary, directory, arguments=(), environment=None):
        """`binary`: path, or a list with leading arguments. `arguments`: added to the usual
        flags.
        """
        self._command = [binary] if isinstance(binary, str) else list(binary)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.directory / "data"
        self.log_path = self.directory / "log"
        self._arguments = list(arguments)
        self.environment = dict(environment or {})
        self._process = None
        self._log_start = 0
        client, peer = free_port(), free_port()
        self.address = f"127.0.0.1:{client}"
        self.peer_address = f"127.0.0.1:{peer}"
        self.name = "m1"
        self.initial_cluster = None  # a cluster of itself

    def __enter__(self):
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        client, peer = f"http://{self.address}", f"http://{self.peer_address}"
        log = open(self.log_path, "ab")
        self._log_start = log.tell()
        self._process = subprocess.Popen(
            [
                *DIE_WITH_PARENT,
                *self._command,
                "--name",
                self.name,
                "--data-dir",
                str(self.data_dir),
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                self.initial_cluster or f"{self.name}={peer}",
                *self._arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.directory,
            env={**os.environ, **self.environment},
        )
        log.close()

    def wait_ready(self, timeout_seconds=30.0):
        deadline = time.monotonic() + timeout_seconds
        while not READY.search(self._log_of_this_run()):
            if not self.running:
                raise ServerFailed(
                    f"{self._command[0]} ended with {self._process.returncode}\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self._command[0]} is not ready after {timeout_seconds} s\n{self.log_tail()}"
                )
            time.sleep(0.005)

    def _log_of_this_run(self):
        with open(self.log_path, "rb") as log:
            log.seek(self._log_start)
            return log.read()

    def log_tail(self, lines=15):
        return b"\n".join(self.log_path.read_bytes().splitlines()[-lines:]).decode(errors="replace")

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """SIGKILL and wait; fine if it has already ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_end(self, timeout_seconds=30.0):
        """Exit status (negative: the signal that ended it)."""
        return self._process.wait(timeout_seconds)

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def written_bytes(self):
        """Bytes it caused to be sent to the disk (page granularity, as the kernel counts)."""
        for line in pathlib.Path(f"/proc/{self.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        raise ServerFailed("no write_bytes in /proc/pid/io")
