"""What came over one watch stream of one server, filed by watch, and the rules that hold for every
stream whatever the other server says.
"""

from collections import Counter

from pair import BidiCall

FRAGMENT_BYTES = 2 << 20


class WatchRecord:
    """One watch as its client sees it, from its created answer on."""

    def __init__(self, created, request):
        self.id = created.watch_id
        self.created_revision = created.header.revision
        self.synced_at = None  # revision up to which it is known to have caught up
        self.fragments = request.fragment
        self.events = []  # (revision, event as comparable value)
        self.pieces = []  # of revisions in sync: (number of events, whether more of it follow)
        self.canceled = None
        self.faults = []
        self._open_fragment = None

    def take(self, message, events):
        """`events`: those of the message in comparable form."""
        revisions = [event.kv.mod_revision for event in message.events]
        header = message.header.revision
        if revisions != sorted(revisions):
            self.faults.append(f"events out of order: {revisions}")
        if self.events and revisions[0] <= self.events[-1][0] and not self._continues(revisions[0]):
            self.faults.append(f"revision {revisions[0]} after {self.events[-1][0]}")
        if header < revisions[-1]:
            self.faults.append(f"header.revision {header} below event {revisions[-1]}")
        self._check_fragment(message)
        if self.synced_at is not None and revisions[0] > self.synced_at:
            if header != revisions[-1]:
                self.faults.append(f"in sync, but header {header} for events to {revisions[-1]}")
            self.pieces += _pieces(revisions, message.fragment)
        self.events += zip(revisions, events)

    def _continues(self, revision):
        """Only the next piece of a fragmented answer may go on inside a revision."""
        return self._open_fragment is not None and revision == self.events[-1][0]

    def _check_fragment(self, message):
        header = message.header.revision
        if self._open_fragment is not None and header != self._open_fragment:
            self.faults.append(f"pieces with headers {self._open_fragment} and {header}")
        if message.fragment and not self.fragments:
            self.faults.append("fragment, though not asked for")
        if self.fragments and len(message.events) > 1 and message.ByteSize() >= FRAGMENT_BYTES:
            self.faults.append(f"a piece of {message.ByteSize()} bytes")
        self._open_fragment = header if message.fragment else None


def _pieces(revisions, fragment):
    """What one message has of each revision: a busy server may send several in one."""
    counts = Counter(revisions)
    return [
        (count, fragment and revision == revisions[-1]) for revision, count in counts.items()
    ]


class WatchInbox:
    """Sorts the answers of one stream; shared by the gRPC and the HTTP transport."""

    def __init__(self):
        self.requested = []  # create requests, before they are sent
        self.created = []  # their answers, which come in the same order
        self.records = []  # of those that were not refused: same order, None where refused
        self.progress = []
        self.stray = []  # events and cancels for ids that are not there
        self._open = {}

    def take(self, message, control, events):
        """`control`, `events`: the message and its events as they are compared."""
        if message.created:
            self.created.append(control)
            self._take_created(message)
        elif message.canceled:
            record = self._open.pop(message.watch_id, None)
            if record is None:
                self.stray.append(control)
            else:
                record.canceled = control
        elif message.events:
            record = self._open.get(message.watch_id)
            if record is None:
                self.stray.append(control)
            else:
                record.take(message, events)
        else:
            self.progress.append(control)

    def _take_created(self, message):
        if message.canceled:
            self.records.append(None)
            return
        record = WatchRecord(message, self.requested[len(self.created) - 1])
        self.records.append(record)
        self._open[message.watch_id] = record


class GrpcWatch:
    """A watch stream over gRPC; `for_left`: turns a message of this server into left's ids."""

    def __init__(self, api, client, for_left, metadata=()):
        self.inbox = WatchInbox()
        self._api = api
        self._for_left = for_left
        self._stream = BidiCall(client, "Watch/Watch", self._take, metadata)

    def _take(self, payload):
        message = self._for_left(self._api.WatchResponse.FromString(payload))
        self.inbox.take(message, message, [event.SerializeToString() for event in message.events])

    def create(self, requests):
        self.inbox.requested += requests
        for request in requests:
            self.send(self._api.WatchRequest(create_request=request))

    def send(self, request):
        self._stream.send(request.SerializeToString())

    def send_bytes(self, payload):
        self._stream.send(payload)

    def half_close(self):
        self._stream.half_close()

    def close(self):
        self._stream.cancel()

    def wait(self, reached, seconds):
        return self._stream.wait(reached, seconds)

    @property
    def end(self):
        return self._stream.end
