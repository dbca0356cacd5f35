"""Compares two answers of the JSON gateway: status, headers, JSON by value and in the order of its
fields.
"""

import json
import re

from compare import MAX_TTL_LAG_SECONDS, Difference

CODE_NAMES = {
    3: "INVALID_ARGUMENT",
    5: "NOT_FOUND",
    9: "FAILED_PRECONDITION",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
}
COMPARED_HEADERS = (
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "content-type",
    "grpc-metadata-content-type",
)
ERROR_SHAPE, ERROR_STATUS = "gateway error body", "gateway status"


class GatewayComparison:
    def __init__(self, comparison):
        self._comparison = comparison

    def differences(self, call, left, right):
        """`right`: already with left's ids and addresses."""
        errors = [_error_of(answer) for answer in (left, right)]
        summaries = [_summary(*pair) for pair in zip((left, right), errors)]
        if summaries[0] != summaries[1] and self._is_allowed(call, left, *summaries, errors):
            return []
        if None not in errors:
            return self._error_differences(left, right, errors)
        if left.status != right.status or (left.status != 200 and left.body != right.body):
            return [Difference("answer", *summaries)]
        return self._header_differences(left, right) + self._body_differences(call, left, right)

    def line_differences(self, left, right):
        """Of two lines of a stream, as json.loads returns them."""
        found = self._comparison.json_differences(left.get("result"), right.get("result"))
        if list(left) != list(right):
            found.append(Difference("members of the line", list(left), list(right)))
        return found

    def _is_allowed(self, call, left, left_summary, right_summary, errors):
        if left.status == 200 and call.is_write:
            return False  # etcd has written: a difference is one of state
        texts = [
            f"{CODE_NAMES.get(error['code'], error['code'])} {error['message']}" if error else "OK"
            for error in errors
        ]
        return (texts[0] != texts[1] and self._comparison.rule_for(call, *texts)) or any(
            self._comparison.allows(name, left_summary, right_summary) for name in call.properties
        )

    def _error_differences(self, left, right, errors):
        found = self._header_differences(left, right)
        statuses = [
            f"{answer.status} {error['code']}" for answer, error in zip((left, right), errors)
        ]
        if statuses[0] != statuses[1] and not self._comparison.allows(ERROR_STATUS, *statuses):
            found.append(Difference("status and code", *statuses))
        if errors[0]["message"] != errors[1]["message"]:
            found.append(Difference("message", errors[0]["message"], errors[1]["message"]))
        shapes = [", ".join(answer.json()) for answer in (left, right)]
        if shapes[0] != shapes[1] and not self._comparison.allows(ERROR_SHAPE, *shapes):
            found.append(Difference("members of the error", *shapes))
        return found

    def _header_differences(self, left, right):
        return [
            Difference(name, left.headers.get(name), right.headers.get(name))
            for name in COMPARED_HEADERS
            if left.headers.get(name) != right.headers.get(name)
        ]

    def _body_differences(self, call, left, right):
        lines = [
            answer.body.splitlines() if call.is_stream else [answer.body]
            for answer in (left, right)
        ]
        if len(lines[0]) != len(lines[1]):
            return [Difference("lines", left.body, right.body)]
        found = []
        for left_line, right_line in zip(*lines):
            found += self._value_differences(call, left_line, right_line)
        return found

    def _value_differences(self, call, left, right):
        if left == right:
            return []
        try:
            values = [json.loads(text) for text in (left, right)]
        except ValueError:
            return [Difference("body", left, right)]
        if call.is_stream:
            return self.line_differences(*values)
        if call.method == "Lease/LeaseTimeToLive":
            self._hide_lag(*values)
        if call.method == "Lease/LeaseLeases":
            for value in values:
                self._order_leases(value.get("leases", []))
        found = [
            difference
            for difference in self._comparison.json_differences(*values)
            if not self._comparison.allows(
                f"{call.method} {difference.where}", str(difference.left), str(difference.right)
            )
        ]
        names = [_names(text) for text in (left, right)]
        shared = set(names[0]) & set(names[1])
        orders = [[name for name in side if name in shared] for side in names]
        return found or ([] if orders[0] == orders[1] else [Difference("order of fields", *orders)])

    def _order_leases(self, leases):
        ids = self._comparison.in_lease_order([int(lease.get("ID", 0)) for lease in leases])
        for lease, number in zip(leases, ids):
            lease["ID"] = str(number)

    def _hide_lag(self, *values):
        allowed = self._comparison.allows_remaining_ttl()
        for value in values:
            value.get("keys", []).sort()
            granted, rest = int(value.get("grantedTTL", 0)), int(value.get("TTL", 0))
            if allowed and 0 <= granted - rest <= MAX_TTL_LAG_SECONDS:
                value["TTL"] = str(granted)


def _error_of(answer):
    """The error object of a gateway, or None."""
    value = answer.json()
    if isinstance(value, dict) and isinstance(value.get("code"), int) and "message" in value:
        return value
    return None


def _summary(answer, error):
    content_type = answer.headers.get("content-type", "-").split(";")[0]
    if error:
        return f"{answer.status} {content_type} {error['code']} {error['message']}"
    if answer.status == 200:
        return f"200 {content_type}"
    return f"{answer.status} {content_type} {answer.body.strip()}"


def _names(text):
    """Paths of all members in the order in which they stand."""
    found = []

    def walk(path, value):
        if isinstance(value, Members):
            for name, inner in value:
                found.append(f"{path}.{name}")
                walk(f"{path}.{name}", inner)
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                walk(f"{path}[{i}]", inner)

    walk("", json.loads(text, object_pairs_hook=Members))
    return found


class Members(list):
    """The members of one JSON object, as pairs; apart from a JSON array."""


def hide_addresses(text, server):
    """Client and peer address by name: each server has its own."""
    text = re.sub(rf"\b{re.escape(server.address)}\b", "client:1", text)
    return re.sub(rf"\b{re.escape(server.peer_address)}\b", "peer:1", text)
