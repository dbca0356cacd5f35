"""Seeded lease calls, and the KV writes that attach keys to leases and detach them."""

import time

from compare import Difference
from generator import KEYS, MAX_INT64, MIN_INT64, Call, Generator, varint
from pair import SETTLE_SECONDS, BidiCall

EQUAL, NOT_EQUAL = 0, 3
MAX_TTL_SECONDS = 9_000_000_000
# So far apart that the order of what is left does not depend on when each was granted.
LONG_TTLS = [1000, 5000, 20_000, 100_000, MAX_TTL_SECONDS]
RAISED_TTLS = [0, 1, -1, MIN_INT64]
CHOSEN_IDS = [1, 2, 3, 77, 2**40, -1, -2, MIN_INT64, MAX_INT64]
EXPIRING_LEASES = 6


class LeasedKv(Generator):
    """KV calls that use leases; no bad bytes and paths, which the KV judge sends."""

    def __init__(self, api, random):
        super().__init__(api, random)
        self.leases = []  # ids that live, as left knows them

    def next(self):
        if self._pending:
            return self._pending.pop()
        return self._random.choices(
            [self._put, self._delete, self._txn, self._range], [60, 12, 24, 4]
        )[0]()

    def key(self):
        return self._random.choice(KEYS)

    def range_end(self, key):
        return self._range_end(key)

    @property
    def revision(self):
        return self._revision

    @property
    def compacted(self):
        return self._compacted

    def put(self, key, value=b"settled"):
        return self._call("KV/Put", self._api.PutRequest(key=key, value=value))

    def delete(self, key):
        return self._call("KV/DeleteRange", self._api.DeleteRangeRequest(key=key))

    def compact(self):
        """Physically, always: what a watch sees of the compacted revision must not depend on a
        background job.
        """
        call = self._compact()
        call.message.physical = True
        return self._call(call.method, call.message)

    def learn_revision(self, revision):
        self._revision = max(self._revision, revision)

    def _range(self):
        return self._call("KV/Range", self._range_request())

    def _range_request(self, unknown_sort=0.0):
        return super()._range_request()  # the KV judge asks for unknown ways to sort

    def _put_request(self):
        request = super()._put_request()
        if self.leases and not request.ignore_lease and self._chance(0.4):
            request.lease = self._random.choice(self.leases)
        return request

    def _compare(self):
        compare = super()._compare()
        if compare.WhichOneof("target_union") == "lease" and self.leases and self._chance(0.5):
            compare.lease = self._random.choice(self.leases)
            # Each server draws its own: which is greater has no meaning.
            compare.result = self._random.choice([EQUAL, NOT_EQUAL])
        return compare


