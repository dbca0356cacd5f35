"""The JSON gateway of one server, over raw HTTP/1.1."""

import http.client
import json
import socket
import threading
from typing import NamedTuple

from google.protobuf import json_format

from watch_stream import WatchInbox

TIMEOUT_SECONDS = 20.0


class HttpAnswer(NamedTuple):
    status: int  # 0: none came
    headers: dict  # names in lower case
    body: str

    def json(self):
        """The body as one JSON value, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Gateway:
    """One connection, opened again where the server closes it."""

    def __init__(self, address):
        self._address = address
        self._connection = None

    def call(self, verb, path, headers, body):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        try:
            send(self._connection, verb, path, headers, body)
            response = self._connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            return HttpAnswer(0, {}, f"{type(failure).__name__}: {failure}")
        answer = HttpAnswer(response.status, lower_names(response), text)
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def send(connection, verb, path, headers, body):
    connection.putrequest(verb, path, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)


def lower_names(response):
    return {name.lower(): value for name, value in response.getheaders()}


class HttpWatch:
    """A watch over the gateway: all requests are in the body, the answers are lines. It has the
    shape of GrpcWatch, but its control answers and events are JSON values.
    """

    def __init__(self, api, address, path, requests, body, text_from):
        """`text_from`: turns the ids of this server into left's."""
        self.inbox = WatchInbox()
        self.inbox.requested += requests
        self.changed = threading.Condition()
        self.end = None
        self.answer = None  # status and content type
        self._api = api
        self._text_from = text_from
        self._connection = http.client.HTTPConnection(address, timeout=3 * TIMEOUT_SECONDS)
        self._connection.connect()
        self._socket = self._connection.sock
        send(self._connection, "POST", path, [("Content-Type", "application/json")], body)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            response = self._connection.getresponse()
            self.answer = f"{response.status} {response.getheader('Content-Type')}"
            while line := response.readline():
                with self.changed:
                    self._take(json.loads(self._text_from(line.decode())))
                    self.changed.notify_all()
            end = "end of body"
        except json_format.ParseError as failure:
            end = f"not a WatchResponse: {failure}"
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as failure:
            end = f"{type(failure).__name__}: {failure}"  # AttributeError: closed while reading
        with self.changed:
            self.end = end
            self.changed.notify_all()

    def _take(self, line):
        if set(line) != {"result"}:
            raise ValueError(f"line {line}")
        message = json_format.ParseDict(line["result"], self._api.WatchResponse())
        self.inbox.take(message, line, line["result"].get("events", []))

    def wait(self, reached, seconds):
        with self.changed:
            return self.changed.wait_for(lambda: reached() or self.end, seconds) and reached()

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was first
        self._connection.close()
