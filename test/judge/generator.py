"""A seeded stream of KV calls over few keys, so that they collide often; good, odd and bad ones.

The stream depends on the seed and on what etcd answered (`Generator.learn`): current and
compacted revision steer which revisions are asked for. Same seed, same etcd: same calls.
"""

from typing import NamedTuple

from google.protobuf.message import DecodeError

MAX_INT64 = 2**63 - 1
MIN_INT64 = -(2**63)
GRPC_LIMIT_BYTES = 2097152
PROPOSAL_LIMIT_BYTES = 1572864
PROPOSAL_HEADER_BYTES = (
    128  # more than the request id and framing around a request in a proposal, whose size varies
)
KEYS = [
    b"\x00",
    b"\x00\x00",
    b"\x00\xff",
    b"a",
    b"a\x00",
    b"a\x00\x01",
    b"a\xff",
    b"a\xff\xff",
    b"aa",
    b"ab",
    b"b",
    b"b\xfe",
    b"b\xff",
    b"k0",
    b"k1",
    b"k2",
    b"k3",
    b"\xc3\x28",
    b"\xff",
    b"\xff\x00",
    b"\xff\xff",
    b"x" * 1023 + b"y",
    b"x" * 1024,
]
VALUES = [b"", b"", b"0", b"1", b"one", b"\x00", b"\xff\xff", b"v" * 100, b"w" * 4096]
METHODS = ["KV/Range", "KV/Put", "KV/DeleteRange", "KV/Txn", "KV/Compact"]
BAD_PATHS = [
    "KV/Nope",
    "KV/range",
    "/etcdserverpb.Nope/Range",
    "/a/b/c",
    "/nope",
    "/",
    "//",
    "/etcdserverpb.KV/",
]


class Call(NamedTuple):
    """One request: `message` is None where `payload` does not parse."""

    method: str
    payload: bytes
    message: object


def prefix_end(key):
    """The range end of a prefix scan; of a key made of FF only it is 00 (every key from `key`
    on).
    """
    cut = key.rstrip(b"\xff")
    return cut[:-1] + bytes([cut[-1] + 1]) if cut else b"\x00"


