"""Locks and elections of the daemon beside those of etcd: the same scenarios on both, and what the
clients were told and which keys are left must be equal.
Usage: recipes_test.py TROUPE ETCD
"""

import pathlib
import queue
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from etcd_api import EtcdApi, Client  # sets up the environment of grpc
import grpc
from server_process import Server

API = EtcdApi()
PATIENCE_SECONDS = 20.0
LOCK = "/v3lockpb.Lock/"
ELECTION = "/v3electionpb.Election/"


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.01)


class Call:
    """A unary call that is under way."""

    def __init__(self, future, response_type):
        self._future = future
        self._type = response_type

    def cancel(self):
        self._future.cancel()

    @property
    def waits(self):
        return not self._future.done()

    def result(self):
        """The response, or the error as "CODE: text"."""
        try:
            return self._type.FromString(self._future.result(timeout=PATIENCE_SECONDS))
        except grpc.FutureTimeoutError:
            return "no answer"
        except grpc.FutureCancelledError:
            return "cancelled"
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"


class Observer:
    """Reads an observation; `next()` is the next answer in words."""

    def __init__(self, stream, say):
        self._stream = stream
        self._say = say
        self._seen = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            for message in self._stream:
                self._seen.put(self._say(API.v3electionpb.LeaderResponse.FromString(message)))
        except grpc.RpcError as error:
            self._seen.put(f"{error.code().name}: {error.details()}")

    def next(self):
        try:
            return self._seen.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            return "nothing"

    def end(self):
        self._stream.cancel()
        self._reader.join()


class Side:
    """What the scenarios need of one server, and the transcript of what it said."""

    def __init__(self, address):
        self.kv = Client(address)
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.begin()

    def begin(self):
        """Revisions count from here, so that a difference stays within its scenario."""
        self.transcript = []
        self._base = self.range(b"x").header.revision

    def say(self, *what):
        self.transcript.append(" ".join(str(x) for x in what))

    def said(self, result):
        """A result in words; of a header the revision alone."""
        if isinstance(result, str):
            return result
        words = [type(result).__name__]
        for field, value in result.ListFields():
            if field.name == "header":
                assert value.member_id and value.cluster_id and value.raft_term
                words.append(f"revision={value.revision - self._base}")
            elif field.name == "kv":
                words.append(self._kv(value))
            elif field.name == "leader":
                rev = value.rev - self._base
                words.append(f"leader={value.name} {value.key} {rev} {value.lease}")
            else:
                words.append(f"{field.name}={value}")
        return " ".join(words)

    def _kv(self, kv):
        created, changed = kv.create_revision - self._base, kv.mod_revision - self._base
        return f"{kv.key}={kv.value} {created} {changed} {kv.version} {kv.lease}"

    def start(self, path, request, response_type, timeout=60.0):
        call = self._channel.unary_unary(path)
        return Call(call.future(request.SerializeToString(), timeout=timeout), response_type)

    def lock(self, name, lease, timeout=60.0):
        request = API.v3lockpb.LockRequest(name=name, lease=lease)
        return self.start(LOCK + "Lock", request, API.v3lockpb.LockResponse, timeout)

    def unlock(self, key):
        request = API.v3lockpb.UnlockRequest(key=key)
        return self.start(LOCK + "Unlock", request, API.v3lockpb.UnlockResponse)

    def campaign(self, name, lease, value):
        request = API.v3electionpb.CampaignRequest(name=name, lease=lease, value=value)
        return self.start(ELECTION + "Campaign", request, API.v3electionpb.CampaignResponse)

    def proclaim(self, leader, value):
        request = API.v3electionpb.ProclaimRequest(leader=leader, value=value)
        return self.start(ELECTION + "Proclaim", request, API.v3electionpb.ProclaimResponse)

    def resign(self, leader):
        request = API.v3electionpb.ResignRequest(leader=leader)
        return self.start(ELECTION + "Resign", request, API.v3electionpb.ResignResponse)

    def leader(self, name):
        request = API.v3electionpb.LeaderRequest(name=name)
        return self.start(ELECTION + "Leader", request, API.v3electionpb.LeaderResponse)

    def observe(self, name):
        request = API.v3electionpb.LeaderRequest(name=name)
        call = self._channel.unary_stream(ELECTION + "Observe")
        return Observer(call(request.SerializeToString(), timeout=60.0), self.said)

    def plain(self, method, request, response_type):
        answer = self.kv.call(method, request.SerializeToString())
        if not answer.ok:
            raise AssertionError(f"{method}: {answer.code} {answer.text}")
        return response_type.FromString(answer.payload)

    def grant(self, lease, ttl=600):
        request = API.LeaseGrantRequest(ID=lease, TTL=ttl)
        return self.plain("Lease/LeaseGrant", request, API.LeaseGrantResponse).ID

    def revoke(self, lease):
        self.plain("Lease/LeaseRevoke", API.LeaseRevokeRequest(ID=lease), API.LeaseRevokeResponse)

    def put(self, key, value=b""):
        self.plain("KV/Put", API.PutRequest(key=key, value=value), API.PutResponse)

    def delete(self, key):
        self.plain("KV/DeleteRange", API.DeleteRangeRequest(key=key), API.DeleteRangeResponse)

    def compact(self):
        revision = self.range(b"x").header.revision
        self.plain("KV/Compact", API.CompactionRequest(revision=revision), API.CompactionResponse)

    def range(self, prefix):
        request = API.RangeRequest(key=prefix, range_end=prefix[:-1] + bytes([prefix[-1] + 1]))
        return self.plain("KV/Range", request, API.RangeResponse)

    def keys(self, prefix):
        return [kv.key for kv in self.range(prefix).kvs]

    def await_keys(self, prefix, count):
        wait_until(lambda: len(self.keys(prefix)) == count, f"{count} keys under {prefix}")

    def say_left(self, prefix):
        """Notes the keys under the prefix."""
        for kv in self.range(prefix).kvs:
            self.say("left:", self._kv(kv))

    def close(self):
        self.kv.close()
        self._channel.close()


