"""Seeded watch requests on several streams at once, beside the writes that the caller makes."""

from compare import Difference
from generator import MAX_INT64, Call
from pair import SETTLE_SECONDS
from server_process import ServerFailed
from watch_stream import GrpcWatch
from watch_twin import History, WatchTwin

MAX_STREAMS = 4
MAX_LIVE_WATCHES = 12  # per stream
CHOSEN_IDS = [1, 2, 3, 5, 100, -5, MAX_INT64]
UNKNOWN_IDS = [999, -1, -77]
BIG_VALUE = b"f" * 350_000  # four are below the limit of a request, with prev_kv above 2 MiB
UNREADABLE = "unreadable message on a stream"
NEGATIVE_START = "negative start_revision"
SILENT_PROGRESS = "progress_request without a watch"


class WatchCalls:
    def __init__(self, pair, random, kv):
        self._pair = pair
        self._api = pair.api
        self._random = random
        self._kv = kv
        self._twins = []
        self._history = History(pair.api, GrpcWatch(pair.api, pair.clients[0], lambda m: m))

    def close(self):
        for twin in self._twins:
            twin.close()
        self._history.close()

    def step(self):
        """One request, or a few in a row; whether both sides are still in one state."""
        step = self._random.choices(
            [
                self._create,
                self._cancel,
                self._cancel_unknown,
                self._ask_progress,
                self._ask_progress_alone,
                self._empty_request,
                self._negative_start,
                self._malformed,
                self._fragment,
                self._half_close,
                self._close_one,
            ],
            [500, 140, 30, 50, 8, 15, 10, 6, 6, 10, 25],
        )[0]
        return step()

    def settle(self):
        """Everything written so far is delivered and compared; a stream that differs is dropped."""
        revision = self._kv.revision
        self._read_history(revision)
        for twin in list(self._twins):
            self._judge(twin, twin.settle(self._history, revision))

    def history_at(self, revision):
        self._read_history(revision)
        return self._history

    def catch_up(self):
        """As settle, and each watch has proved that its history is behind it: one whose events are
        still read from history would be cancelled by a compaction or not, as time has it.
        """
        self.settle()
        for twin in list(self._twins):
            for watch in twin.live:
                if not watch.synced:
                    calls = [self._kv.put(watch.key)]
                    if watch.sees_no_puts:
                        calls.append(self._kv.delete(watch.key))
                    if not all(self.write(call) for call in calls):
                        return False
        self.settle()
        return True

    def write(self, call):
        """A KV call on both sides; whether they are still in one state."""
        response, equal = self._pair.call(call)
        self._kv.learn(call, response)
        return equal

    def finish(self):
        """At the end of a seed: nothing more may come for any watch than what was compared."""
        if not self.catch_up():
            return
        for twin in list(self._twins):
            request = self._api.WatchCreateRequest(key=b"fence", start_revision=0)
            if twin.takes_requests:
                self._send_creates(twin, [request])
        if self.write(self._kv.put(b"fence")):
            self.settle()

    def _read_history(self, revision):
        if not self._history.reach(revision, SETTLE_SECONDS):
            raise ServerFailed(f"left has not delivered revision {revision} to a watch")

    def _judge(self, twin, found):
        """Reports; a twin that differs is given up. Whether there was no difference."""
        if found:
            requests = self._api.WatchRequest
            shown = Call("Watch/Watch", b"", [r for r in twin.tried if isinstance(r, requests)])
            self._pair.report(shown, None, None, found)
            twin.close()
            if twin in self._twins:
                self._twins.remove(twin)
        return not found

    def _open(self):
        aliases = self._pair.aliases
        metadata = (("hasleader", "true"),) if self._random.random() < 0.2 else ()
        streams = [
            GrpcWatch(self._api, client, for_left, metadata)
            for client, for_left in zip(self._pair.clients, (lambda m: m, aliases.from_right))
        ]
        return WatchTwin(self._pair, streams, self._pair.comparison.message_differences)

    def _usable_twin(self):
        usable = [
            twin
            for twin in self._twins
            if twin.takes_requests and len(twin.live) < MAX_LIVE_WATCHES
        ]
        if usable and (len(self._twins) >= MAX_STREAMS or self._random.random() < 0.85):
            return self._random.choice(usable)
        if len(self._twins) >= MAX_STREAMS:
            self._twins.pop(0).close()
        self._twins.append(self._open())
        return self._twins[-1]

    def _twin_with_watch(self):
        candidates = [twin for twin in self._twins if twin.live and twin.takes_requests]
        return self._random.choice(candidates) if candidates else None

    def _send(self, twin, request):
        twin.tried.append(request)
        self._pair.tally.count(f"Watch/{request.WhichOneof('request_union')}", "sent")
        for stream in twin.streams:
            stream.send(request)

    def _send_creates(self, twin, requests):
        for request in requests:
            twin.tried.append(self._api.WatchRequest(create_request=request))
            self._pair.tally.count("Watch/create_request", "sent")
        for stream in twin.streams:
            stream.create(requests)
        return self._judge(twin, twin.expect_created(requests, self._kv.compacted))

    def _create(self):
        count = self._random.choice([1, 1, 1, 2, 4])
        twin = self._usable_twin()
        requests = [self.create_request() for _ in range(count)]
        self._send_creates(twin, requests)
        return True

    def create_request(self):
        random, kv = self._random, self._kv
        key = b"" if random.random() < 0.05 else kv.key()
        request = self._api.WatchCreateRequest(
            key=key,
            range_end=kv.range_end(key),
            start_revision=self._start(),
            prev_kv=random.random() < 0.4,
            fragment=random.random() < 0.15,
            progress_notify=random.random() < 0.1,
        )
        if random.random() < 0.25:
            request.watch_id = random.choice(CHOSEN_IDS)
        if random.random() < 0.2:
            request.filters.extend(random.choice([[0], [1], [0, 1], [0, 0], [5]]))
        if {0, 1} <= set(request.filters):
            request.start_revision = 0  # nothing would show when its history is behind it
        return request

    def _start(self):
        random, kv = self._random, self._kv
        past = random.randint(max(kv.compacted, 1), kv.revision)
        return random.choices(
            [
                0,
                past,
                max(kv.compacted, 1),
                random.randint(1, max(kv.compacted, 1)),
                kv.revision + random.randint(1, 12),
                MAX_INT64,
            ],
            [40, 30, 5, 8, 12, 2],
        )[0]

    def _cancel(self):
        """Of a watch that has settled, or of one whose events may be on their way: then what came
        is compared as far as both go.
        """
        twin = self._twin_with_watch()
        if twin is None:
            return True
        settled = self._random.random() < 0.8
        if settled:
            self.settle()
            if twin not in self._twins or not twin.live:
                return True
        watch = self._random.choice(twin.live)
        twin.live.remove(watch)
        request = self._api.WatchRequest()
        request.cancel_request.watch_id = watch.records[0].id
        self._send(twin, request)
        found = twin.expect_canceled(watch)
        if not found and not settled:
            found = watch.prefix_differences()
            # An id with events left behind could meet them again if it is chosen once more.
            twin.takes_requests = twin.takes_requests and watch.request.watch_id == 0
        self._judge(twin, found)
        return True

    def _cancel_unknown(self):
        """Is not answered: any answer is found as one too many."""
        twin = self._twin_with_watch()
        if twin is not None:
            request = self._api.WatchRequest()
            request.cancel_request.watch_id = self._random.choice(UNKNOWN_IDS)
            self._send(twin, request)
        return True

    def _ask_progress(self):
        """Where every watch of the stream is known to be in sync and none waits for the future."""
        if not self.catch_up():
            return False
        twin = self._twin_with_watch()
        revision = self._kv.revision
        if twin is not None and all(
            watch.synced and watch.request.start_revision <= revision for watch in twin.live
        ):
            self._send(
                twin, self._api.WatchRequest(progress_request=self._api.WatchProgressRequest())
            )
            self._judge(twin, twin.expect_progress())
        return True

    def _ask_progress_alone(self):
        """On a stream without a watch; a create behind it shows that no answer will come."""
        twin = self._open()
        self._send(twin, self._api.WatchRequest(progress_request=self._api.WatchProgressRequest()))
        if self._send_creates(twin, [self._api.WatchCreateRequest(key=b"a")]):
            answers = [f"{len(inbox.progress)} answers" for inbox in twin.inboxes]
            if answers[0] != answers[1] and not self._pair.comparison.allows(
                SILENT_PROGRESS, *answers
            ):
                self._judge(twin, [Difference(SILENT_PROGRESS, *answers)])
        twin.close()
        return True

    def _empty_request(self):
        twin = self._usable_twin()
        self._pair.tally.count("Watch/empty", "sent")
        for stream in twin.streams:
            stream.send(self._api.WatchRequest())
        return True

    def _negative_start(self):
        """On a stream of its own: releases differ in whether it takes an id from the counter.
        Before the first compaction 3.4 keeps such a watch.
        """
        if self._kv.compacted < 1:
            return True
        twin = self._open()
        request = self._api.WatchCreateRequest(
            key=b"a", start_revision=self._random.choice([-1, -2, -MAX_INT64])
        )
        twin.tried.append(self._api.WatchRequest(create_request=request))
        self._pair.tally.count("Watch/create_request", "sent")
        for stream in twin.streams:
            stream.create([request])
        found = twin.both(_is_over)
        if not found:
            ends = [_how_it_ended(inbox) for inbox in twin.inboxes]
            if ends[0] != ends[1] and not self._pair.comparison.allows(NEGATIVE_START, *ends):
                found = [Difference(NEGATIVE_START, *ends)]
        self._judge(twin, found)
        twin.close()
        return True

    def _malformed(self):
        twin = self._open()
        payload = self._random.choice([b"\x0a", b"\x0a\x7f", b"\x00\x01", b"\x0f"])
        self._pair.tally.count("Watch/malformed", "sent")
        for stream in twin.streams:
            stream.send_bytes(payload)
        found = self._pair.wait_for_both(
            *((stream, lambda stream=stream: stream.end) for stream in twin.streams)
        )
        ends = [stream.end for stream in twin.streams]
        if ends[0] != ends[1] and not self._pair.comparison.allows(UNREADABLE, *ends):
            found = [Difference(f"end after {payload.hex()}", *ends)]
        self._judge(twin, found)
        twin.close()
        return True

    def _fragment(self):
        """Answers above 2 MiB, with and without permission to cut them, in sync and from
        history.
        """
        api, kv = self._api, self._kv
        self.settle()
        twin = self._open()
        self._twins.append(twin)
        begin = kv.revision
        txn = api.TxnRequest()
        for i in range(4):
            txn.success.add().request_put.MergeFrom(
                api.PutRequest(key=b"big%d" % i, value=BIG_VALUE)
            )
        call = Call("KV/Txn", txn.SerializeToString(), txn)
        self._send_creates(twin, self._watches_of_big(0))
        equal = self.write(call) and self.write(call)
        if equal and twin in self._twins:
            self._send_creates(twin, self._watches_of_big(begin + 1))
        if equal:
            self.settle()
        delete = api.DeleteRangeRequest(key=b"big", range_end=b"bih")
        equal = self.write(Call("KV/DeleteRange", delete.SerializeToString(), delete)) and equal
        self.settle()
        if twin in self._twins:
            self._twins.remove(twin)
            twin.close()
        return equal

    def _watches_of_big(self, start):
        return [
            self._api.WatchCreateRequest(
                key=b"big", range_end=b"bih", prev_kv=True, fragment=fragment, start_revision=start
            )
            for fragment in (True, False)
        ]

    def _half_close(self):
        """The stream goes on delivering; it takes no further requests."""
        twin = self._twin_with_watch()
        if twin is not None:
            twin.takes_requests = False
            self._pair.tally.count("Watch/half-close", "sent")
            for stream in twin.streams:
                stream.half_close()
        return True

    def _close_one(self):
        if self._twins:
            self.settle()
        if self._twins:
            self._twins.pop(self._random.randrange(len(self._twins))).close()
        return True


def _is_over(inbox):
    return bool(inbox.records) and (inbox.records[0] is None or inbox.records[0].canceled)


def _how_it_ended(inbox):
    record = inbox.records[0]
    if record is None:
        return f"refused with id {inbox.created[0].watch_id}: {inbox.created[0].cancel_reason}"
    return (
        f"created, then canceled: header.revision {record.canceled.header.revision}, "
        f"compact_revision {record.canceled.compact_revision}"
    )
