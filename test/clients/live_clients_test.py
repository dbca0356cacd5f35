#!/usr/bin/python3
"""The live tests that Debian ships with python3-etcd3gw and python3-tooz, unchanged, against real
etcd and against our node. A test may fail with us only if it fails with etcd too.

Usage:
    live_clients_test.py path/to/troupe [--suites etcd3gw,...]

The suites talk to 127.0.0.1:2379 where they take no address: connections to that port are led to
the server under test, which listens on a free one. Etcd3gw's default path /v3alpha is gone from
etcd since 3.4; the suites are told /v3. A test that fails with us alone is repeated
once on both, alone: these suites wait for real seconds, which a busy machine may not have. Exit
status: 0 no failure of ours, 1 some, 2 a suite did not run.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from typing import NamedTuple

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))

from server_process import DIE_WITH_PARENT, Server

ETCD = "/usr/bin/etcd"
DEFAULT_PORT = 2379
SUITE_TIMEOUT_SECONDS = 600


class Suite(NamedTuple):
    modules: tuple
    environment: dict


SUITES = {
    "etcd3gw": Suite(("etcd3gw.tests.test_etcd3gw",), {}),
    "tooz-etcd3": Suite(
        ("tooz.tests.test_coordination",), {"TOOZ_TEST_URL": "etcd3://127.0.0.1:2379"}
    ),
    "tooz-etcd3gw": Suite(
        ("tooz.tests.test_coordination",),
        {"TOOZ_TEST_URL": "etcd3+http://127.0.0.1:2379?api_version=v3"},
    ),
}


class Outcomes(unittest.TestResult):
    """By test id: "ok", "skipped" or the last lines of the traceback."""

    def __init__(self):
        super().__init__()
        self.by_test = {}

    def addSuccess(self, test):
        self.by_test.setdefault(test.id(), "ok")

    def addExpectedFailure(self, test, err):
        self.by_test[test.id()] = "ok"

    def addSkip(self, test, reason):
        self.by_test[test.id()] = "skipped"

    def addError(self, test, err, details=None):
        self._fail(test, err, details)

    def addFailure(self, test, err, details=None):
        self._fail(test, err, details)

    def addUnexpectedSuccess(self, test):
        self.by_test[test.id()] = "unexpected success"

    def _fail(self, test, err, details):
        text = self._exc_info_to_string(err, test) if err else "\n".join(map(str, details.values()))
        self.by_test[test.id()] = "\n".join(text.strip().splitlines()[-4:])


def run_suite(name, port, only):
    """In a process of its own: runs the tests of one suite and prints their outcomes as JSON."""
    lead_connections_to(port)
    use_served_path()
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(only or SUITES[name].modules)
    outcomes = Outcomes()
    tests.run(outcomes)
    print(json.dumps(outcomes.by_test))
    sys.stdout.flush()
    os._exit(0)  # whatever threads the clients have left behind


def lead_connections_to(port):
    """The HTTP clients of this process that ask for etcd's default port get this one."""
    real = socket.socket.connect

    def connect(self, address):
        if isinstance(address, tuple) and address[1] == DEFAULT_PORT:
            address = (address[0], port, *address[2:])
        return real(self, address)

    socket.socket.connect = connect


def use_served_path():
    """Also lets tooz reach etcd3gw at all: Debian's tooz passes `api_path`, which the class of its
    etcd3gw takes, but not the function `client` in front of it.
    """
    import etcd3gw  # only here: the parent needs no client
    from etcd3gw.client import Etcd3Client

    Etcd3Client.__init__.__defaults__ = tuple(
        "/v3/" if default == "/v3alpha/" else default
        for default in Etcd3Client.__init__.__defaults__
    )
    etcd3gw.client = Etcd3Client


class Side:
    """One server on which suites run, one after the other."""

    def __init__(self, name, binary, directory):
        self.name = name
        self._server = Server(binary, directory / name)
        self._output = directory / f"{name}.out"
        self._process = None

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *unused):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._server.__exit__(*unused)

    def start(self, suite, only=()):
        port = self._server.address.rsplit(":", 1)[1]
        environment = {
            name: value.replace(str(DEFAULT_PORT), port)
            for name, value in SUITES[suite].environment.items()
        }
        command = [sys.executable, __file__, "--run", suite, "--port", port, *only]
        with open(self._output, "wb") as output, open(f"{self._output}.err", "wb") as errors:
            self._process = subprocess.Popen(
                [*DIE_WITH_PARENT, *command],
                stdout=output,
                stderr=errors,
                env={**os.environ, **environment},
            )

    def outcomes(self):
        """Waits for the suite; None if it did not come to its end."""
        try:
            self._process.wait(SUITE_TIMEOUT_SECONDS)
            return json.loads(self._output.read_text().splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            return None

    def why(self):
        return pathlib.Path(f"{self._output}.err").read_text(errors="replace")[-2000:]


def on_both(sides, suite, only=()):
    """Runs on both at once; raises RuntimeError where a suite does not end."""
    for side in sides:
        side.start(suite, only)
    found = [side.outcomes() for side in sides]
    for side, outcomes in zip(sides, found):
        if not outcomes:
            raise RuntimeError(f"{suite} did not run against {side.name}\n{side.why()}")
    return found


def failures(outcomes):
    return {test for test, outcome in outcomes.items() if outcome not in ("ok", "skipped")}


def judge_suite(suite, sides):
    """Tests that fail with us and not with etcd."""
    begun = time.monotonic()
    theirs, ours = on_both(sides, suite)
    extra = failures(ours) - failures(theirs)
    if extra:
        again = on_both(sides, suite, sorted(extra))
        extra = {
            test for test in extra if test in failures(again[1]) and test not in failures(again[0])
        }
    unlike = {test for test in theirs if theirs[test] == "ok" and ours.get(test) != "ok"} - extra
    for side, outcomes in zip(sides, (theirs, ours)):
        passed, skipped = (list(outcomes.values()).count(kind) for kind in ("ok", "skipped"))
        print(
            f"{suite:13} {side.name:7} {len(outcomes):3} tests: {passed} passed, "
            f"{skipped} skipped, {len(failures(outcomes))} failed"
        )
    print(f"{suite:13} {len(extra)} failures of ours alone, {time.monotonic() - begun:.0f} s")
    for test in sorted(failures(theirs)):
        print(f"  fails with etcd: {test}: {theirs[test].splitlines()[-1][:150]}")
    for test in sorted(unlike):
        print(f"  passed when repeated, or did not run: {test}")
    for test in sorted(extra):
        print(f"  FAILS WITH US: {test}\n{ours[test]}")
    sys.stdout.flush()
    return extra | {test for test in unlike if test not in ours}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("binary", help="the server under test; with --run: ignored", nargs="?")
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--run", choices=SUITES, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments, only = parser.parse_known_args()
    if arguments.run:
        tests = [arguments.binary, *only] if arguments.binary else only
        run_suite(arguments.run, arguments.port, tests)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="live-clients-"))
    try:
        with Side("etcd", ETCD, directory) as etcd, Side(
            "ours", arguments.binary, directory
        ) as ours:
            found = [judge_suite(suite, (etcd, ours)) for suite in arguments.suites.split(",")]
    except RuntimeError as failure:
        print(failure)
        return 2
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
