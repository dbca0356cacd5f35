"""Every command line of tour_steps.py, run with Debian's etcdctl and with troupectl against the same kind of server, gives the
same standard output, standard error and exit code, save the classes of tour_classes.py.

Usage: tour_test.py TROUPECTL SERVER [--verbose]
SERVER: the path of etcd, or of our node. Calls that the node does not serve are answered UNIMPLEMENTED, which both clients
must tell in the same way; how many there are is read from the answers.
"""

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from server_process import Server  # noqa: E402
from tour_classes import CLASSES, Result, command, settle  # noqa: E402
from tour_steps import tour  # noqa: E402

ETCDCTL = "/usr/bin/etcdctl"
PATIENCE_SECONDS = 15
UNIMPLEMENTED = b"code = Unimplemented"


class Tour:
    """One pass of one client over the steps, against a fresh server."""

    def __init__(self, client, server, home):
        self.client, self.server, self.home = client, server, home
        self.captured = {"endpoint": server.address}

    def expand(self, text):
        for name, value in self.captured.items():
            text = text.replace("{" + name + "}", value)
        return text

    def start(self, words, environment=None):
        # Whatever the caller has set for etcdctl is not for these.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ETCDCTL_")}
        clean.update(environment or {}, HOME=str(self.home))
        if not any(word.startswith("--endpoints") for word in words):
            clean["ETCDCTL_ENDPOINTS"] = self.server.address
        return subprocess.Popen([self.client, *map(self.expand, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=clean, cwd=self.home)

    def timed(self, step):
        start = time.monotonic()
        result = self.run(step)
        result.seconds = time.monotonic() - start
        return result

    def run(self, step):
        if step.until_lines or step.until:
            result = self.run_until(step)
        else:
            result = self.run_to_end(step)
        for name, pattern in step.capture.items():
            found = re.search(pattern, result.out.decode(errors="replace"))
            self.captured[name] = found[1] if found else "none"
        return result

    def run_to_end(self, step):
        process = self.start(step.words, step.environment)
        try:
            out, err = process.communicate(self.expand(step.stdin).encode(), timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b"(killed: no end)"
        return Result(out, err, process.returncode)

    def run_until(self, step):
        """Until it has said what is expected, then SIGINT; a client that ends before is as good."""
        process = self.start(step.words, step.environment)
        parts = {"out": b"", "err": b""}

        def read(name, pipe):
            for line in pipe:
                parts[name] += line

        readers = [threading.Thread(target=read, args=pair) for pair in (("out", process.stdout), ("err", process.stderr))]
        for reader in readers:
            reader.start()
        process.stdin.write(self.expand(step.stdin).encode())
        process.stdin.flush()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline and not self.has_said_enough(step, parts):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            parts["err"] += b"(killed: no end)"
        process.stdin.close()
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()
        return Result(parts["out"], parts["err"], process.wait())

    def has_said_enough(self, step, parts):
        if not step.until:
            return parts["out"].count(b"\n") >= step.until_lines or b"watch was canceled" in parts["err"]
        probe_line, lines = step.until
        probe = self.start(probe_line.split())
        return probe.communicate(timeout=PATIENCE_SECONDS)[0].count(b"\n") >= lines


def passes(server, home, clients, steps):
    """The results of each client, on a server without data each time: under one address its ids are the same."""
    for client in clients:
        shutil.rmtree(server.data_dir, ignore_errors=True)
        server.start()
        try:
            server.wait_ready()
            one = Tour(client, server, home)
            yield [one.timed(step) for step in steps]
        finally:
            server.kill()


def show(step, old, new):
    print(f"different: {step.line}")
    for name, result in (("etcdctl", old), ("troupectl", new)):
        print(f"  {name}: exit {result.code}\n    out {result.out!r}\n    err {result.err!r}")


def main(troupectl, server_program, verbose):
    steps = tour()
    with tempfile.TemporaryDirectory() as directory:
        home = pathlib.Path(directory) / "home"
        home.mkdir()
        ours = home / "etcdctl"  # called so, it keeps etcdctl's shapes
        ours.symlink_to(pathlib.Path(troupectl).resolve())
        server = Server(server_program, pathlib.Path(directory) / "server")
        old_results, new_results = passes(server, home, (ETCDCTL, str(ours)), steps)
    counts = collections.Counter()
    unserved = collections.Counter()
    failed = 0
    for seconds, line in sorted(((result.seconds, step.line) for results in (old_results, new_results)
                                 for step, result in zip(steps, results)), reverse=True)[:8] if verbose else ():
        print(f"{seconds:.1f} s: {line}")
    for step, old, new in zip(steps, old_results, new_results):
        used, old_left, new_left = settle(step, old, new)
        if UNIMPLEMENTED in new.err:
            unserved[command(step)] += 1
        if used is None:
            failed += 1
            show(step, old_left, new_left)
        elif used:
            counts.update(used)
            counts["lines in some class"] += 1
            if verbose:
                print(f"{', '.join(used)}: {step.line}")
        else:
            counts["equal bytes"] += 1
    print(f"{len(steps)} command lines compared: {counts.pop('equal bytes', 0)} equal, "
          f"{counts.pop('lines in some class', 0)} in a class, {failed} different")
    for one in CLASSES:
        print(f"  {counts[one.name]:4} {one.name}: {one.reason}")
    if unserved:
        print(f"{sum(unserved.values())} answered UNIMPLEMENTED: {dict(unserved)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--verbose" in sys.argv))
