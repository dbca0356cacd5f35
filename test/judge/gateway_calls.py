"""Seeded calls of the JSON gateway as raw HTTP/1.1 requests, good, odd and bad."""

import json
from typing import NamedTuple

from compare import Difference
from gateway_compare import GatewayComparison, hide_addresses
from gateway_http import Gateway, HttpWatch
from generator import operations_of
from json_form import JsonForm, encode_bytes, spoil
from watch_twin import WatchTwin

PATHS = {
    "KV/Range": ["kv/range"],
    "KV/Put": ["kv/put"],
    "KV/DeleteRange": ["kv/deleterange"],
    "KV/Txn": ["kv/txn"],
    "KV/Compact": ["kv/compaction"],
    "Lease/LeaseGrant": ["lease/grant"],
    "Lease/LeaseRevoke": ["lease/revoke", "kv/lease/revoke"],
    "Lease/LeaseTimeToLive": ["lease/timetolive", "kv/lease/timetolive"],
    "Lease/LeaseLeases": ["lease/leases", "kv/lease/leases"],
    "Lease/LeaseKeepAlive": ["lease/keepalive"],
    "Cluster/MemberList": ["cluster/member/list"],
    "Maintenance/Status": ["maintenance/status"],
    "Maintenance/Alarm": ["maintenance/alarm"],
}
BAD_PATHS = [
    "/v3/kv/nope",
    "/v3/kv/Range",
    "/v3/kv/range/",
    "/v3/kv/range/x",
    "/v3/kv",
    "/v3/",
    "/v3beta/nope",
    "/v3/watch/x",
    "/v3/kv/rang%65x",
]
UNREADABLE, NUMBER_FORM, BYTES_FORM = "gateway unreadable JSON", "gateway 1.0", "gateway base64"
TOKEN = "token while auth is off"
BAD_METHOD, BAD_PATH = "gateway method", "gateway path"
SORT_BY_KEY = 0
ATTEMPTS = 5


class HttpCall(NamedTuple):
    """One request; `method` and `message` say what it means, for the rules."""

    method: str
    message: object
    verb: str
    path: str
    headers: tuple
    body: str
    properties: frozenset
    is_write: bool = False
    is_stream: bool = False
    payload: bytes = b""


