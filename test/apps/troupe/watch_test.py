"""Watches of a real client library against the daemon (etcd-semantics 7).

Usage: watch_test.py TROUPE
"""

import pathlib
import queue
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from etcd_api import Client, EtcdApi
from server_process import Server

import grpc

BINARY = sys.argv.pop(1)
WAIT = 20.0
api = EtcdApi()


class Stream:
    """One gRPC stream of watches."""

    def __init__(self, address, window=None):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        if window:
            options += [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", window)]
        self._channel = grpc.insecure_channel(address, options=options)
        self._requests = queue.Queue()
        self._call = self._channel.stream_stream("/etcdserverpb.Watch/Watch")(
            iter(self._requests.get, None), timeout=120
        )

    def send(self, **request):
        self._requests.put(api.WatchRequest(**request).SerializeToString())

    def send_bytes(self, request):
        self._requests.put(request)

    def create(self, key, **fields):
        """Asks for a watch and returns the answer to that."""
        self.send(create_request=api.WatchCreateRequest(key=key, **fields))
        return self.next()

    def next(self):
        return api.WatchResponse.FromString(next(self._call))

    def events(self, count):
        """The next responses, until they hold so many events."""
        result = []
        while len(result) < count:
            response = self.next()
            assert not response.canceled, response
            result += response.events
        return result

    def half_close(self):
        self._requests.put(None)

    def close(self):
        self._call.cancel()
        self._channel.close()


class Watch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="troupe-watch-")
        cls.server = Server(
            BINARY, cls.directory.name, ["--watch-progress-notify-interval", "300ms"]
        )
        cls.server.__enter__()
        cls.client = Client(cls.server.address)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.__exit__()
        cls.directory.cleanup()

    def setUp(self):
        self.prefix = self.id().encode() + b"/"
        self.range_end = self.id().encode() + b"0"

    def open(self, **options):
        stream = Stream(self.server.address, **options)
        self.addCleanup(stream.close)
        return stream

    def call(self, method, request, response):
        answer = self.client.call(method, request.SerializeToString())
        self.assertTrue(answer.ok, answer)
        return response.FromString(answer.payload)

    def put(self, key, value=b"v"):
        request = api.PutRequest(key=self.prefix + key, value=value)
        return self.call("KV/Put", request, api.PutResponse).header.revision

    def delete(self, key):
        request = api.DeleteRangeRequest(key=self.prefix + key)
        return self.call("KV/DeleteRange", request, api.DeleteRangeResponse).header.revision

    def metric(self, name):
        page = urllib.request.urlopen(f"http://{self.server.address}/metrics", timeout=WAIT)
        for line in page.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        self.fail(f"no metric {name}")

    def wait_for(self, condition, what):
        deadline = time.monotonic() + WAIT
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def test_from_now_on(self):
        before = self.put(b"a", b"before")
        stream = self.open()
        created = stream.create(self.prefix, range_end=self.range_end)
        self.assertTrue(created.created)
        self.assertEqual(created.watch_id, 0)
        self.assertGreaterEqual(created.header.revision, before)
        self.assertNotEqual(created.header.cluster_id, 0)
        self.assertNotEqual(created.header.member_id, 0)
        self.assertNotEqual(created.header.raft_term, 0)
        first = self.put(b"a", b"1")
        second = self.delete(b"a")
        put = stream.next()
        self.assertEqual(put.header.revision, first)
        self.assertEqual([e.kv.value for e in put.events], [b"1"])
        deletion = stream.next()
        self.assertEqual(deletion.events[0].type, api.mvccpb.Event.DELETE)
        self.assertEqual(
            deletion.events[0].kv,
            api.mvccpb.KeyValue(key=self.prefix + b"a", mod_revision=second),
        )

    def test_from_the_past_and_on(self):
        revisions = [self.put(b"a", b"%d" % i) for i in range(1500)]
        stream = self.open()
        stream.create(self.prefix + b"a", start_revision=revisions[3])
        revisions += [self.put(b"a", b"more") for _ in range(5)]
        events = stream.events(len(revisions) - 3)
        self.assertEqual([e.kv.mod_revision for e in events], revisions[3:])

    def test_from_the_future(self):
        now = self.put(b"a")
        stream = self.open()
        stream.create(self.prefix + b"a", start_revision=now + 3)
        revisions = [self.put(b"a") for _ in range(4)]
        self.assertEqual([e.kv.mod_revision for e in stream.events(2)], revisions[2:])

    def test_what_a_transaction_changes_comes_together(self):
        stream = self.open()
        stream.create(self.prefix, range_end=self.range_end)
        puts = [
            api.RequestOp(request_put=api.PutRequest(key=self.prefix + b"%d" % i)) for i in range(9)
        ]
        self.call("KV/Txn", api.TxnRequest(success=puts), api.TxnResponse)
        self.assertEqual(len(stream.next().events), 9)

    def test_below_the_compacted_revision(self):
        old = self.put(b"a")
        floor = self.put(b"a")
        self.put(b"a")
        self.call("KV/Compact", api.CompactionRequest(revision=floor), api.CompactionResponse)
        stream = self.open()
        self.assertTrue(stream.create(self.prefix + b"a", start_revision=old).created)
        canceled = stream.next()
        self.assertTrue(canceled.canceled)
        self.assertEqual(canceled.compact_revision, floor)
        self.assertEqual(canceled.header.revision, 0)
        stream.create(self.prefix + b"a", start_revision=floor)
        self.assertEqual(stream.events(1)[0].kv.mod_revision, floor)

    def test_previous_values_and_filters(self):
        stream = self.open()
        stream.create(self.prefix, range_end=self.range_end, prev_kv=True)
        no_put = api.WatchCreateRequest.NOPUT
        no_delete = api.WatchCreateRequest.NODELETE
        deletions = self.open()
        deletions.create(self.prefix, range_end=self.range_end, filters=[no_put])
        puts = self.open()
        puts.create(self.prefix, range_end=self.range_end, filters=[no_delete])
        start = self.put(b"a", b"1")
        self.put(b"a", b"2")
        gone = self.delete(b"a")
        self.put(b"a", b"3")
        values = [e.prev_kv.value for e in stream.events(4)]
        self.assertEqual(values, [b"", b"1", b"2", b""])
        self.assertEqual(deletions.next().events[0].kv.mod_revision, gone)
        self.assertEqual([e.kv.value for e in puts.events(3)], [b"1", b"2", b"3"])
        again = self.open()
        again.create(
            self.prefix, range_end=self.range_end, prev_kv=True, start_revision=start
        )
        self.assertEqual([e.prev_kv.value for e in again.events(4)], values)

    def test_refusals(self):
        stream = self.open()
        self.assertEqual(stream.create(b"k", watch_id=7).watch_id, 7)
        for fields, reason in [
            ({"range_end": b"a"}, "mvcc: watcher range is empty"),
            ({"watch_id": 7}, "mvcc: duplicate watch ID provided on the WatchStream"),
            (
                {"start_revision": -1},
                "etcdserver: mvcc: required revision has been compacted",
            ),
        ]:
            refused = stream.create(b"k", **fields)
            self.assertEqual((refused.created, refused.canceled), (True, True))
            self.assertEqual((refused.watch_id, refused.cancel_reason), (-1, reason))
        stream.send_bytes(b"\x0a")
        with self.assertRaises(grpc.RpcError) as failure:
            stream.next()
        self.assertEqual(failure.exception.code(), grpc.StatusCode.INTERNAL)

    def test_cancel(self):
        stream = self.open()
        one = stream.create(self.prefix + b"a").watch_id
        other = stream.create(self.prefix + b"a").watch_id
        stream.send(cancel_request=api.WatchCancelRequest(watch_id=99))
        stream.send(cancel_request=api.WatchCancelRequest(watch_id=one))
        canceled = stream.next()
        self.assertEqual((canceled.watch_id, canceled.canceled), (one, True))
        self.assertEqual(canceled.cancel_reason, "")
        self.put(b"a")
        self.assertEqual(stream.next().watch_id, other)

    def test_progress_on_request(self):
        stream = self.open()
        stream.create(self.prefix + b"a")
        revision = 0
        for _ in range(20):
            revision = self.put(b"a")
        stream.send(progress_request=api.WatchProgressRequest())
        self.assertEqual(len(stream.events(20)), 20)
        progress = stream.next()
        self.assertEqual(progress.watch_id, -1)
        self.assertGreaterEqual(progress.header.revision, revision)

    def test_progress_from_time_to_time(self):
        stream = self.open()
        id = stream.create(self.prefix + b"a", progress_notify=True).watch_id
        revision = self.put(b"b")
        progress = stream.next()
        self.assertEqual((progress.watch_id, len(progress.events)), (id, 0))
        self.assertFalse(progress.created or progress.canceled)
        while progress.header.revision < revision:
            progress = stream.next()

    def test_half_close_ends_nothing(self):
        stream = self.open()
        stream.create(self.prefix + b"a")
        stream.half_close()
        self.put(b"a")
        self.assertEqual(len(stream.next().events), 1)

    # With what was before, two puts of a transaction are more than a message without fragments.
    def test_fragments(self):
        puts = [
            api.RequestOp(request_put=api.PutRequest(key=self.prefix + key, value=b"v" * 600_000))
            for key in (b"a", b"b")
        ]
        fragments, whole = self.open(), self.open()
        for stream, fragment in ((fragments, True), (whole, False)):
            stream.create(self.prefix, range_end=self.range_end, prev_kv=True, fragment=fragment)
        for _ in range(2):
            self.call("KV/Txn", api.TxnRequest(success=puts), api.TxnResponse)
        answers = [fragments.next() for _ in range(3)]
        self.assertEqual([len(x.events) for x in answers], [2, 1, 1])
        self.assertEqual([x.fragment for x in answers], [False, True, False])
        self.assertEqual(answers[1].header, answers[2].header)
        self.assertEqual([len(whole.next().events) for _ in range(2)], [2, 2])

    def test_streams_know_nothing_of_each_other(self):
        a, b = self.open(), self.open()
        self.assertEqual(a.create(self.prefix + b"a").watch_id, 0)
        self.assertEqual(b.create(self.prefix + b"b").watch_id, 0)
        self.put(b"b")
        self.put(b"a")
        self.assertEqual(a.next().events[0].kv.key, self.prefix + b"a")
        self.assertEqual(b.next().events[0].kv.key, self.prefix + b"b")

    # Checklist 78: bounded memory, nothing lost, nobody slowed.
    def test_a_client_that_does_not_read(self):
        slow = self.open(window=65_536)
        slow.create(self.prefix, range_end=self.range_end)
        fast = self.open()
        fast.create(self.prefix, range_end=self.range_end)
        before = self.server.resident_bytes()
        value = b"v" * 100_000
        revisions = []
        for i in range(400):
            revisions.append(self.put(b"%d" % (i % 7), value))
            self.assertEqual(fast.events(1)[0].kv.mod_revision, revisions[-1])
        self.assertEqual(self.metric("etcd_debugging_mvcc_slow_watcher_total"), 1)
        self.assertLess(self.metric("troupe_watch_held_bytes"), 8 << 20)
        self.assertEqual([e.kv.mod_revision for e in slow.events(400)], revisions)
        last = self.put(b"0")
        self.assertEqual(slow.events(1)[0].kv.mod_revision, last)
        self.wait_for(
            lambda: self.metric("etcd_debugging_mvcc_slow_watcher_total") == 0, "caught up"
        )

    # Checklist 79.
    def test_what_has_ended_leaves_nothing_behind(self):
        watchers = "etcd_debugging_mvcc_watcher_total"
        streams = "etcd_debugging_mvcc_watch_stream_total"
        self.wait_for(lambda: self.metric(streams) == 0, "streams of other tests end")
        for _ in range(10):
            stream = self.open()
            for i in range(100):
                request = api.WatchCreateRequest(key=b"%d" % i, start_revision=i % 2 * 1_000_000)
                stream.send(create_request=request)
            for _ in range(100):
                self.assertTrue(stream.next().created)
            stream.close()
        self.wait_for(lambda: self.metric(streams) == 0, "streams end")
        self.assertEqual(self.metric(watchers), 0)
        self.assertEqual(self.metric("etcd_debugging_mvcc_slow_watcher_total"), 0)


if __name__ == "__main__":
    unittest.main()
