"""Compares two answers to one call, field by field, and knows the differences that allowed.txt
permits.
"""

import itertools
import pathlib
from fnmatch import fnmatchcase
from typing import NamedTuple

from google.protobuf.message import DecodeError

MAX_LINES = 25
NOT_SENT = "-"
RESPONSES = {
    "KV/Range": "RangeResponse",
    "KV/Put": "PutResponse",
    "KV/DeleteRange": "DeleteRangeResponse",
    "KV/Txn": "TxnResponse",
    "KV/Compact": "CompactionResponse",
    "Lease/LeaseGrant": "LeaseGrantResponse",
    "Lease/LeaseRevoke": "LeaseRevokeResponse",
    "Lease/LeaseTimeToLive": "LeaseTimeToLiveResponse",
    "Lease/LeaseLeases": "LeaseLeasesResponse",
    "Maintenance/Alarm": "AlarmResponse",
    "Maintenance/Defragment": "DefragmentResponse",
    "Maintenance/Hash": "HashResponse",
    "Maintenance/HashKV": "HashKVResponse",
    "Maintenance/Status": "StatusResponse",
}
WRITES = {
    "KV/Put",
    "KV/DeleteRange",
    "KV/Txn",
    "KV/Compact",
    "Lease/LeaseGrant",
    "Lease/LeaseRevoke",
    "Maintenance/Alarm",
}
REMAINING_TTL = "remaining TTL"
MAX_TTL_LAG_SECONDS = 30
SORT_KEYS = {
    1: lambda kv: kv.version,
    2: lambda kv: kv.create_revision,
    3: lambda kv: kv.mod_revision,
    4: lambda kv: kv.value,
}


class Difference(NamedTuple):
    where: str
    left: object
    right: object


class Rule(NamedTuple):
    kind: str
    what: str
    left: str
    right: str
    why: str


def read_rules(path=pathlib.Path(__file__).parent / "allowed.txt"):
    lines = path.read_text().splitlines()
    if len(lines) > MAX_LINES:
        raise ValueError(f"{path.name} has {len(lines)} lines, more than {MAX_LINES}")
    rules = [
        Rule(*(part.strip() for part in line.split(" | ")))
        for line in lines
        if not line.startswith("#")
    ]
    for rule in rules:
        if rule.kind not in ("a", "b", "c") or not rule.why:
            raise ValueError(
                f"{path.name}: a rule is of class a, b or c and gives its reason: {rule}"
            )
    return rules


def requests_in(message):
    """The request and, of a txn, those of both branches and of nested ones."""
    yield message
    if type(message).__name__ == "TxnRequest":
        for operation in itertools.chain(message.success, message.failure):
            if operation.WhichOneof("request"):
                yield from requests_in(getattr(operation, operation.WhichOneof("request")))


def is_read_only(call):
    if call.method == "KV/Txn" and call.message is not None:
        operations = itertools.chain(call.message.success, call.message.failure)
        return all(operation.WhichOneof("request") == "request_range" for operation in operations)
    return call.method not in WRITES


def request_properties(call):
    """The names that rules of class b and c can use."""
    properties = set()
    if call.method.startswith("/") and "/" not in call.method[1:]:
        properties.add("malformed-method")
    requests = list(requests_in(call.message))
    ranges = [request for request in requests if type(request).__name__ == "RangeRequest"]
    puts = [request for request in requests if type(request).__name__ == "PutRequest"]
    if any(not 0 <= request.sort_order <= 2 for request in ranges):
        properties.add("unknown-sort-order")
    if any(not 0 <= request.sort_target <= 4 for request in ranges):
        properties.add("unknown-sort-target")
    if any(request.revision for request in ranges) and any(
        request.lease or request.ignore_value or request.ignore_lease for request in puts
    ):
        properties.add("txn-pre-checks")
    return properties


