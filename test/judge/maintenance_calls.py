"""Seeded calls of the Maintenance service, and writes while alarms are raised."""

from compare import Difference
from generator import Call, operations_of

NONE, NOSPACE, CORRUPT = 0, 1, 2
GET, ACTIVATE, DEACTIVATE = 0, 1, 2
MEMBERS = [0, 1, 77, 2**63]
RAISED_WRITES = 6


class MaintenanceCalls:
    """One step each: hashes, Status, Defragment, or an alarm with what it forbids."""

    def __init__(self, pair, random, kv, watches):
        self._pair = pair
        self._api = pair.api
        self._random = random
        self._kv = kv
        self._watches = watches
        self._hashes = {}  # of right, by revision

    def step(self):
        """Whether both sides are still in one state."""
        return self._random.choices(
            [self._hash_kv, self._plain, self._alarm], [45, 30, 25]
        )[0]()

    def _call(self, method, message):
        call = Call(f"Maintenance/{method}", message.SerializeToString(), message)
        return self._pair.call(call)

    def _plain(self):
        method = self._random.choice(["Hash", "Status", "Defragment"])
        return self._call(method, getattr(self._api, f"{method}Request")())[1]

    def _hash_kv(self):
        """Below the compacted revision, above it, now and in the future. Not at it: etcd 3.4 takes
        that for compacted.
        """
        now, compacted = self._kv.revision, self._kv.compacted
        revision = self._random.choice([0, 0, now, now + 1, now + 1000, compacted - 1])
        if self._random.random() < 0.4:
            revision = self._random.randint(max(compacted + 1, 1), max(now, 1))
        if revision < 0 or revision == compacted:
            revision = 0
        request = self._api.HashKVRequest(revision=revision)
        response, equal = self._call("HashKV", request)
        return equal and (response is None or self._same_as_before(request))

    def _same_as_before(self, request):
        """Where the hash names its revision (3.6) it never changes, whatever was compacted."""
        answer = self._pair.clients[1].call("Maintenance/HashKV", request.SerializeToString())
        response = self._api.HashKVResponse.FromString(answer.payload)
        if not response.hash_revision:
            return True
        before = self._hashes.setdefault(response.hash_revision, response.hash)
        if before != response.hash:
            call = Call("Maintenance/HashKV", b"", request)
            self._pair.report(call, before, response.hash, [Difference("hash", before, response.hash)])
        return before == response.hash

    def _alarm(self):
        """Raised, perhaps twice, asked about, writes, taken back. One type at a time: etcd obeys
        only the newest. Not NONE: 3.4 raises an alarm of that type.
        """
        random = self._random
        kind = random.choice([NOSPACE, CORRUPT])
        raised = [random.choice(MEMBERS) for _ in range(random.choice([1, 1, 2]))]
        steps = [lambda m=member: self._alarm_call(ACTIVATE, kind, m) for member in raised]
        steps.append(lambda: self._alarm_call(GET, random.choice([NONE, NOSPACE, CORRUPT])))
        steps.append(self._plain)
        steps += [lambda: self._write(kind)] * RAISED_WRITES
        steps.append(lambda: self._lease(kind))
        steps += [lambda m=member: self._alarm_call(DEACTIVATE, kind, m) for member in raised]
        steps.append(lambda: self._alarm_call(GET))
        return all(step() for step in steps)

    def _alarm_call(self, action, kind=NONE, member=0):
        request = self._api.AlarmRequest(action=action, alarm=kind, memberID=member)
        return self._call("Alarm", request)[1]

    def _write(self, kind):
        if self._random.random() < 0.1:
            return self._watches.catch_up() and self._watches.write(self._kv.compact())
        call = self._kv.next()
        # Etcd does not see the puts of a nested transaction.
        nested = call.method == "KV/Txn" and any(
            operation.HasField("request_txn") for operation in operations_of(call.message)
        )
        if nested and kind == NOSPACE:
            call = self._kv.put(self._kv.key())
        return self._watches.write(call)

    def _lease(self, kind):
        api = self._api
        requests = [("LeaseGrant", api.LeaseGrantRequest(ID=2**52, TTL=1000))]
        if kind == CORRUPT:
            requests.append(("LeaseRevoke", api.LeaseRevokeRequest(ID=424242)))
        return all(
            self._pair.call(Call(f"Lease/{method}", request.SerializeToString(), request))[1]
            for method, request in requests
        )