class GatewayCalls:
    def __init__(self, pair, random, kv, leases, watches):
        """`kv`, `leases`: where the meanings of calls come from; `watches`: knows the history."""
        self._pair = pair
        self._api = pair.api
        self._random = random
        self._kv = kv
        self._leases = leases
        self._watches = watches
        self._form = JsonForm(random)
        self._comparison = GatewayComparison(pair.comparison)
        self._gateways = [Gateway(server.address) for server in pair.servers]

    def close(self):
        for gateway in self._gateways:
            gateway.close()

    def step(self):
        """Whether both sides are still in one state."""
        step = self._random.choices(
            [
                self._kv_call,
                self._lease_call,
                self._keep_alive,
                self._watch,
                self._other_service,
                self._unreadable,
                self._number_form,
                self._bytes_form,
                self._bad_method,
                self._bad_path,
                self._odd_request,
            ],
            [36, 18, 6, 6, 8, 12, 2, 3, 4, 4, 6],
        )[0]
        return step()

    def _send(self, call, lines=0):
        """Sends and compares; returns (left's answer, whether both are equal enough). `lines`: what
        etcd must have answered. Go's server forgets what it has not read of a body once the answer
        begins, so etcd loses later messages now and then, and is asked again.
        """
        answers = []
        for side, gateway in enumerate(self._gateways):
            text = self._pair.aliases.text_for_right(call.body) if side else call.body
            for _ in range(1 if side else ATTEMPTS):
                answer = gateway.call(call.verb, call.path, call.headers, text.encode())
                if answer.body.count("\n") >= lines:
                    break
            answers.append(self._in_left_ids(side, call, answer, answers))
        found = self._comparison.differences(call, *answers)
        self._pair.tally.count(f"gateway {call.method}", str(answers[0].status))
        if found:
            self._pair.report(call, *answers, found)
        return answers[0], not found

    def _in_left_ids(self, side, call, answer, before):
        if side and call.method == "Lease/LeaseGrant" and call.message and call.message.ID == 0:
            left, right = before[0].json(), answer.json()
            if left and right and "ID" in left and "ID" in right:
                self._pair.aliases.learn(int(left["ID"]), int(right["ID"]))
        text = hide_addresses(answer.body, self._pair.servers[side])
        if side:
            text = self._pair.aliases.text_from_right(text)
        return answer._replace(body=text)

    def _call(self, method, message, body=None, properties=(), headers=(), is_write=False):
        prefix = self._random.choice(["/v3/", "/v3/", "/v3beta/"])
        return HttpCall(
            method,
            message,
            "POST",
            prefix + self._random.choice(PATHS[method]),
            (("Content-Type", "application/json"), *headers),
            self._form.text(message) if body is None else body,
            frozenset(properties),
            is_write=is_write,
            is_stream=method == "Lease/LeaseKeepAlive",
        )

    def _kv_call(self):
        call = self._kv.next()
        _sort_by_key(call.message)
        sent = self._call(call.method, call.message, is_write=call.method != "KV/Range")
        answer, equal = self._send(sent)
        self._learn_revision(answer)
        return equal

    def _learn_revision(self, answer):
        value = answer.json()
        if answer.status == 200 and isinstance(value, dict) and "header" in value:
            self._kv.learn_revision(int(value["header"].get("revision", 0)))

    def _lease_call(self):
        call = self._leases.unary_call()
        is_write = call.method in ("Lease/LeaseGrant", "Lease/LeaseRevoke")
        answer, equal = self._send(self._call(call.method, call.message, is_write=is_write))
        value = answer.json()
        if answer.status == 200 and value:
            if call.method == "Lease/LeaseGrant":
                self._leases.learn_grant(call.message, int(value["ID"]))
            elif call.method == "Lease/LeaseRevoke":
                self._leases.learn_revoke(call.message)
            self._learn_revision(answer)
        return equal

    def _keep_alive(self):
        """All requests in one body, one after the other; as many lines come back."""
        requests = [
            self._api.LeaseKeepAliveRequest(ID=self._leases.some_id())
            for _ in range(self._random.choice([1, 2, 3]))
        ]
        separator = self._random.choice(["", "\n", " "])
        body = separator.join(self._form.text(request) for request in requests)
        self._send(self._call("Lease/LeaseKeepAlive", requests[0], body), lines=len(requests))
        return True

    def _other_service(self):
        method = self._random.choice(
            ["Cluster/MemberList", "Maintenance/Status", "Maintenance/Alarm"]
        )
        body = "{}"
        if method == "Maintenance/Alarm":
            body = self._random.choice(
                [
                    "{}",
                    "",
                    '{"action":"GET"}',
                    '{"action":0,"alarm":"NONE"}',
                    '{"action":"GET","alarm":1}',
                ]
            )
        return self._send(self._call(method, None, body))[1]

    def _read_message(self):
        """A request of some method that changes nothing."""
        random = self._random
        if random.random() < 0.7:
            request = self._api.RangeRequest(
                key=self._kv.key(), limit=random.choice([0, 1, 5]), revision=self._kv.revision
            )
            return "KV/Range", request
        return "Lease/LeaseTimeToLive", self._api.LeaseTimeToLiveRequest(ID=self._leases.some_id())

    def _unreadable(self):
        """Of any method: nothing may be done."""
        method = self._random.choice(list(PATHS)[:9])
        if method.startswith("KV/"):
            name = {"KV/Compact": "CompactionRequest"}.get(method, f"{method[3:]}Request")
        else:
            name = f"{method.removeprefix('Lease/')}Request"
        message_type = getattr(self._api, name)
        if not message_type.DESCRIPTOR.fields:
            method, message_type = "KV/Range", self._api.RangeRequest
        filled = {
            "KV/Put": lambda: self._api.PutRequest(key=b"a", value=b"bad"),
            "KV/Compact": lambda: self._api.CompactionRequest(revision=-1),
        }.get(method, message_type)()
        body = spoil(self._random, message_type, self._form.tree(filled))
        return self._send(self._call(method, None, body, [UNREADABLE], is_write=True))[1]

    def _number_form(self):
        """Integers with a fraction or an exponent, which only the newer gateway reads."""
        form = self._random.choice(["1.0", "1e0", "10e-1"])
        body = f'{{"key":"{encode_bytes(self._kv.key(), "standard")}","limit":{form}}}'
        return self._send(self._call("KV/Range", None, body, [NUMBER_FORM]))[1]

    def _bytes_form(self):
        """Base64 of the URL alphabet and without padding, which only the newer gateway reads."""
        method, message = self._read_message()
        body = self._form.text(message, self._random.choice(["url", "unpadded"]))
        same = body == self._form.text(message)
        return self._send(self._call(method, message, body, [] if same else [BYTES_FORM]))[1]

    def _bad_method(self):
        method, message = self._read_message()
        call = self._call(method, message, properties=[BAD_METHOD])
        verb = self._random.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
        return self._send(call._replace(verb=verb))[1]

    def _bad_path(self):
        call = self._call("KV/Range", None, "{}", [BAD_PATH])
        return self._send(call._replace(path=self._random.choice(BAD_PATHS)))[1]

    def _odd_request(self):
        """What is read though it looks wrong, and what headers can say."""
        key = encode_bytes(self._kv.key(), "standard")
        body = f'{{"key":"{key}"}}'
        headers = (("Content-Type", "application/json"),)
        query, properties = "", []
        kind = self._random.randrange(9)
        if kind == 0:
            body = ""
        elif kind == 1:
            body += self._random.choice(["garbage", body, "}", "\n\n"])
        elif kind == 2:
            body = f'{{"key":"{key}","limit":null,"keys_only":null,"sort_order":null}}'
        elif kind == 3:
            headers = self._random.choice([(), (("Content-Type", "text/plain"),)])
        elif kind == 4:
            headers += (("Grpc-Metadata-hasleader", "true"),)
            if self._random.random() < 0.5:
                headers += (("Authorization", "nobody"),)
                properties = [TOKEN]
        elif kind == 5:
            headers += (("Grpc-Timeout", self._random.choice(["5S", "1H", "2000m"])),)
        elif kind == 6:
            headers += (("Grpc-Timeout", self._random.choice(["x", "5", "5s5", ""])),)
        elif kind == 7:
            query = "?key=YQ==&limit=1"
        else:
            body = f'{{"KEY":"{key}","Key":"{key}","range_End":"AA=="}}'
        call = self._call("KV/Range", None, body, properties)
        return self._send(call._replace(headers=headers, path=call.path + query))[1]

    def _watch(self):
        """A watch, perhaps with a cancel in the same body; read until it has caught up with the
        history and with a put that follows. A second watch could get lost in etcd, see _send.
        """
        self._watches.settle()
        requests = [self._watches.create_request()]
        pieces = [
            self._form.text(self._api.WatchRequest(create_request=request)) for request in requests
        ]
        if self._random.random() < 0.2:
            pieces.append('{"cancel_request":{"watch_id":"4711"}}')
        path = self._random.choice(["/v3/watch", "/v3beta/watch"])
        body = "".join(pieces)
        aliases = self._pair.aliases
        streams = [
            HttpWatch(self._api, server.address, path, requests, body.encode(), text_from)
            for server, text_from in zip(
                self._pair.servers, (lambda text: text, aliases.text_from_right)
            )
        ]
        twin = WatchTwin(self._pair, streams, self._comparison.line_differences)
        call = HttpCall("Watch/Watch", None, "POST", path, (), body, frozenset())
        equal = self._follow(twin, call, requests)
        twin.close()
        return equal

    def _follow(self, twin, call, requests):
        self._pair.tally.count("gateway Watch/Watch", "sent")
        found = twin.expect_created(requests, self._kv.compacted)
        equal = True
        if not found:
            for watch in twin.live:
                equal = equal and self._watches.write(self._kv.put(watch.key, b"through a gateway"))
            if equal:
                history = self._watches.history_at(self._kv.revision)
                found = twin.settle(history, self._kv.revision)
        if not found and twin.streams[0].answer != twin.streams[1].answer:
            found = [Difference("status", *(stream.answer for stream in twin.streams))]
        if found:
            self._pair.report(call, None, None, found)
        return equal


def _sort_by_key(message):
    """Where equals may come in any order, two texts cannot be compared."""
    ranges = [message]
    if type(message).__name__ == "TxnRequest":
        ranges = [operation.request_range for operation in operations_of(message)]
    for request in ranges:
        if hasattr(request, "sort_target") and not getattr(request, "count_only", False):
            if request.sort_target:
                request.sort_target = SORT_BY_KEY


def describe(call):
    headers = " ".join(f"{name}: {value};" for name, value in call.headers)
    return f"{call.verb} {call.path} {headers} {json.dumps(call.body)}"
