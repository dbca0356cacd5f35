"""The JSON gateway beside etcd's: the same requests, and equal status, headers and bodies.

usage: gateway_live_test.py TROUPE

Masked: ids, names, addresses. Different because Debian has etcd 3.4 and we are 3.6: the shape of
error bodies, the status of other methods than POST, the words for bad JSON.
"""

import base64
import http.client
import json
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from server_process import Server

MASKED = {"cluster_id", "member_id", "raft_term", "ID", "name", "peerURLs", "clientURLs"}
CORS = {
    "access-control-allow-headers": "accept, content-type, authorization",
    "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE",
    "access-control-allow-origin": "*",
}


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


def ask(server, path, body="{}", method="POST", headers=None):
    connection = http.client.HTTPConnection(server.address, timeout=10)
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    answer = Answer(response.status, response.getheaders(), response.read())
    connection.close()
    return answer


def masked(value):
    """The same without what two clusters never share; its type stays."""
    if isinstance(value, dict):
        return {k: type(v).__name__ if k in MASKED else masked(v) for k, v in value.items()}
    return [masked(v) for v in value] if isinstance(value, list) else value


class GatewayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="troupe-gateway-")
        cls.addClassCleanup(cls.directory.cleanup)
        root = pathlib.Path(cls.directory.name)
        cls.etcd = cls.enterClassContext(Server("/usr/bin/etcd", root / "etcd"))
        cls.troupe = cls.enterClassContext(Server(TROUPE, root / "troupe"))

    def both(self, *arguments, **options):
        return [ask(server, *arguments, **options) for server in (self.etcd, self.troupe)]

    def equal(self, path, body="{}", **options):
        """Sends a request that both serve."""
        text = body if isinstance(body, str) else json.dumps(body)
        theirs, ours = self.both(path, text, **options)
        self.assertEqual(theirs.status, 200, theirs.body)
        self.assertEqual(ours.status, 200, ours.body)
        self.assertEqual(masked(theirs.json), masked(ours.json))
        for name in ("content-type", "grpc-metadata-content-type", *CORS):
            self.assertEqual(theirs.headers.get(name), ours.headers.get(name), name)
        return ours.json

    def fails(self, path, body="{}", same_text=True, **options):
        """Sends a request that both refuse."""
        text = body if isinstance(body, str) else json.dumps(body)
        theirs, ours = self.both(path, text, **options)
        their_error = theirs.json
        # Debian's etcd is built with a gateway that answers FailedPrecondition with 412.
        status = 400 if theirs.status == 412 else theirs.status
        self.assertEqual(status, ours.status, (theirs.body, ours.body))
        self.assertEqual(set(ours.json), {"code", "message"}, "the shape of 3.6")
        self.assertEqual(their_error["code"], ours.json["code"])
        if same_text:
            self.assertEqual(their_error["message"], ours.json["message"])
        self.assertEqual(theirs.headers["content-type"], ours.headers["content-type"])
        return ours

    def test_kv(self):
        key = {"key": b64("kv/a")}
        self.equal("/v3/kv/put", {**key, "value": b64("1")})
        self.equal("/v3beta/kv/put", {**key, "value": b64("2"), "prev_kv": True})
        self.equal("/v3/kv/put", {**key, "ignoreValue": True, "prevKv": True})
        self.equal("/v3/kv/range", key)
        self.equal("/v3/kv/range", {**key, "revision": "2", "serializable": True})
        everything = {"key": b64("kv/"), "range_end": b64("kv0")}
        last = {"limit": 1, "sort_order": "DESCEND", "sort_target": 4, "keysOnly": True}
        self.equal("/v3/kv/range", {**everything, **last})
        self.equal("/v3/kv/range", {"key": "AA==", "range_end": "AA==", "count_only": True})
        self.equal("/v3/kv/range", {"key": b64("nothing")})
        is_third = {"target": "VERSION", "result": "EQUAL", "key": b64("kv/a"), "version": "3"}
        put = {"requestPut": {"key": b64("kv/b"), "value": b64("x")}}
        get = {"request_range": key}
        delete = {"request_delete_range": key}
        branches = {"success": [put, get], "failure": [delete]}
        self.equal("/v3/kv/txn", {"compare": [is_third], **branches})
        above = {"target": "VALUE", "result": "GREATER", "key": b64("kv/a"), "value": b64("9")}
        nested = {"request_txn": {"success": [get]}}
        self.equal("/v3/kv/txn", {"compare": [above], "failure": [nested]})
        self.equal("/v3/kv/txn")
        self.equal("/v3/kv/deleterange", {**key, "prev_kv": True})
        self.equal("/v3/kv/deleterange", key)
        self.equal("/v3/kv/compaction", {"revision": "3", "physical": True})
        self.fails("/v3/kv/range", {**key, "revision": "2"})
        self.fails("/v3/kv/range", {**key, "revision": "1000000"})
        self.fails("/v3/kv/compaction", {"revision": "3"})
        self.fails("/v3/kv/range", "")
        self.fails("/v3/kv/put", {"value": b64("1")})
        self.fails("/v3/kv/put", {**key, "value": b64("1"), "ignore_value": True})

    def test_cluster_and_maintenance(self):
        self.equal("/v3/cluster/member/list")
        theirs, ours = self.both("/v3/maintenance/status")
        self.assertEqual(ours.status, 200)
        self.assertLessEqual(set(theirs.json) - {"raftAppliedIndex"}, set(ours.json))
        for name in ("dbSize", "raftIndex", "raftTerm", "leader"):
            self.assertIsInstance(ours.json[name], str, name)
        theirs, ours = self.both("/v3/maintenance/alarm", json.dumps({"action": "GET"}))
        self.assertEqual((theirs.status, theirs.json), (200, {}))
        self.assertEqual((ours.status, set(ours.json)), (200, {"header"}), "3.6 has a header")

    def test_json_in_all_its_forms(self):
        self.equal("/v3/kv/put", '  {"key":"Zm9v" ,\n"value":"YmFy","unknown":{"a":["}"]}}  ')
        self.equal("/v3/kv/range", '{"key":"Zm9v"} trailing')
        self.equal("/v3/kv/range", '{"key":"\\u005am9v"}')
        types = {"Content-Type": "text/plain", "Accept": "text/html"}
        self.equal("/v3/kv/range", '{"key":"Zm9v"}', headers=types)
        for bad in (
            '{"key":"Zm9v"',
            '{"key":"Z"}',
            '{"key":7}',
            '{"key"}',
            '{"limit":"x"}',
            '{"sort_order":"DOWN"}',
            "[]",
            "nonsense",
        ):
            with self.subTest(bad):
                self.fails("/v3/kv/range", bad, same_text=False)

    def test_timeouts(self):
        self.fails("/v3/kv/range", {"key": b64("a")}, headers={"Grpc-Timeout": "1n"})
        self.fails("/v3/kv/range", {"key": b64("a")}, headers={"Grpc-Timeout": "xx"})
        self.equal("/v3/kv/range", {"key": b64("a")}, headers={"Grpc-Timeout": "5S"})
        self.equal("/v3/kv/range", {"key": b64("a")}, headers={"Grpc-Metadata-hasleader": "true"})

    def test_methods_and_paths(self):
        for method in ("GET", "PUT", "HEAD"):
            theirs, ours = self.both("/v3/kv/range", None, method=method)
            self.assertEqual((theirs.status, ours.status), (405, 501), "as 3.4 and 3.6 have it")
        theirs, ours = self.both("/v3/kv/nothing")
        self.assertEqual((theirs.status, ours.status), (404, 404))
        self.assertEqual(ours.json, {"code": 5, "message": "Not Found"})
        theirs, ours = self.both("/v3/kv/range", None, method="OPTIONS")
        self.assertEqual((theirs.status, theirs.body), (ours.status, ours.body))
        for answer in (theirs, ours):
            self.assertEqual(CORS, {name: answer.headers.get(name) for name in CORS})
        oldest = ask(self.troupe, "/v3alpha/kv/range", json.dumps({"key": b64("a")}))
        self.assertEqual(oldest.status, 200, "beyond etcd")

    def test_what_is_not_served_says_so(self):
        ours = ask(self.troupe, "/v3/auth/user/add", json.dumps({"name": "u"}))
        self.assertEqual((ours.status, ours.json["code"]), (501, 12))

    def test_a_large_value_passes_and_a_larger_one_does_not(self):
        for size, status in ((1_572_800 - 100, 200), (1_600_000, 400)):
            value = base64.b64encode(b"x" * size).decode()
            body = json.dumps({"key": b64("large"), "value": value})
            theirs, ours = self.both("/v3/kv/put", body)
            self.assertEqual((theirs.status, ours.status), (status, status))
            if status != 200:
                self.assertEqual(theirs.json["message"], ours.json["message"])

    def test_calls_are_counted_as_those_of_grpc(self):
        before = ask(self.troupe, "/metrics", None, method="GET").body
        self.equal("/v3/kv/range", {"key": b64("counted")})
        after = ask(self.troupe, "/metrics", None, method="GET").body
        name = b'grpc_server_started_total{grpc_method="Range",grpc_service="etcdserverpb.KV"'
        counts = [int(page.split(name)[1].split()[1]) for page in (before, after)]
        self.assertEqual(counts[1], counts[0] + 1)

    def test_a_bad_stream_is_refused(self):
        for bad in ('{"create_request":{"key"', "nonsense"):
            ours = ask(self.troupe, "/v3/watch", bad)
            self.assertEqual((ours.status, ours.json["code"]), (400, 3))

    def test_lease(self):
        self.served("/v3/lease/leases")
        grant = {"ID": "777", "TTL": "600"}
        self.equal("/v3/lease/grant", grant)
        self.fails("/v3/lease/grant", {**grant, "TTL": "0"}, same_text=False)
        self.equal("/v3/kv/put", {"key": b64("leased"), "value": b64("x"), "lease": "777"})
        self.equal("/v3/lease/timetolive", {"ID": "777", "keys": True})
        self.equal("/v3/kv/lease/timetolive", {"ID": "778"})
        self.equal("/v3/lease/leases")
        self.equal("/v3/kv/lease/leases")
        answers = self.both("/v3/lease/keepalive", '{"ID":"777"}{"ID":778}')
        for answer in answers:
            self.assertEqual((answer.status, answer.headers["transfer-encoding"]), (200, "chunked"))
        theirs, ours = ([masked(line) for line in answer.lines] for answer in answers)
        self.assertEqual(theirs, ours)
        self.assertEqual([line["result"].get("TTL") for line in ours], ["600", None])
        theirs, ours = self.both("/v3/lease/keepalive", "")
        self.assertEqual((theirs.status, theirs.body), (ours.status, ours.body))
        self.equal("/v3/lease/revoke", {"ID": "777"})
        self.fails("/v3/kv/lease/revoke", {"ID": "777"})

    def served(self, path):
        answer = ask(self.troupe, path)
        self.assertNotEqual(answer.status, 501, answer.body)

    def watch(self, server, body, lines, headers=None):
        """The first lines of a watch, and the header of its answer."""
        connection = http.client.HTTPConnection(server.address, timeout=10)
        self.addCleanup(connection.close)
        connection.request("POST", "/v3/watch", body=body, headers=headers or {})
        response = connection.getresponse()
        return response, [json.loads(response.readline()) for _ in range(lines)]

    def test_watch(self):
        for value in ("a", "b"):
            self.equal("/v3/kv/put", {"key": b64("watched"), "value": b64(value)})
        body = json.dumps({"create_request": {"key": b64("watched"), "prev_kv": True}})
        heard = []
        for server in (self.etcd, self.troupe):
            response, created = self.watch(server, body, 1)
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["Transfer-Encoding"], "chunked")
            self.assertEqual(response.headers["Grpc-Metadata-Content-Type"], "application/grpc")
            self.assertEqual(created[0]["result"]["created"], True)
            ask(server, "/v3/kv/put", json.dumps({"key": b64("watched"), "value": b64("c")}))
            heard.append(created + [json.loads(response.readline())])
        self.assertEqual(*(masked(lines) for lines in heard))
        self.assertEqual(heard[1][1]["result"]["events"][0]["prev_kv"]["value"], b64("b"))

    def test_requests_of_a_stream_are_taken_as_they_come(self):
        """A chunked request that does not end: etcd would wait for its end before it answers."""
        first = json.dumps({"create_request": {"key": b64("late"), "watch_id": "5"}}).encode()
        second = json.dumps({"cancel_request": {"watch_id": "5"}}).encode()
        connection = http.client.HTTPConnection(self.troupe.address, timeout=10)
        self.addCleanup(connection.close)
        connection.putrequest("POST", "/v3/watch")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(b"%x\r\n%s\r\n" % (len(first), first))
        response = connection.getresponse()
        created = json.loads(response.readline())["result"]
        self.assertEqual((created["watch_id"], created["created"]), ("5", True))
        connection.send(b"%x\r\n%s\r\n" % (len(second), second))
        canceled = json.loads(response.readline())["result"]
        self.assertEqual((canceled["watch_id"], canceled["canceled"]), ("5", True))

    def test_a_client_that_goes_ends_its_watch(self):
        body = json.dumps({"create_request": {"key": b64("left")}})

        def gauge():
            metrics = ask(self.troupe, "/metrics", None, method="GET").body.decode()
            name = "\netcd_debugging_mvcc_watcher_total "
            return float(metrics.split(name)[1].split()[0])

        before = gauge()
        for _ in range(3):
            response, _ = self.watch(self.troupe, body, 1)
        self.assertEqual(gauge(), before + 3)
        self.doCleanups()
        deadline = time.monotonic() + 10
        while gauge() > before and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(gauge(), before)

    def test_lock(self):
        name = {"name": b64("lock")}
        held = self.both("/v3/lock/lock", json.dumps(name))
        self.assertEqual([answer.status for answer in held], [200, 200], held[1].body)
        for server, answer in zip((self.etcd, self.troupe), held):
            self.assertTrue(base64.b64decode(answer.json["key"]).startswith(b"lock/"))
            unlocked = ask(server, "/v3/lock/unlock", json.dumps({"key": answer.json["key"]}))
            self.assertEqual((unlocked.status, set(unlocked.json)), (200, {"header"}))
        self.fails("/v3/election/leader", {"name": b64("nobody")})


class HostTest(unittest.TestCase):
    def test_other_names_and_origins(self):
        flags = ["--host-whitelist", "127.0.0.1,a.example", "--cors", "http://b:80"]
        root = self.enterContext(tempfile.TemporaryDirectory(prefix="troupe-gateway-"))
        etcd = self.enterContext(Server("/usr/bin/etcd", f"{root}/etcd", flags))
        troupe = self.enterContext(Server(TROUPE, f"{root}/troupe", flags))
        for headers in (
            {"Host": "evil.com:2379"},
            {"Host": "a.example:1"},
            {"Origin": "http://b:80"},
            {"Origin": "http://c:80"},
        ):
            theirs, ours = (ask(one, "/version", None, "GET", headers) for one in (etcd, troupe))
            with self.subTest(headers):
                self.assertEqual(theirs.status, ours.status)
                if theirs.status != 200:
                    self.assertEqual(theirs.body, ours.body)
                for name in CORS:
                    self.assertEqual(theirs.headers.get(name), ours.headers.get(name))


if __name__ == "__main__":
    TROUPE = sys.argv.pop(1)
    unittest.main()