class Comparison:
    def __init__(self, api, rules):
        self._api = api
        self._fields = [rule for rule in rules if rule.kind == "a"]
        self._requests = [rule for rule in rules if rule.kind != "a"]
        self.used = set()
        self.ttl_of_lease = {}  # granted to which, as far as the caller knows

    def not_for_etcd(self, call):
        """The rule that keeps this request from etcd, if there is one."""
        properties = request_properties(call)
        return next(
            (rule for rule in self._requests if rule.left == NOT_SENT and rule.what in properties),
            None,
        )

    def allows(self, what, left, right):
        """Whether a rule of class b or c for `what` lets `left` and `right` pass (as texts)."""
        for rule in self._requests:
            named = any(fnmatchcase(what, pattern) for pattern in rule.what.split(", "))
            if named and fnmatchcase(left, rule.left) and fnmatchcase(right, rule.right):
                self.used.add(rule)
                return True
        return False

    def parse(self, call, answer):
        """The response message, or None if it is an error or too deeply nested for this parser."""
        if not answer.ok or call.method not in RESPONSES:
            return None
        try:
            return getattr(self._api, RESPONSES[call.method]).FromString(answer.payload)
        except DecodeError:
            return None

    def alone(self, rule, answer):
        """Differences of our answer from what `rule` says, where etcd was not asked."""
        status = _status(answer)
        self.used.add(rule)
        return [] if fnmatchcase(status, rule.right) else [Difference("status", rule.right, status)]

    def differences(self, call, left, right):
        status = _status(left), _status(right)
        if status[0] != status[1]:
            rule = self.rule_for(call, *status)
            if rule:
                self.used.add(rule)
                return []
            return [Difference("status", *status)]
        found = _diff("metadata", left.metadata, right.metadata)
        if left.ok:
            found += self._body_differences(call, left, right)
        return found

    def rule_for(self, call, left, right):
        """The rule of class b or c that lets these two statuses pass as answers to `call`."""
        if left.startswith("OK") and not is_read_only(call):
            return None  # etcd has written, we have not: the states are apart
        properties = request_properties(call)
        return next(
            (
                rule
                for rule in self._requests
                if rule.what in properties
                and fnmatchcase(left, rule.left)
                and fnmatchcase(right, rule.right)
            ),
            None,
        )

    def _body_differences(self, call, left, right):
        responses = self.parse(call, left), self.parse(call, right)
        if None in responses:
            return _diff(
                "bytes after the header", _after_header(left.payload), _after_header(right.payload)
            )
        if call.message is not None:
            for response in responses:
                _order_ties(call.message, response)
        return [
            difference
            for difference in self.message_differences(*responses)
            if not self.allows(
                f"{call.method} {difference.where}", str(difference.left), str(difference.right)
            )
        ]

    def message_differences(self, left, right):
        """What no rule of class a permits; both are messages of one type."""
        if type(left).__name__ == "LeaseTimeToLiveResponse":
            self._hide_lag(left, right)
        if type(left).__name__ == "LeaseLeasesResponse":
            for message in (left, right):
                ids = self.in_lease_order([status.ID for status in message.leases])
                for status, lease in zip(message.leases, ids):
                    status.ID = lease
        if type(left).__name__ == "AlarmResponse":
            for message in (left, right):
                message.alarms.sort(key=lambda alarm: (alarm.alarm, alarm.memberID))
        if type(left).__name__ == "StatusResponse":
            for message in (left, right):
                message.errors.sort()  # alarms come in the order of a Go map
        unknown = [_has_unknown_fields(message) for message in (left, right)]
        found = _diff("has unknown fields", *unknown) + _diff("", _tree(left), _tree(right))
        return self.not_allowed(found)

    def not_allowed(self, found):
        return [difference for difference in found if not self._is_allowed_field(difference)]

    def json_differences(self, left, right):
        """As message_differences, for what json.loads returns."""
        return self.not_allowed(_diff("", left, right))

    def _hide_lag(self, *responses):
        """The servers are asked at different moments: a time that is left counts as the granted
        one if it is little below.
        """
        allowed = self.allows_remaining_ttl()
        for response in responses:
            response.keys.sort()
            if allowed and 0 <= response.grantedTTL - response.TTL <= MAX_TTL_LAG_SECONDS:
                response.TTL = response.grantedTTL

    def in_lease_order(self, ids):
        """A list of leases is ordered by the time that is left. Neighbours that were granted the
        same TTL come in an order of their own if the servers' clocks differ in resolution.
        """
        if not self.allows_remaining_ttl():
            return ids
        groups = itertools.groupby(ids, lambda lease: self.ttl_of_lease.get(lease, lease))
        return [lease for _, group in groups for lease in sorted(group)]

    def allows_remaining_ttl(self):
        """Whether a time to live may lie up to MAX_TTL_LAG_SECONDS below the granted one."""
        return any(rule.what == REMAINING_TTL for rule in self._fields)

    def _is_allowed_field(self, difference):
        for rule in self._fields:
            patterns = rule.what.split(", ")
            if any(fnmatchcase(difference.where, pattern) for pattern in patterns) and (
                difference.left and difference.right
            ):
                self.used.add(rule)
                return True
        return False