class Generator:
    def __init__(self, api, random):
        """`random`: random.Random with the seed of this run."""
        self._api = api
        self._random = random
        self._revision = 1
        self._compacted = -1
        self._pending = []  # calls that must follow, last first

    @property
    def readable_revisions(self):
        return range(max(self._compacted, 1), self._revision + 1)

    def learn(self, call, response):
        """`response`: etcd's answer to `call`, or None if it was an error."""
        if response is None:
            return
        self._revision = response.header.revision
        if call.method == "KV/Compact":
            self._compacted = call.message.revision

    def next(self):
        if self._pending:
            return self._pending.pop()
        make = self._random.choices(
            [
                self._range,
                self._put,
                self._delete,
                self._txn,
                self._compact,
                self._malformed,
                self._bad_path,
                self._oversize,
                self._many_operations,
                self._deep_txn,
            ],
            [330, 250, 70, 250, 12, 40, 6, 4, 8, 3],
        )[0]
        return make()

    def everything_at(self, revision):
        return self._call(
            "KV/Range", self._api.RangeRequest(key=b"\0", range_end=b"\0", revision=revision)
        )

    @staticmethod
    def _call(method, message):
        return Call(method, message.SerializeToString(), message)

    def _chance(self, probability):
        return self._random.random() < probability

    def _key(self):
        return b"" if self._chance(0.01) else self._random.choice(KEYS)

    def _range_end(self, key):
        kind = self._random.choices(
            ["one", "key", "from", "prefix", "all", "same"], [40, 25, 10, 15, 8, 2]
        )[0]
        return {
            "one": b"",
            "key": self._random.choice(KEYS),
            "from": b"\x00",
            "prefix": prefix_end(key or b"a"),
            "all": b"\xff\xff\xff",
            "same": key,
        }[kind]

    def _any_revision(self):
        around = self._random.choice([self._compacted, self._revision]) + self._random.randint(
            -2, 2
        )
        return self._random.choice(
            [
                self._random.randint(1, self._revision),
                around,
                around,
                0,
                -1,
                self._revision + 1000,
                MAX_INT64,
                MIN_INT64,
            ]
        )

    def _past_revision(self):
        return self._random.randint(max(self._compacted, 1), self._revision)

    def _range(self):
        request = self._range_request(unknown_sort=0.005)
        if request.key and self._chance(0.005):
            request.sort_target = self._random.choice([5, 9, -1])
        return self._call("KV/Range", request)

    def _range_request(self, unknown_sort=0.0):
        random = self._random
        key = self._key()
        request = self._api.RangeRequest(key=key, range_end=self._range_end(key))
        if self._chance(0.35):
            request.revision = self._past_revision() if self._chance(0.7) else self._any_revision()
        if self._chance(0.3):
            request.limit = random.choice(
                [1, 1, 2, 3, 5, 8, 20, 1000, -1, MAX_INT64, MAX_INT64 - 1, MIN_INT64]
            )
        if self._chance(0.35):
            request.sort_order = random.randint(0, 2)
            request.sort_target = random.randint(0, 4)
        if self._chance(unknown_sort):
            request.sort_order = random.choice([3, 7, -1, 2**31 - 1])
        request.serializable = self._chance(0.2)
        request.keys_only = self._chance(0.15)
        request.count_only = self._chance(0.1)
        if self._chance(0.2):
            for name in (
                "min_mod_revision",
                "max_mod_revision",
                "min_create_revision",
                "max_create_revision",
            ):
                if self._chance(0.4):
                    setattr(request, name, self._any_revision())
        return request

    def _put(self):
        return self._call("KV/Put", self._put_request())

    def _put_request(self):
        request = self._api.PutRequest(
            key=self._key(), value=self._random.choice(VALUES), prev_kv=self._chance(0.3)
        )
        if self._chance(0.08):
            request.ignore_value = True
            if self._chance(0.8):
                request.value = b""
        if self._chance(0.08):
            request.ignore_lease = True
        if self._chance(0.03):
            request.lease = self._random.choice([1, 12345, -1, MAX_INT64])
        return request

    def _delete(self):
        return self._call("KV/DeleteRange", self._delete_request())

    def _delete_request(self):
        key = self._key()
        return self._api.DeleteRangeRequest(
            key=key, range_end=self._range_end(key), prev_kv=self._chance(0.4)
        )

    def _compare(self):
        random = self._random
        key = self._key()
        compare = self._api.Compare(
            key=key, target=random.randint(0, 4), result=random.randint(0, 3)
        )
        if self._chance(0.25):
            compare.range_end = self._range_end(key)
        if self._chance(0.03):
            compare.result = random.choice([4, 9, -1])
        if self._chance(0.03):
            compare.target = random.choice([5, 9, -1])
        member = compare.target if self._chance(0.9) else random.randint(0, 5)
        number = random.choice(
            [0, 0, 1, 2, 3, self._past_revision(), self._past_revision(), self._revision, -1]
        )
        if member == 0:
            compare.version = number
        elif member == 1:
            compare.create_revision = number
        elif member == 2:
            compare.mod_revision = number
        elif member == 3:
            compare.value = random.choice(VALUES)
        elif member == 4:
            compare.lease = random.choice([0, 0, 1])
        return compare

    def _operation(self, depth, read_only):
        kinds = ["range", "put", "delete", "txn", "empty"]
        weights = [1, 0, 0, 0, 0] if read_only else [30, 40, 12, 14 if depth < 3 else 0, 1]
        kind = self._random.choices(kinds, weights)[0]
        operation = self._api.RequestOp()
        if kind == "range":
            unknown_sort = (
                0.02 if read_only else 0.0
            )  # 3.6 refuses it, 3.4 does not: it must not come with a write
            operation.request_range.CopyFrom(self._range_request(unknown_sort))
        elif kind == "put":
            operation.request_put.CopyFrom(self._put_request())
        elif kind == "delete":
            operation.request_delete_range.CopyFrom(self._delete_request())
        elif kind == "txn":
            operation.request_txn.CopyFrom(self._txn_request(depth + 1))
        return operation

    def _txn_request(self, depth=0):
        read_only = depth == 0 and self._chance(0.2)
        request = self._api.TxnRequest()
        request.compare.extend(
            self._compare() for _ in range(self._random.choice([0, 1, 1, 1, 2, 3]))
        )
        for branch in (request.success, request.failure):
            branch.extend(
                self._operation(depth, read_only)
                for _ in range(self._random.choice([0, 1, 1, 2, 3, 4]))
            )
        return request

    def _txn(self):
        request = self._txn_request()
        operations = list(operations_of(request))
        if any(operation.request_delete_range.range_end == b"\x00" for operation in operations):
            # Etcd of every release dies of a put with ignore_* whose key such a delete took
            # (etcd-semantics 5, the hole).
            for operation in operations:
                if operation.HasField("request_put"):
                    operation.request_put.ClearField("ignore_value")
                    operation.request_put.ClearField("ignore_lease")
        return self._call("KV/Txn", request)

    def _compact(self):
        revision = self._past_revision() if self._chance(0.4) else self._any_revision()
        if self._chance(0.5):  # leaves some history to read
            revision = min(revision, max(self._revision - 20, 0))
        return self._call(
            "KV/Compact", self._api.CompactionRequest(revision=revision, physical=self._chance(0.5))
        )

    def _many_operations(self):
        """Around the limit of 128 operations, at the top and for what it leaves to a nested txn."""
        request = self._api.TxnRequest()
        count = self._random.choice([127, 128, 129, 200])
        where = self._random.choice(["compare", "success", "failure", "nested"])
        if where == "compare":
            request.compare.extend(
                self._api.Compare(key=b"a", target=0, result=1) for _ in range(count)
            )
        else:
            nested = self._random.randint(1, 127) if where == "nested" else 0
            branch = request.failure if where == "failure" else request.success
            for i in range(count - nested):
                branch.add().request_put.key = b"m%d" % i
            if nested:
                for i in range(nested + self._random.choice([-1, 0, 1, 2])):
                    branch[0].request_txn.success.add().request_range.key = b"m%d" % i
        self._pending.append(
            self._call("KV/DeleteRange", self._api.DeleteRangeRequest(key=b"m", range_end=b"n"))
        )
        return self._call("KV/Txn", request)

    def _deep_txn(self):
        """Txns in txns, past the depth at which parsers give up."""
        request = self._api.TxnRequest()
        request.success.add().request_put.key = b"a"
        for _ in range(self._random.choice([10, 40, 60, 100, 126, 127, 128])):
            outer = self._api.TxnRequest()
            outer.success.add().request_txn.CopyFrom(request)
            request = outer
        return self._call("KV/Txn", request)

    def _oversize(self):
        """Around both limits: of a message, which is exact, and of a proposal, whose header
        varies in size.
        """
        api = self._api
        target = self._random.choice(
            [
                PROPOSAL_LIMIT_BYTES - PROPOSAL_HEADER_BYTES,
                PROPOSAL_LIMIT_BYTES + 1,
                1900000,
                GRPC_LIMIT_BYTES - 1,
                GRPC_LIMIT_BYTES,
                GRPC_LIMIT_BYTES + 1,
                3000000,
            ]
        )
        kind = self._random.choice(["put", "put", "txn", "delete", "range"])
        filler = b"z" * (target - 64)
        if kind == "put":
            method, request = "KV/Put", api.PutRequest(key=b"huge", value=filler)
        elif kind == "txn":
            method, request = "KV/Txn", api.TxnRequest()
            request.success.add().request_put.MergeFrom(api.PutRequest(key=b"huge", value=filler))
        elif kind == "delete":
            method, request = "KV/DeleteRange", api.DeleteRangeRequest(key=filler)
        else:
            method, request = "KV/Range", api.RangeRequest(key=filler)
        filler += b"z" * (target - request.ByteSize())
        if kind == "put":
            request.value = filler
        elif kind == "txn":
            request.success[0].request_put.value = filler
        else:
            request.key = filler
        assert request.ByteSize() == target
        self._pending.append(self._call("KV/DeleteRange", api.DeleteRangeRequest(key=b"huge")))
        return self._call(method, request)

    def _malformed(self):
        """Bytes that are not, or hardly, the message that the method expects."""
        random = self._random
        method = random.choice(METHODS)
        good = {
            "KV/Range": self._range_request,
            "KV/Put": self._put_request,
            "KV/DeleteRange": self._delete_request,
            "KV/Txn": lambda: self._txn().message,
            "KV/Compact": lambda: self._api.CompactionRequest(revision=-1),
        }[method]().SerializeToString()
        number = random.choice([1, 2, 3, 4, 9, 64, 99, 2**29 - 1])
        damage = random.choice(
            [
                lambda: good[: random.randint(0, len(good))],
                lambda: good + bytes([0x00, 0x01]),  # field number 0
                lambda: good
                + varint(
                    number << 3 | random.choice([3, 4, 6, 7])
                ),  # groups, wire types that do not exist
                lambda: good + varint(number << 3) + b"\xff" * 11,  # varint without end
                lambda: good + varint(number << 3) + b"\xff" * 10 + b"\x01",  # varint of 11 bytes
                lambda: good + varint(number << 3 | 2) + b"\xff" * 9 + b"\x01",  # negative length
                lambda: good + varint(number << 3 | 2) + b"\x7f",  # length beyond the end
                lambda: good + varint(1 << 3 | 5) + b"abcd",  # wrong wire type of a known field
                lambda: good + varint(5 << 3 | 2) + b"\x01a",
                lambda: good + varint(99 << 3 | 2) + b"\x03abc",  # unknown fields are fine
                lambda: good
                + varint(99 << 3 | 3)
                + varint(98 << 3)
                + b"\x01"
                + varint(99 << 3 | 4),
            ]
        )
        payload = damage()
        try:
            return Call(method, payload, request_type(self._api, method).FromString(payload))
        except DecodeError:
            return Call(method, payload, None)

    def _bad_path(self):
        return Call(self._random.choice(BAD_PATHS), b"", None)


def request_type(api, method):
    """The message class that a method of KV expects."""
    names = {"Compact": "CompactionRequest"}
    name = method.removeprefix("KV/")
    return getattr(api, names.get(name, f"{name}Request"))


def operations_of(txn):
    """Every operation of both branches, those of nested txns included."""
    for branch in (txn.success, txn.failure):
        for operation in branch:
            yield operation
            if operation.HasField("request_txn"):
                yield from operations_of(operation.request_txn)


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))
