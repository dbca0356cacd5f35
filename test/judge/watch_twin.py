"""One watch stream to each of the two servers, with the same requests on both, and how what they
deliver is compared: per watch the flattened list of events, the control answers field by field.
"""

from compare import Difference

ALL = b"\0"
NOPUT, NODELETE = 0, 1
TOMBSTONE_AT_FLOOR = "tombstone at the compacted revision"


class History:
    """Every event of the left server so far, from a watch of everything since revision 1. It says
    how many events a watch must get before the two sides can be compared; what is compared are
    the answers themselves.
    """

    def __init__(self, api, stream):
        self._stream = stream
        self._inbox = stream.inbox
        self._delete = api.mvccpb.Event.DELETE
        self._parse = api.mvccpb.Event.FromString
        self.events = []  # (revision, key, is a deletion)
        stream.create([api.WatchCreateRequest(key=ALL, range_end=ALL, start_revision=1)])

    def reach(self, revision, seconds):
        """Waits until the event of `revision` is here; False if it does not come."""
        if revision > 1 and not self._stream.wait(lambda: self._last() >= revision, seconds):
            return False
        events = self._inbox.records[0].events if self._inbox.records else []
        for event_revision, payload in events[len(self.events) :]:
            event = self._parse(payload)
            self.events.append((event_revision, event.kv.key, event.type == self._delete))
        return True

    def _last(self):
        records = self._inbox.records
        return records[0].events[-1][0] if records and records[0].events else 0

    def close(self):
        self._stream.close()


class TwinWatch:
    """A watch that both servers have created."""

    def __init__(self, request, records, compacted):
        self.request = request
        self.records = records
        created = records[0].created_revision
        start = request.start_revision
        self._first = start if start > 0 else created + 1
        # Etcd removes what precedes the compacted revision, and 3.4 also a deletion in it.
        self._floor = compacted if 0 < start <= compacted else 0
        self.synced = start == 0 or start > created
        if self.synced:
            for record in records:
                record.synced_at = record.created_revision
        self._wanted = 0
        self._history_read = 0
        self._compared = 0
        self._pieces_compared = 0

    @property
    def sees_no_puts(self):
        return NOPUT in self.request.filters

    @property
    def key(self):
        return self.request.key or ALL

    def covers(self, key):
        begin, end = self.key, self.request.range_end
        if not end:
            return key == begin
        return key >= begin and (end == ALL or key < end)

    def extend(self, history):
        for revision, key, deletion in history.events[self._history_read :]:
            hidden = (NODELETE if deletion else NOPUT) in self.request.filters
            if revision >= self._first and revision > self._floor and not hidden:
                self._wanted += self.covers(key)
        self._history_read = len(history.events)

    def delivered(self, side):
        return len(self._above_floor(side)) >= self._wanted

    def _above_floor(self, side):
        events = self.records[side].events
        begin = 0
        while begin < len(events) and events[begin][0] <= self._floor:
            begin += 1
        return events[begin:]

    def arrears(self):
        """What is missing, for a report."""
        which = f"watch {self.records[0].id}: {self._wanted} events wanted, delivered to revision"
        last = (record.events[-1][0] if record.events else None for record in self.records)
        return Difference(which, *last)

    def note_synced(self, revision):
        """Events after the revision of creation have come: the history is behind it."""
        if all(
            record.events and record.events[-1][0] > record.created_revision
            for record in self.records
        ):
            self.synced = True
            for record in self.records:
                record.synced_at = revision

    def differences(self, comparison):
        """Of what both have delivered since the last time."""
        left, right = self._above_floor(0), self._above_floor(1)
        found = list_differences("event", left, right, self._compared)
        self._compared = max(len(left), len(right))
        if self.synced and not self._pieces_compared:
            found += self._floor_differences(comparison)
        if self.synced and self.request.fragment:
            pieces = [record.pieces for record in self.records]
            found += list_differences("piece", *pieces, self._pieces_compared)
        self._pieces_compared = max(1, *(len(record.pieces) for record in self.records))
        return found + self._fault_differences()

    def prefix_differences(self):
        """As differences, of a watch that was cancelled while events were on their way."""
        left, right = self._above_floor(0), self._above_floor(1)
        shared = min(len(left), len(right))
        found = list_differences("event", left[:shared], right[:shared], self._compared)
        return found + self._fault_differences()

    def _fault_differences(self):
        left, right = (record.faults for record in self.records)
        # etcd notes that a watch wants fragments after it has started it: a busy one sends the
        # first events whole.
        left = [fault for fault in left if not fault.startswith("a piece of")]
        return [Difference("rules of a stream", left, right)] if left or right else []

    def _floor_differences(self, comparison):
        left, right = (
            record.events[: len(record.events) - len(self._above_floor(side))]
            for side, record in enumerate(self.records)
        )
        if left != right and comparison.allows(
            TOMBSTONE_AT_FLOOR, f"{len(left)} events", f"{len(right)} events"
        ):
            return []
        return list_differences("event at the compacted revision", left, right, 0)


