#!/usr/bin/python3
"""The client port with clients that others wrote (grpcio, curl, nghttp, h2load) and with bad ones on plain sockets.

usage: clients_test.py PATH_OF_EDGE_ECHO_SERVER [unittest arguments]
"""

import concurrent.futures
import os
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

SERVER = None
RANGE = "/etcdserverpb.KV/Range"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, 0, 0)


class EchoServer:
    def __init__(self, *arguments, prefix=()):
        self.process = subprocess.Popen([*prefix, SERVER, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def report(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return dict(zip(words[::2], map(float, words[1::2])))

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def end(self):
        """Lets it drain. Returns its exit code."""
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class Client:
    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[
            ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1)])

    def unary(self, path=RANGE):
        return self.channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)

    def download(self, body):
        path = "/etcdserverpb.Maintenance/Snapshot"
        return self.channel.unary_stream(path, request_serializer=bytes, response_deserializer=bytes)(body)

    def talk(self, messages):
        path = "/etcdserverpb.Watch/Watch"
        return self.channel.stream_stream(path, request_serializer=bytes, response_deserializer=bytes)(messages)


def error_of(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return None


def wait_until_closed(connection, seconds):
    """Reads until the other side closes. Returns how long that took; fails after `seconds`."""
    begin = time.monotonic()
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - begin


class WithServer(unittest.TestCase):
    arguments = ("127.0.0.1", 0)

    def setUp(self):
        self.server = EchoServer(*self.arguments)
        self.addCleanup(self.finish)
        self.client = Client(self.server.port)
        self.addCleanup(self.client.channel.close)

    def finish(self):
        self.assertEqual(self.server.end(), 0)


class GoodClients(WithServer):
    def test_unary(self):
        call = self.client.unary()
        self.assertEqual(call(b"abc", timeout=5), b"abc")
        self.assertEqual(call(b"", timeout=5), b"")
        largest = b"x" * 2097152
        self.assertEqual(call(largest, timeout=5), largest)
        self.assertEqual(call(b"m", timeout=5, metadata=[("token", "t"), ("x-bin", b"\0\1\xff")]), b"m")

    def test_errors(self):
        self.assertEqual(error_of(self.client.unary(), b"x" * 2097153, timeout=5),
                         (grpc.StatusCode.RESOURCE_EXHAUSTED,
                          "grpc: received message larger than max (2097153 vs. 2097152)"))
        self.assertEqual(error_of(self.client.unary("/etcdserverpb.KV/Nope"), b"", timeout=5),
                         (grpc.StatusCode.UNIMPLEMENTED, "unknown method Nope for service etcdserverpb.KV"))
        self.assertEqual(error_of(self.client.unary("/a.B/C"), b"", timeout=5),
                         (grpc.StatusCode.UNIMPLEMENTED, "unknown service a.B"))
        # Percent and UTF-8 arrive as they were.
        self.assertEqual(error_of(self.client.unary("/etcdserverpb.Maintenance/Defragment"), b"", timeout=5),
                         (grpc.StatusCode.RESOURCE_EXHAUSTED, "100% of \u00e9 is gone\n"))
        self.assertEqual(error_of(self.client.unary(), b"x" * 1000, timeout=5, compression=grpc.Compression.Gzip),
                         (grpc.StatusCode.UNIMPLEMENTED,
                          'grpc: Decompressor is not installed for grpc-encoding "gzip"'))

    def test_deadline_and_cancellation(self):
        never = self.client.unary("/etcdserverpb.Maintenance/Hash")
        self.assertEqual(error_of(never, b"", timeout=0.3)[0], grpc.StatusCode.DEADLINE_EXCEEDED)
        call = never.future(b"")
        time.sleep(0.1)
        call.cancel()
        self.assertEqual(self.client.unary()(b"after", timeout=5), b"after")

    def test_download(self):
        begin = time.monotonic()
        total = sum(len(part) for part in self.client.download(b"large"))
        self.assertEqual(total, 1600 * 65536)
        print(f"download {total / (time.monotonic() - begin) / 1e6:.0f} MB/s", file=sys.stderr)

    def test_stream_in_both_directions(self):
        messages = [str(i).encode() for i in range(1000)]
        self.assertEqual(list(self.client.talk(iter(messages))), messages)

    def test_many_at_once(self):
        call = self.client.unary()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            bodies = [str(i).encode() * (i % 500) for i in range(5000)]
            self.assertEqual(list(pool.map(lambda body: call(body, timeout=20), bodies)), bodies)

    def test_health(self):
        check = self.client.unary("/grpc.health.v1.Health/Check")
        serving = b"\x08\x01"
        self.assertEqual(check(b"", timeout=5), serving)
        self.assertEqual(error_of(check, b"\x0a\x01x", timeout=5), (grpc.StatusCode.NOT_FOUND, "unknown service"))
        self.assertEqual(error_of(check, b"\x0a\x05x", timeout=5)[0], grpc.StatusCode.INTERNAL)
        watch = self.client.channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=bytes,
                                                 response_deserializer=bytes)
        known, unknown = watch(b""), watch(b"\x0a\x01x")
        self.assertEqual(next(known), serving)
        self.assertEqual(next(unknown), b"\x08\x03")
        self.assertIsNone(known.code() if known.done() else None, "it stays open")
        known.cancel()
        unknown.cancel()

    def test_curl(self):
        def curl(*arguments):
            return subprocess.run(["curl", "-sS", "-m", "10", *arguments], capture_output=True, check=True).stdout
        url = f"http://127.0.0.1:{self.server.port}"
        self.assertEqual(curl(url + "/health?a=b"), b"GET /health?a=b 0\n")
        self.assertEqual(curl(url + "/1", url + "/2"), b"GET /1? 0\nGET /2? 0\n")
        self.assertEqual(curl("-d", "hello", url + "/v3/kv/range"), b"POST /v3/kv/range? 5\n")
        with tempfile.NamedTemporaryFile() as body:
            body.write(b"x" * 1_000_000)
            body.flush()
            # Announced with Expect, and in chunks.
            self.assertEqual(curl("-T", body.name, url + "/k"), b"PUT /k? 1000000\n")
            self.assertEqual(curl("-T", body.name, "-H", "Transfer-Encoding: chunked", url + "/k"),
                             b"PUT /k? 1000000\n")
        # As with etcd, HTTP/2 without TLS means gRPC.
        head = curl("--http2-prior-knowledge", "-i", url + "/health")
        self.assertTrue(head.startswith(b"HTTP/2 415"), head)

    def test_nghttp_and_h2load(self):
        with tempfile.NamedTemporaryFile() as body:
            body.write(b"\0\0\0\1\0" + b"v" * 256)
            body.flush()
            url = f"http://127.0.0.1:{self.server.port}{RANGE}"
            headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
            shown = subprocess.run(["nghttp", "-v", "-n", "-t", "10", "-H", ":method: POST", *headers, "-d", body.name,
                                    url], capture_output=True, text=True, check=True).stdout
            self.assertIn("grpc-status: 0", shown)
            count = 100_000
            load = subprocess.run(["h2load", "-n", str(count), "-c", "20", "-m", "50", "-d", body.name, *headers, url],
                                  capture_output=True, text=True, check=True).stdout
        self.assertIn(f"{count} succeeded, 0 failed, 0 errored", load)
        report = self.server.report()
        rate = next(line for line in load.splitlines() if line.startswith("finished"))
        print(rate, "| server", report, file=sys.stderr)

    def test_drain_ends_with_open_streams(self):
        held = threading.Event()
        stream = self.client.talk(iter(held.wait, True))
        time.sleep(0.2)
        begin = time.monotonic()
        self.assertEqual(self.server.end(), 0)
        self.assertLess(time.monotonic() - begin, 5)
        held.set()
        self.assertEqual(error_of(lambda: list(stream))[0], grpc.StatusCode.UNAVAILABLE)
        self.server = EchoServer(*self.arguments)


