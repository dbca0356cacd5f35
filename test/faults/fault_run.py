"""One scenario: a fresh cluster under load, a fault, its healing, and the judgement."""

import contextlib
import itertools
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
from typing import NamedTuple

from cluster import Cluster, Timing, mount_tmpfs
from load import Load, Recorder, Session
from network import Network
from watching import Watcher, check_watches

THREE = ("m1", "m2", "m3")
WARM_UP = 0.5
PROBE_TIMEOUT = 0.25
LEASES_LATE = 10.0  # seconds
LEASES_LATE_PER_TERM = 4.0  # a new leader may start a TTL anew
PATIENCE = 30.0  # to say how late it was instead of only that it was too late


def is_endless(line):
    return "time_to_live" in line and line.get("ttl", 0) > 1 << 30


class BrokenPromise(Exception):
    """The cluster did what it must not; the text says what."""


class Settings(NamedTuple):
    """`within`: election timeouts until a first write must succeed once a majority is connected;
    `all_within`: until every member serves. `max_terms`: how many a fault may cost.
    `ttl_flaw`: the server tells the time to live of a lease as endless when it has just lost the
    lead, as etcd 3.4 does; such answers are left out. `unsynced`: more for libunsynced.so.
    """

    server: list
    checker: str
    timing: Timing = Timing(50, 500)
    within: float = 2
    all_within: float = 8
    max_terms: int = 4
    preload: str | None = None
    unsynced: dict = {}
    ttl_flaw: bool = False
    seed: int = 1


