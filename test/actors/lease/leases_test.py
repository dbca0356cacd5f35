#!/usr/bin/python3
"""Leases as clients see them, on a real server. Usage: leases_test.py SERVER [unittest arguments]

Also runs against etcd: leases_test.py /usr/bin/etcd
"""

import pathlib
import queue
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from etcd_api import Client, EtcdApi
from server_process import Server

MIN_TTL = 2  # one and a half election timeouts of 1 s, rounded up
# How late an end may be seen here, on a machine that has other work: not how late it is.
PATIENCE_SECONDS = 4.0


class KeepAlive:
    """One open LeaseKeepAlive stream."""

    def __init__(self, client, api):
        self._api = api
        self._requests = queue.Queue()
        self._answers = client.stream("Lease/LeaseKeepAlive", iter(self._requests.get, None))

    def send(self, lease):
        self._requests.put(self._api.LeaseKeepAliveRequest(ID=lease).SerializeToString())

    def answer(self):
        return self._api.LeaseKeepAliveResponse.FromString(next(self._answers))

    def renew(self, lease):
        self.send(lease)
        return self.answer().TTL

    def close(self):
        """@returns what still came."""
        self._requests.put(None)
        return list(self._answers)


class Leases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="troupe-leases-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.server = Server(SERVER, cls.directory.name)
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        cls.server.wait_ready()

    def setUp(self):
        self.client = Client(self.server.address)
        self.addCleanup(self.client.close)

    def call(self, method, request, response=None):
        answer = self.client.call(method, request.SerializeToString())
        self.assertTrue(answer.ok, answer)
        return response.FromString(answer.payload) if response else None

    def grant(self, ttl, lease=0):
        return self.call("Lease/LeaseGrant", API.LeaseGrantRequest(TTL=ttl, ID=lease),
                         API.LeaseGrantResponse)

    def fails(self, method, request):
        answer = self.client.call(method, request.SerializeToString())
        self.assertFalse(answer.ok)
        return answer.code, answer.text

    def put(self, key, lease=0):
        self.call("KV/Put", API.PutRequest(key=key, value=b"v", lease=lease))

    def keys(self, prefix):
        request = API.RangeRequest(key=prefix, range_end=prefix + b"\xff")
        response = self.call("KV/Range", request, API.RangeResponse)
        return [kv.key for kv in response.kvs], response.header.revision

    def time_to_live(self, lease, keys=False):
        return self.call("Lease/LeaseTimeToLive", API.LeaseTimeToLiveRequest(ID=lease, keys=keys),
                         API.LeaseTimeToLiveResponse)

    def leases(self):
        response = self.call("Lease/LeaseLeases", API.LeaseLeasesRequest(), API.LeaseLeasesResponse)
        return [status.ID for status in response.leases]

    def revoke(self, lease):
        return self.call("Lease/LeaseRevoke", API.LeaseRevokeRequest(ID=lease),
                         API.LeaseRevokeResponse)

    def wait_until_gone(self, prefix, deadline):
        """@returns when the keys were last seen, on time.monotonic()."""
        seen = time.monotonic()
        while True:
            asked = time.monotonic()
            if not self.keys(prefix)[0]:
                return seen
            seen = asked
            self.assertLess(seen, deadline, "the lease does not end")
            time.sleep(0.02)

    def test_ids_are_chosen_or_given(self):
        chosen = self.grant(60)
        self.assertGreater(chosen.ID, 0)
        self.assertEqual(chosen.TTL, 60)
        self.assertEqual(chosen.error, "")
        for lease in (1001, -1001, 2**63 - 1, -(2**63)):
            self.assertEqual(self.grant(60, lease).ID, lease)
            self.assertEqual(
                self.fails("Lease/LeaseGrant", API.LeaseGrantRequest(TTL=60, ID=lease)),
                ("FAILED_PRECONDITION", "etcdserver: lease already exists"))
        for lease in (chosen.ID, 1001, -1001, 2**63 - 1, -(2**63)):
            self.revoke(lease)
        self.assertNotIn(-1001, self.leases())

    def test_ttl_has_bounds(self):
        for ttl in (0, -5, 1, MIN_TTL):
            self.assertEqual(self.grant(ttl).TTL, MIN_TTL)
        most = self.grant(9_000_000_000)
        self.assertEqual(most.TTL, 9_000_000_000)
        self.assertGreater(self.time_to_live(most.ID).TTL, 8_999_999_000)
        self.revoke(most.ID)
        self.assertEqual(
            self.fails("Lease/LeaseGrant", API.LeaseGrantRequest(TTL=9_000_000_001)),
            ("OUT_OF_RANGE", "etcdserver: too large lease TTL"))

    def test_renewals_are_answered_in_order(self):
        first, second = self.grant(60).ID, self.grant(50).ID
        stream = KeepAlive(self.client, API)
        wanted = [(first, 60), (77, 0), (second, 50)] * 20
        for lease, _ in wanted:
            stream.send(lease)
        answers = [stream.answer() for _ in wanted]
        self.assertEqual([(a.ID, a.TTL) for a in answers], wanted)
        self.assertGreater(answers[0].header.revision, 0)
        self.assertGreater(answers[0].header.raft_term, 0)
        self.assertEqual(stream.close(), [])

    def test_unknown_lease(self):
        self.assertEqual(
            self.fails("Lease/LeaseRevoke", API.LeaseRevokeRequest(ID=77)),
            ("NOT_FOUND", "etcdserver: requested lease not found"))
        self.assertEqual(
            self.fails("KV/Put", API.PutRequest(key=b"a", lease=77)),
            ("NOT_FOUND", "etcdserver: requested lease not found"))
        answer = self.time_to_live(77, keys=True)
        self.assertEqual((answer.ID, answer.TTL, answer.grantedTTL), (77, -1, 0))

    def test_revocation_deletes_the_keys_in_one_revision(self):
        lease = self.grant(60).ID
        for key in (b"revoke/b", b"revoke/a", b"revoke/c"):
            self.put(key, lease)
        self.put(b"revoke/b")
        answer = self.time_to_live(lease, keys=True)
        self.assertEqual(sorted(answer.keys), [b"revoke/a", b"revoke/c"])
        self.assertEqual(answer.grantedTTL, 60)
        before = self.keys(b"revoke/")[1]
        self.assertEqual(self.revoke(lease).header.revision, before + 1)
        self.assertEqual(self.keys(b"revoke/"), ([b"revoke/b"], before + 1))
        without_keys = self.grant(60).ID
        self.assertEqual(self.revoke(without_keys).header.revision, before + 1)

    def test_expiry_takes_the_keys_not_early_and_soon(self):
        lease = self.grant(MIN_TTL).ID
        self.put(b"expire/a", lease)
        stream = KeepAlive(self.client, API)
        for _ in range(3):
            time.sleep(MIN_TTL / 4)
            renewed = time.monotonic()
            self.assertEqual(stream.renew(lease), MIN_TTL)
        seen = self.wait_until_gone(b"expire/", renewed + MIN_TTL + PATIENCE_SECONDS)
        # Seen just before it was gone; renewed a little after the call began.
        self.assertGreater(seen, renewed + MIN_TTL - 0.3)
        self.assertEqual(stream.renew(lease), 0)
        self.assertEqual(self.time_to_live(lease).TTL, -1)
        stream.close()

    def test_many_expire_together(self):
        ttl = 8
        leases = [self.grant(ttl).ID for _ in range(600)]  # more than one entry of the log ends
        granted = time.monotonic()
        for number, lease in enumerate(leases[::10]):
            self.put(b"many/%d" % number, lease)
        self.wait_until_gone(b"many/", granted + ttl + PATIENCE_SECONDS)
        while set(leases) & set(self.leases()):
            self.assertLess(time.monotonic(), granted + ttl + 2 * PATIENCE_SECONDS)
            time.sleep(0.05)

    def test_a_crash_ends_no_lease_early(self):
        short, long = self.grant(4).ID, self.grant(600).ID
        for lease in (short, long):
            self.put(b"crash/%d" % lease, lease)
        stream = KeepAlive(self.client, API)
        time.sleep(1.0)
        self.assertEqual(stream.renew(short), 4)
        renewed = time.monotonic()
        self.server.kill()
        self.server.start()
        self.server.wait_ready()
        self.client.close()
        self.client = Client(self.server.address)
        back = time.monotonic()
        prefix = b"crash/%d" % short
        self.assertTrue(self.keys(prefix)[0])
        # It begins anew, plus an election timeout.
        seen = self.wait_until_gone(prefix, back + 4 + 1 + PATIENCE_SECONDS)
        self.assertGreater(seen, renewed + 4 - 0.3)
        self.assertEqual(self.keys(b"crash/")[0], [b"crash/%d" % long])
        self.assertIn(long, self.leases())
        self.assertEqual(self.time_to_live(long, keys=True).keys, [b"crash/%d" % long])
        self.assertEqual(KeepAlive(self.client, API).renew(long), 600)


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    API = EtcdApi()
    unittest.main()