class BadClients(WithServer):
    arguments = ("127.0.0.1", 0, 1, "quick")

    def test_slow_and_silent_ones_are_closed(self):
        for first in (b"", b"P", b"GET / HTTP/1.1\r\nHo", PREFACE, PREFACE + SETTINGS + frame(1, 0, 1, b"\x83")):
            with self.subTest(first=first), self.server.connect() as slow:
                slow.sendall(first)
                self.assertLess(wait_until_closed(slow, 10), 4)

    def test_one_byte_at_a_time_is_too_slow(self):
        with self.server.connect() as slow:
            begin = time.monotonic()
            try:
                for byte in b"GET /health HTTP/1.1\r\nHost: a-rather-long-name\r\n\r\n":
                    slow.sendall(bytes([byte]))
                    time.sleep(0.1)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertIn(b" 408 ", slow.recv(1000) or b" 408 ")
            self.assertLess(time.monotonic() - begin, 4)

    def test_a_crowd_of_half_open_connections_does_not_delay_others(self):
        crowd = [self.server.connect() for _ in range(300)]
        try:
            for one in crowd:
                one.sendall(PREFACE[:10])
            times = []
            for _ in range(200):
                begin = time.monotonic()
                self.client.unary()(b"x", timeout=5)
                times.append(time.monotonic() - begin)
            self.assertLess(sorted(times)[100], 0.05)
        finally:
            for one in crowd:
                one.close()

    def test_a_reader_that_takes_nothing_is_cut_off_with_little_memory(self):
        before = self.server.rss_mib()
        with self.server.connect() as stuck:
            request = b"\0\0\0\0\5large"
            # Literal header fields without indexing, in the order HTTP/2 wants.
            fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/etcdserverpb.Maintenance/Snapshot"),
                      (b":authority", b"x"), (b"content-type", b"application/grpc"), (b"te", b"trailers")]
            block = b"".join(b"\0" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in fields)
            big_window = frame(4, 0, 0, struct.pack(">HI", 4, 0x7fffffff))
            open_connection = frame(8, 0, 0, struct.pack(">I", 0x7fff0000))
            stuck.sendall(PREFACE + big_window + open_connection)
            for stream in range(1, 101, 2):
                stuck.sendall(frame(1, 4, stream, block) + frame(0, 1, stream, request))
            time.sleep(0.8)
            self.assertLess(self.server.rss_mib() - before, 40, "50 downloads of 100 MiB that nobody reads")
            time.sleep(1.7)
            self.assertEqual(self.client.unary()(b"x", timeout=5), b"x")
            # What the kernel held still arrives, then the end: far less than was asked for.
            received = 0
            stuck.settimeout(5)
            try:
                while part := stuck.recv(1 << 20):
                    received += len(part)
            except ConnectionResetError:
                pass
            self.assertLess(received, 50 << 20)

    def test_a_body_of_256_mib_leaves_memory_flat(self):
        before = self.server.rss_mib()
        error = error_of(self.client.unary(), b"z" * (256 << 20), timeout=30)
        self.assertEqual(error, (grpc.StatusCode.RESOURCE_EXHAUSTED,
                                 "grpc: received message larger than max (268435456 vs. 2097152)"))
        with self.server.connect() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 268435456\r\n\r\n")
            self.assertIn(b" 413 ", connection.recv(1000))
            try:
                for _ in range(256):
                    connection.sendall(b"z" * (1 << 20))
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                pass
        self.assertLess(self.server.rss_mib() - before, 20)

    def unfinished_request(self, query):
        """Sends more of a request than is read before it is answered, and leaves."""
        head = b"POST /v3/watch?%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % query
        with self.server.connect() as connection:
            connection.sendall(head + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 18)
            time.sleep(0.05)

    def assert_descriptors_return_to(self, before):
        deadline = time.monotonic() + 10
        while self.server.descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertLessEqual(self.server.descriptors(), before)

    def test_who_leaves_while_it_is_not_read_is_noticed(self):
        for query in (b"never", b"refused"):
            with self.subTest(query):
                before = self.server.descriptors()
                for _ in range(10):
                    self.unfinished_request(query)
                self.assert_descriptors_return_to(before)

    def test_reading_goes_on_after_each_pause(self):
        for count, size in ((400, 3000), (60, 40000), (40, 60000)):
            request = b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * size + b"\r\n\r\n"
            with self.subTest(size), self.server.connect() as connection:
                sender = threading.Thread(target=connection.sendall, args=(request * count,))
                sender.start()
                connection.settimeout(5)
                received = b""
                while received.count(b"GET /health? 0\n") < count:
                    part = connection.recv(65536)
                    self.assertTrue(part)
                    received += part
                sender.join()

    def test_floods_are_cut_off(self):
        for name, attack in {
            "ping": frame(6, 0, 0, b"12345678"),
            "settings": SETTINGS,
            "empty data on no stream": frame(0, 0, 1, b""),
            "continuation": frame(9, 0, 1, b"\x83" * 1000),
        }.items():
            with self.subTest(name), self.server.connect() as connection:
                first = frame(1, 0, 1, b"\x83") if name == "continuation" else b""
                connection.sendall(PREFACE + SETTINGS + first)
                with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                    begin = time.monotonic()
                    while time.monotonic() - begin < 10:
                        connection.sendall(attack * 100)
        self.assertEqual(self.client.unary()(b"x", timeout=5), b"x")

    def test_garbage_and_tls_are_refused(self):
        for attack in (b"\x16\x03\x01\x02\x00" + b"x" * 512, os.urandom(2000), b"\0" * 100, PREFACE + b"\xff" * 200):
            with self.subTest(attack[:6]), self.server.connect() as connection:
                connection.sendall(attack)
                self.assertLess(wait_until_closed(connection, 10), 4)


