"""Backups of a running node, by troupectl and by etcd's own client, and clusters restored from them.

Usage: snapshot_test.py TROUPECTL TROUPE ETCD
"""

import base64
import hashlib
import json
import os
import pathlib
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from server_process import Server, ServerFailed  # noqa: E402

ETCDCTL = "/usr/bin/etcdctl"
PATIENCE_SECONDS = 60


class Writer:
    """Puts and deletes through one client as long as the test looks elsewhere."""

    def __init__(self, server):
        self.count = 0
        self._server, self._stop = server, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            self.count += 1
            body = {"key": base64.b64encode(b"w/%d" % (self.count % 50)).decode(),
                    "value": base64.b64encode(b"%d" % self.count).decode()}
            post(self._server, "/v3/kv/put", body)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def post(server, path, body):
    request = urllib.request.Request(f"http://{server.address}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


class Snapshots(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = pathlib.Path(directory.name)
        self.server = self.serve("before")

    def serve(self, name, program=None, start=True):
        server = Server(program or TROUPE, self.home / name)
        self.addCleanup(server.kill)
        if start:
            server.start()
            server.wait_ready()
        return server

    def client(self, *arguments, program=None, server=None, code=0):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCDCTL_")}
        environment.update(ETCDCTL_API="3", ETCDCTL_ENDPOINTS=(server or self.server).address)
        got = subprocess.run([program or TROUPECTL, *arguments], env=environment, capture_output=True, timeout=PATIENCE_SECONDS)
        self.assertEqual(got.returncode, code, got)
        return got.stdout.decode() if code == 0 else got.stderr.decode()

    def revision(self, server=None):
        return json.loads(self.client("get", "x", "-w", "json", server=server))["header"]["revision"]

    def save(self, name="backup", **more):
        self.client("snapshot", "save", str(self.home / name), **more)
        return self.home / name

    def status(self, path):
        return json.loads(self.client("snapshot", "status", str(path), "-w", "json"))

    def restore(self, path, server, *flags, **more):
        return self.client("snapshot", "restore", str(path), f"--data-dir={server.data_dir}", "--name=m1",
                           f"--initial-advertise-peer-urls=http://{server.peer_address}", *flags, **more)

    def restored(self, path, *flags):
        server = self.serve("after", start=False)
        self.restore(path, server, *flags)
        server.start()
        server.wait_ready()
        return server

    def test_a_restored_node_serves_what_was_saved_with_its_history(self):
        lease = self.client("lease", "grant", "600").split()[1]
        self.client("put", "kept", "1")
        self.client("put", "kept", "2", f"--lease={lease}")
        self.client("put", "gone", "x")
        self.client("del", "gone")
        saved = self.save()
        self.assertEqual(stat.S_IMODE(saved.stat().st_mode), 0o600)
        self.assertFalse((self.home / "backup.part").exists())
        members = self.client("member", "list", "-w", "json")
        self.client("put", "kept", "after the backup")
        history = json.loads(self.client("get", "gone", "--rev=4", "-w", "json"))["kvs"]
        after = self.restored(saved)
        self.assertEqual(self.revision(after), 5)
        self.assertEqual(json.loads(self.client("get", "gone", "--rev=4", "-w", "json", server=after))["kvs"], history)
        self.assertEqual(self.client("get", "kept", server=after), "kept\n2\n")
        shown = self.client("lease", "timetolive", lease, "--keys", server=after)
        self.assertRegex(shown, r"granted with TTL\(600s\), remaining\(\d+s\), attached keys\(\[kept\]\)")
        watched = post(after, "/v3/kv/range", {"key": base64.b64encode(b"gone").decode(), "revision": "4"})
        self.assertIn(b'"value":"eA=="', watched)
        old, new = json.loads(members), json.loads(self.client("member", "list", "-w", "json", server=after))
        self.assertEqual(len(new["members"]), 1)
        self.assertNotEqual(old["header"]["cluster_id"], new["header"]["cluster_id"])
        self.assertNotEqual(old["members"][0]["ID"], new["members"][0]["ID"])
        self.client("put", "goes", "on", server=after)
        after.kill()
        after.start()
        after.wait_ready()
        self.assertEqual(self.client("get", "goes", server=after), "goes\non\n")
        self.client("lease", "revoke", lease, server=after)
        self.assertEqual(self.client("get", "kept", server=after), "")

    def test_backups_are_whole_while_writes_and_compactions_go_on(self):
        with Writer(self.server):
            for round in range(4):
                saved = self.save(f"backup{round}", program=ETCDCTL if round % 2 else TROUPECTL)
                self.client("compaction", str(self.revision()))
                body = saved.read_bytes()
                self.assertEqual(len(body) % 512, 32)
                self.assertEqual(hashlib.sha256(body[:-32]).digest(), body[-32:])
                self.assertGreater(self.status(saved)["revision"], 0)
        first = self.status(self.save("one"))
        self.assertEqual(first, self.status(self.save("two", program=ETCDCTL)))
        after = self.restored(self.home / "one")
        everything = ("get", "--prefix", "", "-w", "json")
        self.assertEqual(json.loads(self.client(*everything))["kvs"], json.loads(self.client(*everything, server=after))["kvs"])
        self.assertEqual(self.status(self.save("three", server=after))["revision"], first["revision"])

    def test_an_old_watcher_learns_that_it_missed_something(self):
        for number in range(10):
            self.client("put", "k", str(number))
        saved = self.save()
        self.client("put", "k", "seen by watchers of the old cluster only")
        seen = self.revision()
        after = self.restored(saved, "--bump-revision=1000", "--mark-compacted")
        self.assertEqual(self.revision(after), 1011)
        self.assertEqual(self.client("get", "k", server=after), "k\n9\n")
        for old in (5, seen + 1):
            refused = self.client("watch", "k", f"--rev={old}", server=after, code=5)
            self.assertIn("mvcc: required revision has been compacted", refused)
        self.client("put", "k", "new", server=after)
        self.assertEqual(self.revision(after), 1012)

    def test_the_gateway_sends_the_same_file(self):
        self.client("put", "k", "v" * 2000)
        lines = post(self.server, "/v3/maintenance/snapshot", {}).splitlines()
        parts = [json.loads(line)["result"] for line in lines]
        body = b"".join(base64.b64decode(part.get("blob", "")) for part in parts)
        path = self.home / "by_gateway"
        path.write_bytes(body)
        self.assertEqual(self.status(path), self.status(self.save()))
        self.assertEqual(parts[-1]["version"], "3.6.0")

    def test_status_has_etcds_formats(self):
        self.client("put", "k", "v")
        saved = self.save()
        one = self.status(saved)
        self.assertEqual(sorted(one), ["hash", "revision", "totalKey", "totalSize", "version"])
        size = saved.stat().st_size
        self.assertEqual((one["revision"], one["totalSize"], one["version"]), (2, size, "3.6.0"))
        simple = self.client("snapshot", "status", str(saved))
        self.assertEqual(simple, f"{one['hash']:x}, 2, {one['totalKey']}, {size / 1000:.1f} kB, 3.6.0\n")
        table = self.client("snapshot", "status", str(saved), "-w", "table")
        self.assertIn("| REVISION | TOTAL KEYS | TOTAL SIZE | VERSION |", table)
        fields = self.client("snapshot", "status", str(saved), "-w", "fields")
        self.assertIn(f'"Hash" : {one["hash"]}\n"Revision" : 2\n', fields)

    def test_a_backup_of_etcd_is_saved_and_not_taken_for_ours(self):
        etcd = self.serve("etcd", ETCD)
        self.client("put", "k", "v", server=etcd)
        saved = self.save(server=etcd)
        body = saved.read_bytes()
        self.assertEqual(hashlib.sha256(body[:-32]).digest(), body[-32:])
        refused = self.restore(saved, self.serve("after", start=False), code=1)
        self.assertIn("this is a database of etcd", refused)

    def test_what_cannot_be_is_refused(self):
        saved = self.save()
        used = self.serve("after", start=False)
        self.assertIn("not empty", self.restore(saved, self.server, code=1))
        self.assertIn("--mark-compacted", self.restore(saved, used, "--bump-revision=5", code=128))
        self.assertIn("couldn't find local name", self.restore(saved, used, "--initial-cluster=m2=http://h:1", code=1))
        self.assertIn("no such file", self.client("snapshot", "status", str(self.home / "none"), code=1))
        self.assertIn("cannot be raised", self.restore(saved, used, f"--bump-revision={2**63 - 1}", "--mark-compacted", code=1))
        body = saved.read_bytes()
        saved.write_bytes(body[: len(body) // 2])
        self.assertIn("damaged", self.restore(saved, used, code=1))
        self.assertFalse(used.data_dir.exists())

    def test_an_older_backup_stays_until_the_new_one_is_whole(self):
        saved = self.save()
        body = saved.read_bytes()
        self.server.kill()
        self.client("snapshot", "save", str(saved), "--dial-timeout=1s", "--command-timeout=1s", code=5)
        self.assertEqual(saved.read_bytes(), body)
        self.assertEqual([path.name for path in self.home.glob("backup*")], ["backup"])

    def test_an_interrupted_save_leaves_nothing(self):
        for number in range(60):
            post(self.server, "/v3/kv/put", {"key": base64.b64encode(b"%d" % number).decode(), "value": "TExM" * 150_000})
        path = self.home / "interrupted"
        environment = {**os.environ, "ETCDCTL_ENDPOINTS": self.server.address}
        saving = subprocess.Popen([TROUPECTL, "snapshot", "save", str(path)], env=environment, stderr=subprocess.PIPE)
        while saving.poll() is None and not (self.home / "interrupted.part").exists():
            time.sleep(0.001)
        saving.send_signal(signal.SIGINT)
        shown = saving.communicate(timeout=PATIENCE_SECONDS)[1]
        if saving.returncode != 0:
            self.assertEqual((saving.returncode, shown), (5, b"Error: interrupted; nothing was kept\n"))
            self.assertFalse(path.exists())
        self.assertFalse((self.home / "interrupted.part").exists())

    def test_a_killed_restore_leaves_nothing_that_starts(self):
        for number in range(40):
            self.client("put", f"large{number}", "L" * 100_000)
        saved = self.save()
        after = self.serve("after", start=False)
        chance = random.Random(20)
        command = [TROUPECTL, "snapshot", "restore", str(saved), f"--data-dir={after.data_dir}", "--name=m1",
                   f"--initial-advertise-peer-urls=http://{after.peer_address}"]
        start = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        whole = time.monotonic() - start
        subprocess.run(["rm", "-r", str(after.data_dir)], check=True)
        unfinished = 0
        for _ in range(15):
            restoring = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.02, whole))
            restoring.send_signal(signal.SIGKILL)
            restoring.wait()
            content = {path.name for path in after.data_dir.iterdir()} if after.data_dir.exists() else set()
            if not content - {"LOCK"}:
                continue
            after.start()
            try:
                after.wait_ready()
                self.assertNotIn("restoring", content)
                self.assertEqual(self.revision(after), 41)
                after.kill()
                subprocess.run(["rm", "-r", str(after.data_dir)], check=True)
            except ServerFailed as failed:
                self.assertIn("not restored to its end", str(failed))
                unfinished += 1
        self.assertGreater(unfinished, 0)
        if after.data_dir.exists():
            self.restore(saved, after)
            after.start()
            after.wait_ready()
            self.assertEqual(self.revision(after), 41)


if __name__ == "__main__":
    TROUPECTL, TROUPE, ETCD = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