class LeaseCalls:
    """One step each: grant, revoke, keep-alive, time-to-live, list."""

    def __init__(self, pair, random, kv):
        self._pair = pair
        self._api = pair.api
        self._random = random
        self._kv = kv
        self._pending = []

    def step(self):
        """Whether both sides are still in one state."""
        if self._random.random() < 0.25 and not self.must_follow:
            return self._keep_alive()
        call = self._malformed() if self._random.random() < 0.04 else self.unary_call()
        response, equal = self._pair.call(call)
        if response is not None:
            self._kv.learn_revision(response.header.revision)
            if call.method == "Lease/LeaseGrant":
                self.learn_grant(call.message, response.ID)
            elif call.method == "Lease/LeaseRevoke":
                self.learn_revoke(call.message)
        return equal

    def unary_call(self):
        if self._pending:
            return self._pending.pop()
        return self._random.choices(
            [self._grant, self._revoke, self._time_to_live, self._list], [28, 16, 22, 6]
        )[0]()

    @property
    def must_follow(self):
        """A lease of the smallest TTL has been granted: it must be revoked before it expires."""
        return bool(self._pending)

    def learn_grant(self, request, lease):
        if request.TTL in LONG_TTLS:
            self._kv.leases.append(lease)
            self._pair.comparison.ttl_of_lease[lease] = request.TTL
        else:
            self._pending.append(self._revoke_of(lease))

    def learn_revoke(self, request):
        if request.ID in self._kv.leases:
            self._kv.leases.remove(request.ID)

    @staticmethod
    def _call(method, message):
        return Call(f"Lease/{method}", message.SerializeToString(), message)

    def some_id(self):
        known = self._kv.leases
        if known and self._random.random() < 0.75:
            return self._random.choice(known)
        return self._random.choice([*CHOSEN_IDS, 0, 424242])

    def _grant(self):
        random = self._random
        ids = [0, 0, random.choice(CHOSEN_IDS), self.some_id(), random.randint(1, 2**62)]
        ttl = random.choices(
            [random.choice(LONG_TTLS), random.choice(RAISED_TTLS), MAX_TTL_SECONDS + 1, MAX_INT64],
            [80, 12, 4, 4],
        )[0]
        return self._call(
            "LeaseGrant", self._api.LeaseGrantRequest(ID=random.choice(ids), TTL=ttl)
        )

    def _revoke(self):
        return self._revoke_of(self.some_id())

    def _revoke_of(self, lease):
        return self._call("LeaseRevoke", self._api.LeaseRevokeRequest(ID=lease))

    def _time_to_live(self):
        return self._call(
            "LeaseTimeToLive",
            self._api.LeaseTimeToLiveRequest(
                ID=self.some_id(), keys=self._random.random() < 0.7
            ),
        )

    def _list(self):
        return self._call("LeaseLeases", self._api.LeaseLeasesRequest())

    def _malformed(self):
        method = self._random.choice(
            ["LeaseGrant", "LeaseRevoke", "LeaseTimeToLive", "LeaseLeases"]
        )
        damage = self._random.choice([b"\x08", b"\x0f", varint(1 << 3 | 2) + b"\x7f", b"\x00\x01"])
        return Call(f"Lease/{method}", damage, None)

    def _keep_alive(self):
        """Some renewals on one stream; half-closed at once, or after the answers."""
        api, pair = self._api, self._pair
        requests = [
            api.LeaseKeepAliveRequest(ID=self.some_id())
            for _ in range(self._random.choice([1, 1, 2, 3, 6]))
        ]
        at_once = self._random.random() < 0.5
        answers, streams = ([], []), []
        for side, client in enumerate(pair.clients):
            stream = BidiCall(client, "Lease/LeaseKeepAlive", answers[side].append)
            for request in requests:
                sent = pair.aliases.for_right(request) if side else request
                stream.send(sent.SerializeToString())
            if at_once:
                stream.half_close()
            streams.append(stream)
        found = pair.wait_for_both(
            *(
                (stream, lambda got=got: len(got) == len(requests))
                for stream, got in zip(streams, answers)
            )
        )
        for stream in streams:
            stream.half_close()
        found += pair.wait_for_both(*((stream, lambda s=stream: s.end) for stream in streams))
        if not found:
            found = self._keep_alive_differences(answers, streams)
        for _ in requests:
            pair.tally.count("Lease/LeaseKeepAlive", streams[0].end)
        if found:
            pair.report(Call("Lease/LeaseKeepAlive", b"", requests), *answers, found)
        return True

    def _keep_alive_differences(self, answers, streams):
        response = self._api.LeaseKeepAliveResponse
        found = []
        for left, right in zip(*answers):
            right = self._pair.aliases.from_right(response.FromString(right))
            found += self._pair.comparison.message_differences(response.FromString(left), right)
        if streams[0].end != streams[1].end:
            found.append(Difference("end", streams[0].end, streams[1].end))
        return found


def let_leases_expire(pair, random):
    """The last scenario of a seed: leases of the smallest TTL end by themselves. Which keys are
    gone and how many revisions that took is compared, not when, nor which lease was first.
    """
    api = pair.api
    leases = [2**50 + i for i in range(EXPIRING_LEASES)]
    requests = [("Lease/LeaseGrant", api.LeaseGrantRequest(ID=lease)) for lease in leases]
    for i in range(2 * EXPIRING_LEASES):
        lease = random.choice([0, *leases[1:]])
        requests.append(("KV/Put", api.PutRequest(key=b"expire%d" % i, lease=lease)))
    calls = [Call(method, request.SerializeToString(), request) for method, request in requests]
    if not all(pair.call(call)[1] for call in calls):
        return
    deadline = time.monotonic() + SETTLE_SECONDS
    while any(_lives(api, client, lease) for client in pair.clients for lease in leases):
        if time.monotonic() > deadline:
            left, right = (
                [lease for lease in leases if _lives(api, client, lease)] for client in pair.clients
            )
            pair.report(calls[0], left, right, [Difference("leases that do not end", left, right)])
            return
        time.sleep(0.1)
    everything = api.RangeRequest(key=b"\0", range_end=b"\0")
    pair.call(Call("KV/Range", everything.SerializeToString(), everything))


def _lives(api, client, lease):
    request = api.LeaseTimeToLiveRequest(ID=lease)
    answer = client.call("Lease/LeaseTimeToLive", request.SerializeToString())
    return not answer.ok or api.LeaseTimeToLiveResponse.FromString(answer.payload).TTL != -1
