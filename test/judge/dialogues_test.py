#!/usr/bin/python3
"""Dialogues that the generators do not find, each with etcd and with our node.

Usage: dialogues_test.py path/to/troupe
"""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from etcd_api import Client, EtcdApi
from server_process import Server
from watch_stream import GrpcWatch

API = EtcdApi()
ETCD = "/usr/bin/etcd"
OURS = None
WAIT_SECONDS = 10.0


def on(binary, dialogue):
    with tempfile.TemporaryDirectory(prefix="dialogues-") as directory:
        with Server(binary, directory) as server:
            client = Client(server.address)
            try:
                return dialogue(client)
            finally:
                client.close()


def id_after_compaction(client):
    """What is answered where the id of a watch that a compaction ended is chosen again, then
    cancelled, then chosen again.
    """
    for _ in range(5):
        put = client.call("KV/Put", API.PutRequest(key=b"a").SerializeToString())
        assert put.ok, put
    compaction = API.CompactionRequest(revision=5, physical=True)
    assert client.call("KV/Compact", compaction.SerializeToString()).ok
    stream = GrpcWatch(API, client, lambda message: message)
    inbox = stream.inbox
    stream.create([API.WatchCreateRequest(key=b"a", start_revision=2, watch_id=1)])
    ended = stream.wait(lambda: inbox.records and inbox.records[0].canceled, WAIT_SECONDS)
    stream.create([API.WatchCreateRequest(key=b"a", watch_id=1)])
    stream.create([API.WatchCreateRequest(key=b"a")])
    stream.create([API.WatchCreateRequest(key=b"a")])
    stream.wait(lambda: len(inbox.created) == 4, WAIT_SECONDS)
    cancel = API.WatchRequest()
    cancel.cancel_request.watch_id = 1
    stream.send(cancel)
    stream.create([API.WatchCreateRequest(key=b"a", watch_id=1)])
    stream.wait(lambda: len(inbox.created) == 5, WAIT_SECONDS)
    answers = [(answer.watch_id, answer.cancel_reason) for answer in inbox.created]
    stream.close()
    return bool(ended), answers


def leader_when_ready(client):
    """How a watch that requires a leader begins as the first call of all."""
    stream = GrpcWatch(API, client, lambda message: message, (("hasleader", "true"),))
    stream.create([API.WatchCreateRequest(key=b"a")])
    stream.wait(lambda: stream.inbox.created, WAIT_SECONDS)
    end = stream.end
    stream.close()
    return end


class Etcd(unittest.TestCase):
    """What the dialogues show of the original."""

    def test_an_id_stays_taken_until_the_client_cancels(self):
        duplicate = "mvcc: duplicate watch ID provided on the WatchStream"
        ended, answers = on(ETCD, id_after_compaction)
        self.assertTrue(ended)
        self.assertEqual(answers, [(1, ""), (-1, duplicate), (0, ""), (2, ""), (1, "")])

    def test_a_ready_server_has_a_leader(self):
        self.assertIsNone(on(ETCD, leader_when_ready))


class Ours(unittest.TestCase):
    def test_an_id_stays_taken_until_the_client_cancels(self):
        self.assertEqual(on(OURS, id_after_compaction), on(ETCD, id_after_compaction))

    def test_a_ready_server_has_a_leader(self):
        self.assertIsNone(on(OURS, leader_when_ready))


if __name__ == "__main__":
    OURS = sys.argv.pop(1)
    unittest.main()
