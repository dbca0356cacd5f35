"""Clients that read and write through every member, and the history of what they were told.

The form of the history is that of actors/sim/history.hpp. A call without an answer is recorded
without a result: it may have been executed. Only a call that never left is not recorded.
"""

import json
import random
import threading
import time

from cluster import RECONNECT
from etcd_api import Client

CALL_TIMEOUT = 1.0
PAUSE_AFTER_ERROR = 0.02
KEYS = 8
NEVER_SENT = "failed to connect to all addresses"  # gRPC had no connection to put the call on


class Recorder:
    """Lines of the history, from all threads; times are nanoseconds since its beginning. Lines
    that `leave_out` accepts are not kept.
    """

    def __init__(self, leave_out=None):
        self._leave_out = leave_out
        self._lock = threading.Lock()
        self._start = time.monotonic_ns()
        self.lines = []

    def now(self):
        return time.monotonic_ns() - self._start

    def add(self, line):
        if self._leave_out and self._leave_out(line):
            return
        with self._lock:
            self.lines.append(line)

    def write(self, path):
        with self._lock, open(path, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.lines)


def _text(data):
    return data.decode("latin-1")  # a byte is the character of its number


def _kv(kv):
    return {
        "key": _text(kv.key),
        "value": _text(kv.value),
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "lease": kv.lease,
    }


class Session:
    """One client's connection to one member: sends calls in the history's form, records them."""

    def __init__(self, api, recorder, client, member):
        self._api = api
        self._recorder = recorder
        self._client = client
        self._member = member
        self._connection = Client(member.address, RECONNECT)

    def close(self):
        self._connection.close()

    def call(self, call, timeout=CALL_TIMEOUT, planted=None):
        """`call`: {"put": {...}} and so on. `planted`: changes the request behind the history's
        back. Returns the result as recorded, or nothing.
        """
        method, request = self._request(call)
        if planted:
            planted(request)
        line = {"client": self._client, "member": self._member.life}
        line["invoke"] = self._recorder.now()
        answer = self._connection.call(method, request.SerializeToString(), timeout)
        returned = self._recorder.now()
        line.update(call)
        if answer.ok:
            line["return"] = returned
            line["result"] = self._result(method, answer.payload)
        elif "range" in call or NEVER_SENT in answer.text:
            return None
        self._recorder.add(line)
        return line.get("result")

    def _request(self, call):
        if "txn" not in call:
            (kind, fields), *_ = [(k, call[k]) for k in ("range", "put", "delete") if k in call]
            method = {"range": "KV/Range", "put": "KV/Put", "delete": "KV/DeleteRange"}[kind]
            request = self._single(kind, fields)
            if call.get("serializable"):
                request.serializable = True
            return method, request
        txn = self._api.TxnRequest()
        for compare in call["txn"].get("compare", ()):
            txn.compare.append(self._compare(compare))
        for name in ("success", "failure"):
            for one in call["txn"].get(name, ()):
                ((kind, fields),) = one.items()
                operation = getattr(txn, name).add()
                field = "request_delete_range" if kind == "delete" else f"request_{kind}"
                getattr(operation, field).CopyFrom(self._single(kind, fields))
        return "KV/Txn", txn

    def _single(self, kind, fields):
        message = {
            "range": self._api.RangeRequest,
            "put": self._api.PutRequest,
            "delete": self._api.DeleteRangeRequest,
        }[kind]
        as_bytes = {k: v.encode("latin-1") if isinstance(v, str) else v for k, v in fields.items()}
        return message(**as_bytes)

    def _compare(self, compare):
        """By mod revision; the load needs no other."""
        api = self._api
        return api.Compare(
            key=compare["key"].encode("latin-1"),
            target=api.Compare.MOD,
            result=api.Compare.EQUAL,
            mod_revision=compare["to"],
        )

    def _result(self, method, payload):
        if method != "KV/Txn":
            message = {
                "KV/Range": self._api.RangeResponse,
                "KV/Put": self._api.PutResponse,
                "KV/DeleteRange": self._api.DeleteRangeResponse,
            }[method]
            response = message.FromString(payload)
            return {"revision": response.header.revision, "answers": [self._answer(response)]}
        response = self._api.TxnResponse.FromString(payload)
        answers = [self._answer(getattr(r, r.WhichOneof("response"))) for r in response.responses]
        return {
            "revision": response.header.revision,
            "succeeded": response.succeeded,
            "answers": answers,
        }

    def _answer(self, response):
        if isinstance(response, self._api.RangeResponse):
            return {"count": response.count, "kvs": [_kv(kv) for kv in response.kvs]}
        if isinstance(response, self._api.DeleteRangeResponse):
            return {"count": response.deleted, "kvs": [_kv(kv) for kv in response.prev_kvs]}
        return {"kvs": [_kv(response.prev_kv)]} if response.HasField("prev_kv") else {}

    def lease(self, kind, lease, ttl=0):
        """A call about a lease, recorded; returns the answered TTL, or nothing."""
        api, line = self._api, {"client": self._client, "invoke": self._recorder.now()}
        line[kind] = {"lease": lease}
        if kind == "keep_alive":
            ttl = self._keep_alive(lease)
        else:
            method, request, response = {
                "grant": ("LeaseGrant", api.LeaseGrantRequest(ID=lease, TTL=ttl), "Grant"),
                "time_to_live": ("LeaseTimeToLive", api.LeaseTimeToLiveRequest(ID=lease), "Time"),
                "revoke": ("LeaseRevoke", api.LeaseRevokeRequest(ID=lease), "Revoke"),
            }[kind]
            answer = self._connection.call(
                f"Lease/{method}", request.SerializeToString(), CALL_TIMEOUT
            )
            if NEVER_SENT in answer.text:
                return None
            ttl = self._ttl_of(response, answer)
        if ttl is not None:
            line["return"] = self._recorder.now()
            line["ttl"] = ttl
        self._recorder.add(line)
        return ttl

    def _ttl_of(self, response, answer):
        if not answer.ok:
            return None
        if response == "Grant":
            return self._api.LeaseGrantResponse.FromString(answer.payload).TTL
        if response == "Time":
            return self._api.LeaseTimeToLiveResponse.FromString(answer.payload).TTL
        return 0

    def _keep_alive(self, lease):
        request = self._api.LeaseKeepAliveRequest(ID=lease).SerializeToString()
        try:
            answers = self._connection.stream(
                "Lease/LeaseKeepAlive", iter([request]), timeout=CALL_TIMEOUT
            )
            return self._api.LeaseKeepAliveResponse.FromString(next(iter(answers))).TTL
        except Exception:  # gRPC's many ways to say that no answer came
            return None


