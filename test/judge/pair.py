"""Two running servers that get the same calls, and the ids that each of them drew for itself."""

import queue
import re
import threading
import time

import grpc

from compare import Difference
from etcd_api import Client

ID_FIELDS = ("ID", "lease")
SETTLE_SECONDS = 20.0  # a synced etcd answers within 0.1 s; the rest is for a busy machine


class Aliases:
    """Lease ids drawn by the servers: calls are made with left's, right gets its own instead."""

    def __init__(self):
        self._right_of = {}
        self._left_of = {}

    def learn(self, left, right):
        self._right_of[left] = right
        self._left_of[right] = left

    def for_right(self, message):
        copy = type(message)()
        copy.CopyFrom(message)
        _replace_ids(copy, self._right_of)
        return copy

    def from_right(self, message):
        """In place, and returned."""
        _replace_ids(message, self._left_of)
        return message

    def text_for_right(self, text):
        return _replace_numbers(text, self._right_of)

    def text_from_right(self, text):
        return _replace_numbers(text, self._left_of)


def _replace_ids(message, ids):
    if not ids:
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.label == field.LABEL_REPEATED else [value]:
                _replace_ids(inner, ids)
        elif field.name in ID_FIELDS and value in ids:
            setattr(message, field.name, ids[value])


def _replace_numbers(text, ids):
    return re.sub(r"\b\d{15,}\b", lambda found: str(ids.get(int(found[0]), found[0])), text)


class BidiCall:
    """One open stream to one server; every answer goes to `take`, from a thread of its own."""

    def __init__(self, client, method, take, metadata=()):
        self._requests = queue.SimpleQueue()
        self._take = take
        self.changed = threading.Condition()
        self.end = None  # "CODE text" once the server has ended it
        self._call = client.stream(method, iter(self._requests.get, None), metadata)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for payload in self._call:
                with self.changed:
                    self._take(payload)
                    self.changed.notify_all()
            end = "OK"
        except grpc.RpcError as error:
            end = f"{error.code().name} {error.details()}"
        with self.changed:
            self.end = end
            self.changed.notify_all()

    def send(self, payload):
        self._requests.put(payload)

    def half_close(self):
        self._requests.put(None)

    def cancel(self):
        self._call.cancel()
        self._requests.put(None)

    def wait(self, reached, seconds=SETTLE_SECONDS):
        """Until `reached()` or the stream ends; whether it was reached."""
        with self.changed:
            return self.changed.wait_for(lambda: reached() or self.end, seconds) and reached()


class Pair:
    """Sends calls to both and compares; `report(request, left, right, differences)` gets what is
    not equal.
    """

    def __init__(self, api, comparison, tally, servers, report):
        self.api = api
        self.comparison = comparison
        self.tally = tally
        self.servers = servers
        self.clients = [Client(server.address) for server in servers]
        self.aliases = Aliases()
        self.report = report

    def close(self):
        for client in self.clients:
            client.close()

    def call(self, call):
        """A unary call; returns (left's response or None, whether both are equal enough)."""
        left = self.clients[0].call(call.method, call.payload)
        payload = call.payload
        if call.message is not None:
            payload = self.aliases.for_right(call.message).SerializeToString()
        right = self.clients[1].call(call.method, payload)
        response = self.comparison.parse(call, left)
        right = self._from_right(call, response, right)
        found = self.comparison.differences(call, left, right)
        self.tally.count(call.method, f"{left.code} {left.text}")
        if found:
            self.report(call, left, right, found)
        return response, not found

    def _from_right(self, call, left, right):
        response = self.comparison.parse(call, right)
        if response is None or call.message is None:
            return right
        if call.method == "Lease/LeaseGrant" and left is not None and call.message.ID == 0:
            self.aliases.learn(left.ID, response.ID)
        return right._replace(payload=self.aliases.from_right(response).SerializeToString())

    def wait_for_both(self, left, right):
        """`left`, `right`: (stream, predicate). Differences if one gets there and the other does
        not.
        """
        begun = time.monotonic()
        arrived = []
        for stream, reached in (left, right):
            rest = max(SETTLE_SECONDS - (time.monotonic() - begun), 0.5)
            arrived.append(bool(stream.wait(reached, rest)))
        if all(arrived):
            return []
        ends = [stream.end or "open" for stream, _ in (left, right)]
        return [
            Difference("has arrived", f"{arrived[0]}, {ends[0]}", f"{arrived[1]}, {ends[1]}")
        ]
