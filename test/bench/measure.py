"""What the measuring scripts share: where the programs are, a load with what it cost the server,
tables.
"""

import argparse
import contextlib
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "support"))

from server_process import Server, ServerFailed  # noqa: E402  (found only now)

MIB = 1 << 20
RANGES_VERIFIED = 200


class LoadFailed(Exception):
    """The load generator reported failed calls or broke off."""


class Cost(NamedTuple):
    """One load: `rate` in calls/s, latencies in ms, server CPU in microseconds per call, bytes
    per call.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    written: float


class Programs:
    """The load generator, and where servers keep their data."""

    def __init__(self, load, directory):
        self._load = load
        self._directory = directory

    def load(self, server, method, calls, first=0, keys=50):
        """Runs troupe-bench's "put" or "range" against `server`, call i on key (first + i) modulo
        `keys`. Every call must succeed, and the first ranges return what was put.
        """
        flags = {"total": calls, "first": first, "key-space": keys}
        if method == "range":
            flags["verify"] = RANGES_VERIFIED
        written = server.written_bytes()
        figures = self.bench(server, method, **flags)
        load = figures[method]
        return Cost(
            load["per_second"],
            load["p50_us"] / 1000,
            load["p99_us"] / 1000,
            figures["server"]["cpu_seconds"] / calls * 1e6,
            (server.written_bytes() - written) / calls,
        )

    def bench(self, server, command, **flags):
        """Runs a command of troupe-bench against `server`; what it reports, by section.

        `flags`: name -> value; True for a flag without one. Every call must succeed.
        """
        line = [
            self._load,
            command,
            "--endpoints",
            server.address,
            "--server-pid",
            str(server.pid),
            "--output",
            "json",
        ]
        for name, value in flags.items():
            line += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            raise LoadFailed(f"{shlex.join(line)}: {done.stderr.strip()} {done.stdout.strip()}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def server(self, command):
        """A server on an empty data directory; both are gone afterwards."""
        work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=self._directory))
        try:
            with Server(shlex.split(command), work) as server:
                yield server
        finally:
            shutil.rmtree(work, ignore_errors=True)


def parser(description):
    """An argument parser with what every measurement needs."""
    build = ROOT / "build" / "release"
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "--server", default=str(build / "apps/troupe/troupe"), help="command of the node to measure"
    )
    result.add_argument("--load", default=str(build / "apps/troupe-bench/troupe-bench"))
    result.add_argument(
        "--directory", default=None, help="where data directories are made; must be a real disk"
    )
    result.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    return result


def resident_mib(server):
    return server.resident_bytes() / MIB


class Targets:
    """Collects misses; `exit_status` is 1 if there are any and they count."""

    def __init__(self, counts):
        self._counts = counts
        self._missed = []

    def expect(self, met, text):
        print(f"  {'met   ' if met else 'MISSED'}  {text}")
        if not met:
            self._missed.append(text)

    @property
    def exit_status(self):
        return 1 if self._counts and self._missed else 0


def run(main):
    """Calls main() and turns failures into a message and exit status 2."""
    try:
        sys.exit(main())
    except (ServerFailed, LoadFailed) as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(2)