# The scenarios. Each has a prefix of its own; all run one after the other on one server.


def free_locks(server):
    server.grant(11)
    server.grant(-12)
    server.say(server.said(server.lock(b"free", 11).result()))
    server.say(server.said(server.lock(b"free", 11).result()))
    server.say(server.said(server.lock(b"free2", -12).result()))
    server.say(server.said(server.lock(b"", 11).result()))
    server.say_left(b"free")
    server.say_left(b"/")


def locks_without_lease(server):
    taken = server.lock(b"own", 0).result()
    server.say(taken.key.startswith(b"own/"))
    (kv,) = server.range(b"own/").kvs
    request = API.LeaseTimeToLiveRequest(ID=kv.lease)
    answer = server.plain("Lease/LeaseTimeToLive", request, API.LeaseTimeToLiveResponse)
    server.say(kv.key == b"own/%x" % kv.lease, answer.grantedTTL, 50 < answer.TTL <= 60)


def twenty_lockers(server):
    calls = []
    for i in range(20):
        server.grant(200 + i)
        calls.append(server.lock(b"many", 200 + i))
        server.await_keys(b"many/", i + 1)
    for i, call in enumerate(calls):
        taken = call.result()
        server.say(server.said(taken), "others waiting:", sum(c.waits for c in calls[i + 1 :]))
        server.say(server.said(server.unlock(taken.key).result()))
    server.say_left(b"many/")


