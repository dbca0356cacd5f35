"""A watch of everything on each member, taken up again where it broke, and what it must show."""

import threading
import time

from cluster import RECONNECT
from etcd_api import Client

EVERYTHING = b"\0"


class Watcher:
    """All events of one member's watch, from the first revision on."""

    def __init__(self, cluster, name):
        self._cluster = cluster
        self._name = name
        self._stop = threading.Event()
        self._call = None
        self.violations = []
        self.events = {}  # revision -> [(key, value or nothing if deleted)]
        self.last = 1
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        if self._call:
            self._call.cancel()
        self._thread.join()

    def wait_for(self, revision, timeout):
        """Whether all up to `revision` came in time."""
        deadline = time.monotonic() + timeout
        while self.last < revision and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.last >= revision

    def _run(self):
        client = Client(self._cluster[self._name].address, RECONNECT)
        while not self._stop.is_set():
            try:
                self._follow(client)
            except Exception:  # the stream broke: its member is gone, or we are done
                self._stop.wait(0.05)
        client.close()

    def _follow(self, client):
        api = self._cluster.api
        create = api.WatchCreateRequest(
            key=EVERYTHING, range_end=EVERYTHING, start_revision=self.last + 1
        )
        request = api.WatchRequest(create_request=create).SerializeToString()
        over = threading.Event()

        def requests():
            yield request
            over.wait()  # the stream lasts as long as the client's side of it

        self._call = client.stream("Watch/Watch", requests())
        try:
            for payload in self._call:
                self._take(api.WatchResponse.FromString(payload))
        finally:
            over.set()

    def _take(self, response):
        if response.canceled:
            self.violations.append(f"{self._name}: the watch was cancelled at {self.last}")
        came = {}
        for event in response.events:
            deleted = event.type == event.DELETE
            value = None if deleted else event.kv.value.decode("latin-1")
            change = (event.kv.key.decode("latin-1"), value)
            came.setdefault(event.kv.mod_revision, []).append(change)
        for revision, changes in came.items():
            if revision != self.last + 1:  # each revision changes something
                self.violations.append(f"{self._name}: revision {revision} after {self.last}")
            self.last = revision
            self.events[revision] = changes


def check_watches(watchers, lines):
    """What is wrong: gaps, repetitions, members that differ, answered puts that nobody saw."""
    wrong = [text for watcher in watchers for text in watcher.violations]
    for watcher in watchers[1:]:
        for revision in watchers[0].events.keys() & watcher.events.keys():
            if watchers[0].events[revision] != watcher.events[revision]:
                wrong.append(f"two members show revision {revision} differently")
    for line in lines:
        if "put" in line and "result" in line:
            revision = line["result"]["revision"]
            change = (line["put"]["key"], line["put"]["value"])
            for watcher in watchers:
                if revision <= watcher.last and change not in watcher.events.get(revision, ()):
                    wrong.append(f"the put {change} of revision {revision} came to no watch")
    return wrong
