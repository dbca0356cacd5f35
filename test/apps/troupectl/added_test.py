"""What troupectl has beyond etcdctl, against a server. Usage: added_test.py TROUPECTL SERVER"""

import base64
import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from server_process import Server  # noqa: E402

PATIENCE_SECONDS = 30


def read_all(descriptor, process):
    """What comes through a terminal until its other side is closed."""
    out = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.05)[0]:
            try:
                part = os.read(descriptor, 65536)
            except OSError:
                return out
            if not part:
                return out
            out += part
        elif process.poll() is not None:
            return out
    process.kill()
    raise AssertionError(f"no end: {out}")


class Added(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.home = pathlib.Path(cls.directory.name)
        cls.server = Server(SERVER, cls.home / "server")
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        cls.server.wait_ready()
        cls.environment = {**{name: value for name, value in os.environ.items() if not name.startswith("ETCDCTL_")},
                           "ETCDCTL_ENDPOINTS": cls.server.address}
        cls.etcdctl = cls.home / "etcdctl"
        cls.etcdctl.symlink_to(TROUPECTL)

    def setUp(self):
        self.client("del", "--prefix", "")

    def run_client(self, *arguments, program=None, stdin=b"", code=0):
        got = subprocess.run([program or TROUPECTL, *arguments], env=self.environment, input=stdin, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS)
        self.assertEqual(got.returncode, code, got)
        return got

    def client(self, *arguments, **more):
        return self.run_client(*arguments, **more).stdout.decode()

    def objects(self, *arguments, **more):
        return [json.loads(line) for line in self.client(*arguments, **more).splitlines()]

    def on_terminal(self, *arguments, answer=b"", program=None):
        """Runs it with a terminal for everything; returns its exit code and all that was shown."""
        leader, follower = pty.openpty()
        process = subprocess.Popen([program or TROUPECTL, *arguments], env=self.environment, stdin=follower, stdout=follower,
                                   stderr=follower)
        os.close(follower)
        try:
            if answer:
                os.write(leader, answer)
            shown = read_all(leader, process)
            return process.wait(PATIENCE_SECONDS), shown.replace(b"\r\n", b"\n")
        finally:
            process.kill()
            process.wait()
            os.close(leader)

    def put(self, key, value, *more):
        """As bytes; returns the revision."""
        got = self.objects("put", *more, "-w", "json", "--", key, stdin=value) if value else self.objects("put", *more, "-w", "json", key, "")
        return got[0]["header"]["revision"]

    def keys(self):
        return self.client("get", "--prefix", "", "--keys-only").split()

    def test_ls_and_tree_count_keys_and_sizes(self):
        for key in ("/s/a/1", "/s/a/2", "/s/b", "other"):
            self.put(key, b"12345")
        self.assertEqual(self.objects("ls", "/s/", "-o", "json"),
                         [{"path": "/s/a/", "kind": "prefix", "keys": 2, "bytes": 22}, {"path": "/s/b", "kind": "key", "keys": 1, "bytes": 9}])
        revision = self.put("/s/c", b"1")
        self.assertEqual(len(self.objects("ls", "/s/", "-o", "json", f"--rev={revision - 1}")), 2)
        self.assertEqual(self.client("tree", f"--rev={revision}"),
                         "      KEYS       SIZE  NAME\n"
                         "         4       36 B  /\n"
                         "         4       36 B  └── s/\n"
                         "         2       22 B      ├── a/\n"
                         "         1        9 B      ├── b\n"
                         "         1        5 B      └── c\n"
                         "         1       10 B  other\n"
                         f"5 keys, 46 B, as of revision {revision}\n")
        self.assertIn("... and 1 more", self.client("tree", "/s/", "--depth=2", "--width=1"))

    def test_ls_reads_many_keys_in_pages(self):
        lines = "".join(json.dumps({"key": f"{number % 3}/{number:05}", "value": "v" * 94}) + "\n" for number in range(25_000))
        self.assertEqual(self.client("import", stdin=lines.encode()), "imported 25000 keys\n")
        self.assertEqual([(one["path"], one["keys"], one["bytes"]) for one in self.objects("ls", "-o", "json")],
                         [("0/", 8334, 8334 * 101), ("1/", 8333, 8333 * 101), ("2/", 8333, 8333 * 101)])

    def test_pages_grow_smaller_where_values_are_large(self):
        for number in range(200):
            self.put(f"a{number:03}", b"v")
        for number in range(4):
            self.put(f"b{number}", b"v" * 1_000_000)
        got = self.client("ls", "--max-recv-bytes=1500000")
        self.assertIn("204 keys, 4.0 MB", got)

    def test_json_shows_text_as_text(self):
        self.put("text", "é <x>".encode())
        self.put("binary", b"\xff\x00")
        pair = lambda *flags: self.objects("get", *flags)[0]["kvs"][0]
        self.assertEqual(pair("text", "-o", "json")["value"], "é <x>")
        self.assertEqual(pair("binary", "-o", "json")["value"], {"base64": "/wA="})
        for flags in (("-w", "json"), ("-o", "json", "--base64")):
            self.assertEqual(pair("text", *flags)["value"], base64.b64encode("é <x>".encode()).decode())

    def test_a_terminal_gets_no_control_characters(self):
        self.put("k", b"\x1b[2J\xff\nline")
        self.assertEqual(self.on_terminal("get", "k"), (0, b"k\n\\x1b[2J\\xff\nline\n"))
        self.assertEqual(self.run_client("get", "k").stdout, b"k\n\x1b[2J\xff\nline\n")
        self.assertEqual(self.on_terminal("get", "k", program=self.etcdctl), (0, b"k\n\x1b[2J\xff\nline\n"))

    def test_history_shows_values_and_deletions(self):
        lease = self.client("lease", "grant", "300").split()[1]
        first = self.put("story", b"1")
        self.put("other", b"x")
        second = self.put("story", b"2\n", f"--lease={lease}")
        self.client("del", "story")
        fourth = self.put("story", b"3")
        expected = [
            {"revision": first, "type": "PUT", "create_revision": first, "version": 1, "value": "1"},
            {"revision": second, "type": "PUT", "create_revision": first, "version": 2, "lease": lease.lstrip("0"), "value": "2\n"},
            {"revision": second + 1, "type": "DELETE"},
            {"revision": fourth, "type": "PUT", "create_revision": fourth, "version": 1, "value": "3"}]
        self.assertEqual(self.objects("history", "story", "-o", "json"), expected)
        self.client("del", "story")
        self.assertEqual(self.objects("history", "story", "-o", "json"), [*expected, {"revision": fourth + 1, "type": "DELETE"}])
        self.assertEqual(self.client("history", "story").splitlines()[2], f"{second:10}        2  {lease}  2\\n")
        self.assertEqual(self.client("history", "never"), "")

    def test_history_begins_with_what_a_compaction_left(self):
        self.put("k", b"1")
        second = self.put("k", b"2")
        at = self.put("other", b"x")
        self.client("compaction", str(at))
        self.assertEqual([one["revision"] for one in self.objects("history", "k", "-o", "json")], [second])
        third = self.put("k", b"3")
        self.assertEqual([one["value"] for one in self.objects("history", "k", "-o", "json")], ["2", "3"])
        self.client("compaction", str(third))
        self.assertEqual([one["value"] for one in self.objects("history", "k", "-o", "json")], ["3"])
        self.client("del", "k")
        self.assertEqual([one["type"] for one in self.objects("history", "k", "-o", "json")], ["PUT", "DELETE"])

    def test_diff_tells_what_changed_by_its_code_too(self):
        for key in ("p/same", "p/changed", "p/removed", "other"):
            first = self.put(key, b"1")
        self.put("p/changed", b"\xff")
        self.put("p/added", b"3")
        self.put("p/same", b"1")
        self.put("other", b"2")
        self.client("del", "p/removed")
        self.assertEqual(self.client("diff", str(first), "--prefix=p/", code=1),
                         '+ "p/added" "3"\n~ "p/changed" "1" -> "\\xff"\n- "p/removed" "1"\n')
        self.assertEqual(self.client("diff", str(first), "--prefix=p/", "--keys-only", code=1), '+ "p/added"\n~ "p/changed"\n- "p/removed"\n')
        got = self.objects("diff", str(first), str(first + 2), "-o", "json", code=1)
        self.assertEqual([(one["change"], one["key"]) for one in got], [("added", "p/added"), ("changed", "p/changed")])
        self.assertEqual(got[1]["after"]["value"], {"base64": "/w=="})
        self.assertEqual(self.client("diff", str(first), str(first), code=0), "")
        self.assertIn(b"future revision", self.run_client("diff", "1", "1000000000", code=2).stderr)
        self.client("compaction", str(first + 1))
        self.assertIn(b"compacted", self.run_client("diff", str(first), code=2).stderr)

    def test_del_can_be_tried(self):
        for key in ("d/1", "d/2", "e"):
            self.put(key, b"v")
        got = self.run_client("del", "--prefix", "d/", "--dry-run")
        self.assertEqual((got.stdout, got.stderr), (b"d/1\nd/2\n", b"2 keys would be deleted\n"))
        self.assertEqual(self.objects("del", "e", "--dry-run", "-o", "json"), [{"key": "e"}])
        self.assertEqual(self.keys(), ["d/1", "d/2", "e"])

    def test_complaints_to_a_terminal_have_no_control_characters(self):
        typed = b"x\x1b[2J\n\x04"
        for program, expected in ((TROUPECTL, b"Invalid command x\\x1b[2J (only support watch)\n"),
                                  (self.etcdctl, b"Invalid command x\x1b[2J (only support watch)\n")):
            self.assertIn(expected, self.on_terminal("watch", "-i", answer=typed, program=program)[1])

    def test_del_asks_who_sits_at_a_terminal(self):
        for key in ("d/1", "d/2", "e/1", "e/2", "f/1", "f/2", "g", "h/1", "h/2"):
            self.put(key, b"v")
        question = b'This deletes 2 keys, the first of them "d/1". Go on? [y/N] '
        for answer in (b"n\n", b"\n", b"\x04"):
            code, shown = self.on_terminal("del", "--prefix", "d/", answer=answer)
            self.assertEqual(code, 1, shown)
            self.assertIn(question, shown)
            self.assertTrue(shown.endswith(b"Error: nothing is deleted\n"), shown)
        self.assertEqual(len(self.keys()), 9)
        code, shown = self.on_terminal("del", "--prefix", "d/", answer=b"y\n")
        self.assertEqual((code, shown.endswith(b"2\n")), (0, True), shown)
        self.assertIn(question, shown)
        self.assertEqual(self.on_terminal("del", "--prefix", "e/", "--yes"), (0, b"2\n"))
        self.assertEqual(self.on_terminal("del", "--prefix", "f/", program=self.etcdctl), (0, b"2\n"))
        self.assertEqual(self.on_terminal("del", "g"), (0, b"1\n"))
        self.assertEqual(self.client("del", "--prefix", "h/"), "2\n")

    def test_an_export_is_imported_as_it_was(self):
        values = {"text": "é\n".encode(), "binary": bytes(range(256)), "empty": b"", 'odd "key\n': b"v"}
        for key, value in values.items():
            self.put(key, value)
        revision = self.put("p/1", b"v")
        got = self.run_client("export")
        self.assertEqual(got.stderr.decode(), f"exported 5 keys as of revision {revision}\n")
        self.assertEqual(len(self.objects("export", "p/")), 1)
        self.assertEqual(self.objects("export", "p/", "--base64")[0]["key"], {"base64": "cC8x"})
        before = self.client("get", "--prefix", "", "-w", "fields")
        self.client("del", "--prefix", "")
        self.assertEqual(len(self.objects("export", f"--rev={revision}")), 5)
        (self.home / "export.jsonl").write_bytes(got.stdout)
        self.assertEqual(self.client("import", str(self.home / "export.jsonl")), "imported 5 keys\n")
        strip = lambda text: [line for line in text.splitlines() if line.startswith(('"Key"', '"Value"'))]
        self.assertEqual(strip(self.client("get", "--prefix", "", "-w", "fields")), strip(before))

    def test_leases_are_imported_if_wanted(self):
        lease, gone = (self.client("lease", "grant", "300").split()[1] for _ in range(2))
        self.put("k", b"v", f"--lease={lease}")
        self.put("l", b"v", f"--lease={gone}")
        revision = self.put("m", b"v")
        self.client("lease", "revoke", gone)
        lines = self.run_client("export", f"--rev={revision}").stdout
        self.assertEqual([json.loads(line).get("ttl") for line in lines.splitlines()], [300, 0, None])
        self.client("lease", "revoke", lease)
        self.assertEqual(self.client("import", stdin=lines), "imported 3 keys\n")
        self.assertNotIn("lease", self.objects("get", "k", "-w", "json")[0]["kvs"][0])
        self.client("del", "--prefix", "")
        for _ in range(2):
            self.assertEqual(self.client("import", "--with-leases", stdin=lines), "imported 2 keys, left out 1 of leases that had expired\n")
        self.assertEqual(self.objects("get", "k", "-w", "json")[0]["kvs"][0]["lease"], int(lease, 16))
        self.assertIn("granted with TTL(300s)", self.client("lease", "timetolive", lease))

    def test_an_import_says_from_where_to_go_on(self):
        lines = [json.dumps({"key": f"k{number}"}) for number in range(300)]
        lines[200] = "{"
        got = self.run_client("import", stdin="\n".join(lines).encode(), code=3)
        self.assertEqual(got.stderr, b"Error: line 201: not JSON\nlines 1 to 200 are imported; go on with --from-line 201\n")
        self.assertEqual(len(self.keys()), 200)
        lines[200] = json.dumps({"key": "mended"})
        self.assertEqual(self.client("import", "--from-line=201", stdin="\n".join(lines).encode()), "imported 100 keys\n")
        self.assertEqual(len(self.keys()), 300)

    def test_an_import_that_a_server_refuses_says_so(self):
        lines = [json.dumps({"key": f"k{number}", "value": "v"}) for number in range(200)]
        lines.append(json.dumps({"key": "large", "value": "v" * 1_800_000}))
        got = self.run_client("import", stdin="\n".join(lines).encode(), code=1)
        self.assertIn(b"request is too large", got.stderr)
        self.assertIn(b"lines 1 to 200 are imported; go on with --from-line 201", got.stderr)

    def test_an_interrupted_import_says_what_it_has_done(self):
        process = subprocess.Popen([TROUPECTL, "import", "--max-txn-ops=1"], env=self.environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.stdin.write(b'{"key":"a"}\n{"key":"b"}\n')
            process.stdin.flush()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while self.keys() != ["a"] and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(process.returncode, 5)
        self.assertIn(b"lines 1 to 1 are imported; go on with --from-line 2", err)

    def test_a_key_may_be_there_twice(self):
        self.assertEqual(self.client("import", stdin=b'{"key":"k","value":"1"}\n\n{"key":"k","value":"2"}\n'), "imported 2 keys\n")
        self.assertEqual(self.client("get", "k", "--print-value-only"), "2\n")

    def test_progress_is_shown_on_a_terminal(self):
        path = self.home / "many.jsonl"
        path.write_text("".join(json.dumps({"key": f"k{number}"}) + "\n" for number in range(2_000)))
        code, shown = self.on_terminal("import", str(path))
        self.assertEqual((code, shown.endswith(b"imported 2000 keys\n")), (0, True), shown)
        self.assertRegex(shown, rb"\r\[=* *\] \d+ / \d+ bytes.*\r\x1b\[K")
        self.assertEqual(self.run_client("import", str(path)).stderr, b"")

    def test_a_mirror_shows_its_progress_on_a_terminal(self):
        for number in range(3):
            self.put(f"from/{number}", b"v")
        words = ["make-mirror", self.server.address, "--prefix=from/", "--dest-prefix=to/"]
        for program, expected in ((TROUPECTL, b"\r3 changes"), (self.etcdctl, b"")):
            leader, follower = pty.openpty()
            process = subprocess.Popen([program, *words], env=self.environment, stdin=follower, stdout=follower, stderr=follower)
            os.close(follower)
            try:
                shown = b""
                deadline = time.monotonic() + (PATIENCE_SECONDS if expected else 1)
                while (not expected or expected not in shown) and time.monotonic() < deadline:
                    if select.select([leader], [], [], 0.05)[0]:
                        shown += os.read(leader, 65536)
                self.assertIsNone(process.poll(), shown)
            finally:
                process.kill()
                process.wait()
                os.close(leader)
            self.assertIn(expected, shown)
            self.assertEqual(shown == b"", expected == b"", shown)

    def test_etcdctl_has_none_of_it(self):
        for words in (["ls"], ["tree"], ["history", "k"], ["diff", "1"], ["export"], ["import"]):
            self.assertIn(b"unknown command", self.run_client(*words, program=self.etcdctl, code=1).stderr)
        self.assertIn(b"unknown shorthand flag: 'o'", self.run_client("get", "k", "-o", "json", program=self.etcdctl, code=1).stderr)


if __name__ == "__main__":
    SERVER = sys.argv.pop(2)
    TROUPECTL = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=1)