def twenty_at_once(server):
    """Nobody knows the order, but one at a time they all get it."""
    owners = 0
    most = 0
    guard = threading.Lock()

    def work(lease):
        nonlocal owners, most
        taken = server.lock(b"once", lease).result()
        with guard:
            owners += 1
            most = max(most, owners)
        time.sleep(0.005)
        with guard:
            owners -= 1
        server.unlock(taken.key).result()

    for i in range(20):
        server.grant(300 + i)
    threads = [threading.Thread(target=work, args=(300 + i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.say("owners at a time:", most)
    server.say_left(b"once/")


def waiters_that_leave(server):
    for i in range(4):
        server.grant(30 + i)
    first = server.lock(b"leave", 30).result()
    waiters = []
    for i in range(1, 4):
        waiters.append(server.lock(b"leave", 30 + i, timeout=0.5 if i == 2 else 60))
        server.await_keys(b"leave/", i + 1)
    server.say(server.said(waiters[1].result()))
    server.await_keys(b"leave/", 3)
    waiters[0].cancel()
    server.await_keys(b"leave/", 2)
    server.say(server.said(server.unlock(first.key).result()))
    server.say(server.said(waiters[2].result()))
    server.say_left(b"leave/")


def leases_that_end(server):
    server.grant(40, ttl=2)
    server.grant(41)
    server.grant(42)
    server.lock(b"end", 40).result()
    second = server.lock(b"end", 41)
    server.await_keys(b"end/", 2)
    third = server.lock(b"end", 42)
    server.await_keys(b"end/", 3)
    server.say(second.waits, third.waits)
    server.say(server.said(second.result()))  # the first one's lease has expired
    server.revoke(41)
    server.say(server.said(third.result()))
    server.say_left(b"end/")


def keys_of_others(server):
    server.grant(60)
    server.put(b"kv/by-hand")
    call = server.lock(b"kv", 60)
    server.await_keys(b"kv/", 2)
    server.put(b"kv/by-hand", b"changed")
    server.say(call.waits)
    server.delete(b"kv/by-hand")
    server.say(server.said(call.result()))


def compaction_while_waiting(server):
    server.grant(70)
    server.grant(71)
    first = server.lock(b"compact", 70).result()
    second = server.lock(b"compact", 71)
    server.await_keys(b"compact/", 2)
    time.sleep(0.3)  # compaction before its watch exists is an error with etcd
    for _ in range(3):
        server.put(b"something")
    server.compact()
    server.say(second.waits)
    server.unlock(first.key).result()
    server.say(server.said(second.result()))


def lock_errors(server):
    server.say(server.said(server.lock(b"bad", 99999).result()))
    server.say(server.said(server.unlock(b"").result()))
    server.say(server.said(server.unlock(b"nothing").result()))
    server.say_left(b"bad/")


def three_leaders(server):
    for i in range(3):
        server.grant(80 + i)
    early = server.observe(b"el")
    calls = []
    for i in range(3):
        calls.append(server.campaign(b"el", 80 + i, b"value %d" % i))
        server.await_keys(b"el/", i + 1)
        if i == 0:
            server.say("early", early.next())
    late = server.observe(b"el")
    server.say("late", late.next())
    for i, call in enumerate(calls):
        elected = call.result()
        server.say(server.said(elected))
        server.say(server.said(server.leader(b"el").result()))
        for value in (b"first", b"second"):
            server.say(server.said(server.proclaim(elected.leader, value).result()))
            server.say("early", early.next(), "late", late.next())
        server.say(server.said(server.campaign(b"el", 80 + i, b"third").result()))
        server.say("early", early.next(), "late", late.next())
        server.say(server.said(server.campaign(b"el", 80 + i, b"third").result()))
        server.say(server.said(server.resign(elected.leader).result()))
        server.say(server.said(server.proclaim(elected.leader, b"too late").result()))
        if i < 2:
            server.say("early", early.next(), "late", late.next())
    server.say(server.said(server.leader(b"el").result()))
    server.put(b"el/by-hand", b"x")
    server.say("early", early.next(), "late", late.next())
    early.end()
    late.end()
    server.say_left(b"el/")


def many_values(server):
    """An observer that reads on sees each value."""
    server.grant(90)
    leader = server.campaign(b"values", 90, b"0").result().leader
    observer = server.observe(b"values")
    server.say(observer.next())
    for i in range(200):
        server.proclaim(leader, b"%d" % i).result()
    for i in range(200):
        server.say(observer.next())
    observer.end()


def candidates_that_leave(server):
    for i in range(3):
        server.grant(100 + i)
    first = server.campaign(b"cand", 100, b"a").result()
    second = server.campaign(b"cand", 101, b"b")
    server.await_keys(b"cand/", 2)
    third = server.campaign(b"cand", 102, b"c")
    server.await_keys(b"cand/", 3)
    second.cancel()
    server.await_keys(b"cand/", 2)
    server.revoke(100)
    server.say(server.said(third.result()))
    server.say(server.said(server.proclaim(first.leader, b"x").result()))
    server.say_left(b"cand/")


def election_errors(server):
    server.grant(110)
    leader = server.campaign(b"err", 110, b"a").result().leader
    stale = API.v3electionpb.LeaderKey()
    stale.CopyFrom(leader)
    stale.rev -= 1
    server.say(server.said(server.proclaim(stale, b"b").result()))
    server.say(server.said(server.resign(stale).result()))
    server.say(server.said(server.proclaim(None, b"b").result()))
    server.say(server.said(server.resign(None).result()))
    server.say(server.said(server.resign(API.v3electionpb.LeaderKey()).result()))
    server.say(server.said(server.proclaim(API.v3electionpb.LeaderKey(), b"").result()))
    server.say(server.said(server.leader(b"nobody").result()))
    server.say(server.said(server.campaign(b"err", 99999, b"").result()))
    unknown = API.v3electionpb.LeaderKey()
    unknown.CopyFrom(leader)
    unknown.lease = 99999
    server.say(server.said(server.proclaim(unknown, b"b").result()))
    server.say_left(b"err/")


SCENARIOS = [
    free_locks,
    twenty_lockers,
    waiters_that_leave,
    leases_that_end,
    keys_of_others,
    compaction_while_waiting,
    lock_errors,
    three_leaders,
    many_values,
    candidates_that_leave,
    election_errors,
    locks_without_lease,
    twenty_at_once,
]


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._directory = tempfile.TemporaryDirectory(prefix="troupe-recipes-")
        cls.addClassCleanup(cls._directory.cleanup)
        cls.servers = {}
        for name, binary in (("troupe", TROUPE), ("etcd", ETCD)):
            process = Server(binary, pathlib.Path(cls._directory.name) / name)
            cls.addClassCleanup(process.kill)
            process.__enter__()
            cls.servers[name] = Side(process.address)
            cls.addClassCleanup(cls.servers[name].close)

    def test_both_say_the_same(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario.__name__):
                for server in self.servers.values():
                    server.begin()
                    scenario(server)
                ours, theirs = (self.servers[x].transcript for x in ("troupe", "etcd"))
                self.assertTrue(theirs)
                self.assertEqual(ours, theirs)

    def test_who_has_lost_the_key_gets_nothing(self):
        """Where we differ from this etcd. A key that went while its caller waited: since 3.5 etcd's
        Lock looks again and answers as ours, its Campaign never does.
        """
        for name, server in self.servers.items():
            server.begin()
            for i in range(6):
                server.grant(120 + i)
            server.lock(b"lost", 120).result()
            revoked = server.lock(b"lost", 121)
            server.await_keys(b"lost/", 2)
            deleted = server.lock(b"lost", 122)
            server.await_keys(b"lost/", 3)
            leader = server.campaign(b"lost2", 123, b"a").result().leader
            candidate = server.campaign(b"lost2", 124, b"b")
            server.await_keys(b"lost2/", 2)
            server.revoke(121)
            server.delete(b"lost/7a")
            server.revoke(124)
            self.assertTrue(revoked.waits and deleted.waits and candidate.waits)
            server.unlock(b"lost/78").result()
            server.resign(leader).result()
            told = [server.said(call.result()) for call in (revoked, deleted, candidate)]
            if name == "troupe":
                expired = "UNKNOWN: mutex: session is expired"
                self.assertEqual(told, [expired, expired, "UNKNOWN: election: not leader"])
            else:
                self.assertTrue(all("Response" in x for x in told), told)
            self.assertEqual(server.keys(b"lost"), [])


if __name__ == "__main__":
    ETCD = sys.argv.pop()
    TROUPE = sys.argv.pop()
    unittest.main()