def list_differences(name, left, right, begin):
    found = []
    if len(left) != len(right):
        found.append(Difference(f"number of {name}s", len(left), len(right)))
    for i, pair in enumerate(zip(left[begin:], right[begin:]), begin):
        if pair[0] != pair[1]:
            found.append(Difference(f"{name} {i}", *pair))
            break
    return found


class WatchTwin:
    """`streams`: left's and right's; `compare(left, right)`: differences of two control answers."""

    def __init__(self, pair, streams, compare):
        self._pair = pair
        self._compare = compare
        self.streams = streams
        self.inboxes = [stream.inbox for stream in streams]
        self.live = []
        self.tried = []  # every request, to be printed
        self.takes_requests = True
        self.ended_ids = set()  # of watches that a compaction ended
        self._answered = 0
        self._progress = 0

    def both(self, predicate):
        """Differences if `predicate(inbox)` does not come true for both."""
        return self._pair.wait_for_both(
            *(
                (stream, lambda inbox=stream.inbox: predicate(inbox))
                for stream in self.streams
            )
        )

    def expect_created(self, requests, compacted):
        """After `requests` were sent: waits for their answers and compares these. New watches that
        were not ended at once are live from now on.
        """
        begin, self._answered = self._answered, self._answered + len(requests)
        found = self.both(lambda inbox: len(inbox.created) >= self._answered)
        if found:
            return found
        for i, request in enumerate(requests, begin):
            found += self._compare(*(inbox.created[i] for inbox in self.inboxes))
            records = [inbox.records[i] for inbox in self.inboxes]
            if found or None in records:
                continue
            watch = TwinWatch(request, records, compacted)
            if 0 < request.start_revision < compacted:
                self.ended_ids.add(records[0].id)
                found += self.expect_canceled(watch)
            else:
                self.live.append(watch)
        return found

    def expect_canceled(self, watch):
        found = self._pair.wait_for_both(
            *(
                (stream, lambda record=record: record.canceled is not None)
                for stream, record in zip(self.streams, watch.records)
            )
        )
        return found or self._compare(*(record.canceled for record in watch.records))

    def expect_progress(self):
        self._progress += 1
        found = self.both(lambda inbox: len(inbox.progress) >= self._progress)
        return found or self._compare(*(inbox.progress[-1] for inbox in self.inboxes))

    def settle(self, history, revision):
        """Waits until each live watch has, on both sides, what `history` holds for it up to
        `revision`, and compares.
        """
        found = []
        for watch in self.live:
            watch.extend(history)
            found += self._pair.wait_for_both(
                *(
                    (stream, lambda side=side, watch=watch: watch.delivered(side))
                    for side, stream in enumerate(self.streams)
                )
            )
            if found:
                found.append(watch.arrears())
            found += watch.differences(self._pair.comparison)
            if found:
                break
            if not watch.synced:
                watch.note_synced(revision)
        return found + self.stray_differences()

    def stray_differences(self):
        """What came for no live watch, and control answers that nobody asked for."""
        found = []
        for name in ("stray", "progress", "created"):
            left, right = (len(getattr(inbox, name)) for inbox in self.inboxes)
            if left != right or (name == "stray" and left):
                shown = (getattr(inbox, name)[:3] for inbox in self.inboxes)
                found.append(Difference(f"answers: {name}", *shown))
        canceled = [
            sum(record.canceled is not None for record in inbox.records if record)
            for inbox in self.inboxes
        ]
        if canceled[0] != canceled[1]:
            found.append(Difference("canceled watches", *canceled))
        return found

    def close(self):
        for stream in self.streams:
            stream.close()