class Load:
    """Writers that go from member to member as they fail, and a reader that stays with each."""

    def __init__(self, cluster, recorder, seed, writers=4, planted_reads=None):
        self._cluster = cluster
        self._recorder = recorder
        self._planted_reads = planted_reads
        self._stop = threading.Event()
        self._failure = None
        self._threads = [
            self._thread(self._write, f"w{n}", random.Random(f"{seed} {n}")) for n in range(writers)
        ]
        self._threads += [
            self._thread(self._read, f"r-{name}", name, random.Random(name))
            for name in cluster.names
        ]
        self._threads.append(self._thread(self._hold_leases, seed))

    def _thread(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except Exception as failure:  # of the test itself: load that stops shows nothing
                self._failure = failure

        return threading.Thread(target=run)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        if self._failure:
            raise self._failure

    def _sessions(self, client):
        members = self._cluster.members.items()
        return {
            name: Session(self._cluster.api, self._recorder, client, member)
            for name, member in members
        }

    def _write(self, client, choose):
        sessions, at, number = self._sessions(client), choose.choice(self._cluster.names), 0
        known = {}  # key -> mod revision this client saw last
        while not self._stop.is_set():
            number += 1
            call = self._next_call(choose, f"{client}-{number}", known)
            result = sessions[at].call(call)
            if result is None:
                at = choose.choice([name for name in sessions if name != at] or [at])
                self._stop.wait(PAUSE_AFTER_ERROR)
            else:
                self._learn(call, result, known)
        for session in sessions.values():
            session.close()

    @staticmethod
    def _next_call(choose, value, known):
        key, kind = f"k/{choose.randrange(KEYS)}", choose.random()
        if kind < 0.4:
            return {"put": {"key": key, "value": value, "prev_kv": choose.random() < 0.3}}
        if kind < 0.5:
            return {"delete": {"key": key}}
        if kind < 0.7:
            return {"range": {"key": key}}
        if kind < 0.75:
            return {"range": {"key": "k/", "range_end": "k0"}}
        other = f"k/{choose.randrange(KEYS)}"
        success = [{"put": {"key": key, "value": value}}]
        if other != key:
            success.append({"put": {"key": other, "value": value}})
        return {
            "txn": {
                "compare": [
                    {"key": key, "target": "mod_revision", "is": "=", "to": known.get(key, 0)}
                ],
                "success": success,
                "failure": [{"range": {"key": key}}],
            }
        }

    @staticmethod
    def _learn(call, result, known):
        for answer in result["answers"]:
            for kv in answer.get("kvs", ()):
                known[kv["key"]] = max(known.get(kv["key"], 0), kv["mod_revision"])
        if "put" in call:
            known[call["put"]["key"]] = result["revision"]
        if "delete" in call:
            known.pop(call["delete"]["key"], None)

    def _read(self, client, name, choose):
        session = Session(self._cluster.api, self._recorder, client, self._cluster[name])
        while not self._stop.wait(0.005):
            call = {"range": {"key": f"k/{choose.randrange(KEYS)}"}}
            if choose.random() < 0.1:  # what probes wrote: the more is seen, the less is guessed
                call = {"range": {"key": "p/", "range_end": "p0"}}
            if choose.random() < 0.2:
                call["serializable"] = True
            if session.call(call, 0.3, self._planted_reads) is None:
                self._stop.wait(PAUSE_AFTER_ERROR)
        session.close()

    def _hold_leases(self, seed):
        """One lease after the other: granted, renewed for a while, then watched until it ends."""
        sessions, choose = self._sessions("l"), random.Random(f"{seed} leases")
        lease = 1000
        while not self._stop.is_set():
            lease += 1
            any_session = lambda: sessions[choose.choice(list(sessions))]
            if any_session().lease("grant", lease, 2) is None:
                self._stop.wait(PAUSE_AFTER_ERROR)
                continue
            key = f"l/{lease}"
            any_session().call({"put": {"key": key, "value": "held", "lease": lease}})
            for _ in range(choose.randrange(4)):
                self._stop.wait(0.4)
                any_session().lease("keep_alive", lease)
            while not self._stop.wait(0.2):
                any_session().lease("time_to_live", lease)
                found = any_session().call({"range": {"key": key}})
                if found and found["answers"][0]["count"] == 0:
                    break
        for session in sessions.values():
            session.close()