class Places(unittest.TestCase):
    def test_several_edges_share_a_port(self):
        server = EchoServer("127.0.0.1", 0, 2)
        try:
            clients = [Client(server.port) for _ in range(16)]
            for i, client in enumerate(clients):
                self.assertEqual(client.unary()(str(i).encode(), timeout=5), str(i).encode())
                client.channel.close()
        finally:
            self.assertEqual(server.end(), 0)

    def test_a_socket_file(self):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(2):  # the second finds the file of the first
                path = directory + "/client.sock"
                server = EchoServer(path)
                try:
                    shown = subprocess.run(["curl", "-sS", "-m", "5", "--unix-socket", path, "http://x/health"],
                                           capture_output=True, check=True).stdout
                    self.assertEqual(shown, b"GET /health? 0\n")
                finally:
                    self.assertEqual(server.end(), 0)

    def test_descriptors_do_not_run_out(self):
        server = EchoServer("127.0.0.1", 0, prefix=["prlimit", "--nofile=1100:1100"])
        crowd = []
        try:
            client = Client(server.port)
            self.assertEqual(client.unary()(b"x", timeout=5), b"x")
            alone = server.descriptors()
            for _ in range(800):
                crowd.append(server.connect())
                crowd[-1].sendall(PREFACE + SETTINGS)
            # Clients may have half of so few; they get no more as time passes.
            full = alone + 549
            deadline = time.monotonic() + 20
            while server.descriptors() < full and time.monotonic() < deadline:
                time.sleep(0.1)
            before = server.cpu_seconds()
            time.sleep(1)
            self.assertEqual(server.descriptors(), full)
            self.assertLess(server.cpu_seconds() - before, 0.3, "the acceptor must not spin")
            self.assertEqual(client.unary()(b"x", timeout=5), b"x")
            for one in crowd[:400]:
                one.close()
            time.sleep(1)
            # Those who waited are served now.
            self.assertTrue(crowd[-1].recv(100))
            client.channel.close()
        finally:
            for one in crowd:
                one.close()
            self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    unittest.main(verbosity=2)