class FaultRun:
    """What a scenario works with; `figures` collects what it measured."""

    def __init__(self, api, settings, members=THREE):
        self.api = api
        self.settings = settings
        self.members = members
        self.figures = {}
        self.network = None
        self.cluster = None
        self.recorder = Recorder(leave_out=is_endless if settings.ttl_flaw else None)
        self.watchers = []
        self._numbers = itertools.count()

    # What scenarios do.

    def note(self, name, seconds):
        worst = max(seconds, self.figures.get(name, 0.0))
        self.figures[name] = worst

    def must(self, fact, text):
        if not fact:
            raise BrokenPromise(text)

    def serves(self, names, what):
        """A write succeeds through one of `names` within the bound."""
        took = self.time_to_write(names, first_only=True)
        self.must(took, f"{what}: no write succeeded within {PATIENCE} s")
        self._bound(what, min(took.values()), self.settings.within)

    def all_serve(self, what):
        """A first write succeeds within the bound, and one through every member within its."""
        took = self.time_to_write(self.cluster.names)
        missing = set(self.cluster.names) - took.keys()
        self.must(not missing, f"{what}: {sorted(missing)} took no write within {PATIENCE} s")
        self._bound(f"{what}, first", min(took.values()), self.settings.within)
        self._bound(f"{what}, all", max(took.values()), self.settings.all_within)

    def refuses(self, name, seconds=1.0):
        """No write through this member succeeds."""
        deadline = time.monotonic() + seconds
        with self._session("refused", name) as session:
            while time.monotonic() < deadline:
                written = session.call(self._probe_call(name), PROBE_TIMEOUT)
                self.must(written is None, f"{name} took a write without a majority")

    def time_to_write(self, names, first_only=False, probes=2, timeout=PROBE_TIMEOUT):
        """Name -> seconds from now until a first write through it; those that never did lack.
        `probes` at once through each: one that went out too early may only learn it by `timeout`.
        """
        began, took, lock = time.monotonic(), {}, threading.Lock()

        def wanted(name):
            return not (took if first_only else name in took)

        def probe(name, number):
            time.sleep(number * timeout / probes)
            with self._session(f"probe{number}", name) as session:
                while time.monotonic() < began + PATIENCE and wanted(name):
                    if session.call(self._probe_call(name), timeout):
                        with lock:
                            took.setdefault(name, time.monotonic() - began)
                    else:
                        time.sleep(0.005)

        threads = [
            threading.Thread(target=probe, args=(name, number))
            for name in names
            for number in range(probes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return took

    def _bound(self, what, seconds, election_timeouts):
        self.note(what, seconds)
        bound = election_timeouts * self.settings.timing.election
        self.must(seconds <= bound, f"{what}: {seconds:.2f} s, the bound is {bound:.2f} s")

    @contextlib.contextmanager
    def _session(self, client, name):
        session = Session(self.api, self.recorder, f"{client}-{name}", self.cluster[name])
        try:
            yield session
        finally:
            session.close()

    def _probe_call(self, name):
        return {"put": {"key": f"p/{name}", "value": f"{name} {next(self._numbers)}"}}

    # From the beginning to the end.

    def execute(self, scenario, planted_reads=None, keep=None):
        """Raises BrokenPromise. `keep`: a directory for history and logs if it does."""
        work = pathlib.Path(tempfile.mkdtemp(prefix="faults-", dir="/run"))
        self.network = Network(self.members, relayed=getattr(scenario, "relayed", False))
        try:
            with self._cluster(scenario, work) as self.cluster:
                self._under_load(scenario, planted_reads)
                self._settle()
            self.judge(work / "history.jsonl")
        except BaseException:
            if keep:
                self.recorder.write(work / "history.jsonl")
                ignored = shutil.ignore_patterns("data")
                shutil.copytree(work, keep, ignore=ignored, dirs_exist_ok=True)
            raise
        finally:
            self.network.close()
            self._remove(work)

    def _cluster(self, scenario, work):
        environments = {}
        for name in self.members:
            (work / name).mkdir()
            if megabytes := getattr(scenario, "disk_megabytes", None):
                mount_tmpfs(work / name, megabytes)
            if getattr(scenario, "preload", False):
                environments[name] = self._unsynced(work / name)
        settings = self.settings
        return Cluster(
            self.api, settings.server, self.network, work, settings.timing, environments
        )

    def _unsynced(self, directory):
        return {
            "LD_PRELOAD": str(pathlib.Path(self.settings.preload).resolve()),
            "UNSYNCED_ROOT": str(directory / "data"),
            "UNSYNCED_REPORT": str(directory / "report"),
            "UNSYNCED_DELAY": "sync:0-3000",
            "UNSYNCED_SEED": str(self.settings.seed),
            **self.settings.unsynced,
        }

    def _under_load(self, scenario, planted_reads):
        self.watchers = [Watcher(self.cluster, name) for name in self.cluster.names]
        for watcher in self.watchers:
            watcher.start()
        try:
            load = Load(
                self.cluster, self.recorder, self.settings.seed, planted_reads=planted_reads
            )
            with load:
                time.sleep(WARM_UP)
                before = self.cluster.term()
                scenario(self)
                self.network.heal()
                self.all_serve("after healing")
                time.sleep(WARM_UP)
            grown = self.cluster.term() - before
            self.figures["terms"] = grown
            allowed = self.settings.max_terms * getattr(scenario, "faults", 1)
            self.must(grown <= allowed, f"a storm of terms: {grown} more")
        except BaseException:
            self._stop_watchers()
            raise

    def _settle(self):
        """All is quiet: every member shows everything once, and all show the same."""
        last = 0
        for name in self.cluster.names:
            with self._session("last", name) as session:
                everything = {"range": {"key": "\0", "range_end": "\0"}}
                found = session.call(everything, 10.0)
                self.must(found, f"{name} does not answer a last read")
                last = max(last, found["revision"])
                own = session.call({**everything, "serializable": True}, 10.0)
                self.must(own, f"{name} does not show what it holds itself")
        caught_up = [watcher.wait_for(last, 10.0) for watcher in self.watchers]
        self._stop_watchers()
        self.must(all(caught_up), f"a watch did not come to revision {last}")
        hashes = self.cluster.hashes(last)
        # What members show is judged with the history; hashes also cover what is not shown.
        self.must(len(set(hashes.values())) < 2, f"members differ at revision {last}: {hashes}")
        self.figures["hashes"] = len(hashes)

    def _stop_watchers(self):
        for watcher in self.watchers:
            watcher.stop()

    def judge(self, path):
        """History, leases and watches as recorded so far."""
        self.recorder.write(path)
        late = LEASES_LATE + LEASES_LATE_PER_TERM * self.figures.get("terms", 0)
        command = [self.settings.checker, str(path), "0", str(late)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise BrokenPromise(run.stdout + run.stderr)
        wrong = check_watches(self.watchers, self.recorder.lines)
        if wrong:
            raise BrokenPromise("watches: " + "\n".join(wrong[:5]))
        self.figures["history"] = run.stdout.strip()

    def _remove(self, work):
        for name in self.members:
            if (work / name).is_mount():
                subprocess.run(["umount", "--lazy", str(work / name)], check=False)
        shutil.rmtree(work, ignore_errors=True)

    def figures_text(self):
        shown = {k: round(v, 3) if isinstance(v, float) else v for k, v in self.figures.items()}
        return json.dumps(shown)
