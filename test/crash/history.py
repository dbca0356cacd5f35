"""What clients were told, and what a store must therefore hold.

Each writer numbers its txns. Txn `number` of `writer` puts the number under three keys at once:
    pair/WRITER/SLOT/a, pair/WRITER/SLOT/b    SLOT = number % SLOTS: overwritten again and again
    log/WRITER/NUMBER                         never overwritten: says for each txn whether it happened
An answer makes a txn acknowledged. No answer makes its fate unknown until the next look at the
store, which settles it for good: what was there once may not vanish, what was not may not appear.
"""

import threading

SLOTS = 20


class Violation(Exception):
    """The store broke a promise; the text says which."""


def pair_keys(writer, number):
    prefix = f"pair/{writer:03}/{number % SLOTS:03}/"
    return prefix.encode() + b"a", prefix.encode() + b"b"


def log_key(writer, number):
    return f"log/{writer:03}/{number:08}".encode()


class History:
    def __init__(self):
        self._lock = threading.Lock()
        self.revision = 1  # the highest anyone was told
        self._happened = {}  # (writer, number) -> revision
        self._unknown = set()  # (writer, number)
        self._violations = []

    @property
    def happened(self):
        return len(self._happened)

    @property
    def unknown(self):
        return len(self._unknown)

    def violation(self, text):
        with self._lock:
            self._violations.append(text)

    def raise_violations(self):
        with self._lock:
            if self._violations:
                raise Violation("\n".join(self._violations[:10]))

    def acknowledged(self, writer, number, revision, floor):
        """`floor`: what `revision` of this history was when the request left."""
        with self._lock:
            if revision <= floor:
                self._violations.append(
                    f"txn {number} of writer {writer} got revision {revision}, but {floor} was known"
                )
            self._happened[writer, number] = revision
            self.revision = max(self.revision, revision)

    def unanswered(self, writer, number):
        with self._lock:
            self._unknown.add((writer, number))

    def read(self, response, floor):
        """A linearizable read of one writer's slot, both keys."""
        revision = response.header.revision
        with self._lock:
            if revision < floor:
                self._violations.append(f"a read shows revision {revision}, but {floor} was known")
            self.revision = max(self.revision, revision)
            if response.kvs and not _is_whole(response.kvs):
                self._violations.append(f"a read shows half a txn: {list(response.kvs)}")

    def settle(self, revision, log, pairs):
        """After a restart: `revision` of the store, and all its kvs below log/ and pair/."""
        found = {}
        for kv in log:
            _, writer, number = kv.key.decode().split("/")
            found[int(writer), int(number)] = kv.mod_revision
        for txn, told in self._happened.items():
            if txn not in found:
                raise Violation(f"LOST: txn {txn[1]} of writer {txn[0]}, acknowledged at {told}")
            if found[txn] != told:
                raise Violation(f"txn {txn} was told revision {told} and has {found[txn]}")
        for txn, at in found.items():
            if txn not in self._happened and txn not in self._unknown:
                raise Violation(f"txn {txn} at revision {at} was never sent or had not happened")
        if len(set(found.values())) != len(found):
            raise Violation("two txns share a revision")
        if revision < self.revision:
            raise Violation(f"the revision went back from {self.revision} to {revision}")
        if revision != max(found.values(), default=1):
            raise Violation(f"revision {revision}, but the last write was {max(found.values())}")
        _check_pairs(found, pairs)
        self._happened = found
        self._unknown.clear()
        self.revision = revision


def _is_whole(pair):
    return (
        len(pair) == 2
        and pair[0].value == pair[1].value
        and pair[0].mod_revision == pair[1].mod_revision
        and pair[0].version == pair[1].version
    )


def _check_pairs(found, pairs):
    """Every pair holds the last txn of its slot, as often overwritten as there were txns."""
    last, count = {}, {}
    for (writer, number), revision in found.items():
        for key in pair_keys(writer, number):
            last[key] = max(last.get(key, (0, 0)), (revision, number))
            count[key] = count.get(key, 0) + 1
    held = {kv.key: kv for kv in pairs}
    if held.keys() != last.keys():
        raise Violation(f"pairs differ from what the log says: {sorted(held.keys() ^ last.keys())}")
    for key, (revision, number) in last.items():
        kv = held[key]
        if (kv.mod_revision, kv.value, kv.version) != (revision, b"%d" % number, count[key]):
            raise Violation(
                f"HALF A TXN: {key} holds {kv.value} of revision {kv.mod_revision}, version "
                f"{kv.version}; its last txn was {number} at {revision}, of {count[key]}"
            )