def _status(answer):
    return f"{answer.code} {answer.text}" if not answer.ok else "OK"


def _has_unknown_fields(message):
    size = message.ByteSize()
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy.ByteSize() != size


def _tree(value):
    """Messages as dicts of the fields that are present, so that an empty message differs from an
    absent one.
    """
    if not hasattr(value, "ListFields"):
        return value
    return {
        field.name: (
            [_tree(item) for item in content]
            if field.label == field.LABEL_REPEATED
            else _tree(content)
        )
        for field, content in value.ListFields()
    }


def _diff(where, left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        found = []
        for name in sorted(left.keys() | right.keys()):
            found += _diff(f"{where}.{name}".lstrip("."), left.get(name), right.get(name))
        return found
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            difference
            for i, pair in enumerate(zip(left, right))
            for difference in _diff(f"{where}[{i}]", *pair)
        ]
    return [] if left == right else [Difference(where, left, right)]


def _order_ties(request, response):
    """Puts keys of equal rank into key order: in a sort by a field that is not unique their order
    is open.
    """
    if type(request).__name__ == "RangeRequest":
        _order_ties_of_range(request, response)
    elif type(request).__name__ == "TxnRequest":
        branch = request.success if response.succeeded else request.failure
        for operation, result in zip(branch, response.responses):
            which = operation.WhichOneof("request")
            if which in ("request_range", "request_txn"):
                _order_ties(
                    getattr(operation, which), getattr(result, which.replace("request", "response"))
                )


def _order_ties_of_range(request, response):
    rank = SORT_KEYS.get(request.sort_target)
    if rank is None or len(response.kvs) < 2:
        return
    if request.sort_target == 4 and request.keys_only:
        rank = (
            lambda kv: b""
        )  # the values that ranked them are cleared: nothing is known but the set
    groups = [list(group) for _, group in itertools.groupby(response.kvs, rank)]
    ordered = []
    for i, group in enumerate(groups):
        cut_by_limit = response.more and i == len(groups) - 1
        ordered += (
            [_only_rank(request, kv) for kv in group]
            if cut_by_limit
            else sorted(group, key=lambda kv: kv.key)
        )
    copies = [type(kv).FromString(kv.SerializeToString()) for kv in ordered]
    del response.kvs[:]
    response.kvs.extend(copies)


def _only_rank(request, kv):
    """Of equals at the limit any may be in: only their rank is comparable."""
    kept = type(kv)()
    name = {1: "version", 2: "create_revision", 3: "mod_revision", 4: "value"}[request.sort_target]
    setattr(kept, name, getattr(kv, name))
    return kept


def _after_header(payload):
    """A response without its first field, the header (whose ids differ)."""
    if not payload or payload[0] != 0x0A or payload[1] > 0x7F:
        return payload
    return payload[2 + payload[1] :]
