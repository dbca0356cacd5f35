"""The client API for whole-system tests in Python: messages generated from messages/proto, calls
by raw bytes.

Usage:
    api = EtcdApi()                           # runs protoc once, into a temporary directory
    request = api.RangeRequest(key=b"a")      # any message of package etcdserverpb
    client = Client("127.0.0.1:2379")
    answer = client.call("KV/Range", request.SerializeToString())
    if answer.ok: response = api.RangeResponse.FromString(answer.payload)

Needs Debian's python3-grpcio, python3-protobuf and protobuf-compiler. Requests and answers travel
as bytes, so that a test can also send what no client library would.
"""

import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

os.environ.setdefault(
    "GRPC_ENABLE_FORK_SUPPORT", "0"
)  # tests start servers while calls are under way
import grpc

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_MESSAGE_BYTES = 64 << 20


class EtcdApi:
    """Every message of etcdserverpb as an attribute; `mvccpb`, `v3lockpb` and `v3electionpb` have
    those of these packages.
    """

    def __init__(self):
        out = tempfile.mkdtemp(prefix="troupe-api-")
        schemas = [
            SOURCE_ROOT / "messages/proto" / f"{name}.proto"
            for name in ("kv", "auth", "rpc", "v3lock", "v3election")
        ]
        subprocess.run(["protoc", f"-I{SOURCE_ROOT}", f"--python_out={out}", *schemas], check=True)
        sys.path.insert(0, out)
        importlib.invalidate_caches()
        self._rpc = importlib.import_module("messages.proto.rpc_pb2")
        self.mvccpb = importlib.import_module("messages.proto.kv_pb2")
        self.v3lockpb = importlib.import_module("messages.proto.v3lock_pb2")
        self.v3electionpb = importlib.import_module("messages.proto.v3election_pb2")
        sys.path.remove(out)
        shutil.rmtree(out)  # now: a server that uses this ends by SIGKILL

    def __getattr__(self, name):
        return getattr(self._rpc, name)


class Answer(NamedTuple):
    """What came back from one call; `payload` is the message's bytes if `code` is "OK", else
    empty.
    """

    code: str
    text: str
    payload: bytes
    metadata: tuple

    @property
    def ok(self):
        return self.code == "OK"


class Client:
    """One HTTP/2 connection of its own to `address` (host:port)."""

    def __init__(self, address, options=()):
        """`options`: gRPC's, beside the usual ones."""
        self._channel = grpc.insecure_channel(
            address,
            options=[
                (
                    "grpc.use_local_subchannel_pool",
                    1,
                ),  # else channels to one address share a connection
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.enable_retries", 0),
                *options,
            ],
        )
        self._methods = {}

    def call(self, method, payload, timeout=20.0):
        """Sends `payload` to "Service/Method" of etcdserverpb, or to an absolute "/path", and
        waits.
        """
        path = method if method.startswith("/") else f"/etcdserverpb.{method}"
        stub = self._methods.get(path)
        if stub is None:
            stub = self._methods[path] = self._channel.unary_unary(path)
        try:
            payload, call = stub.with_call(payload, timeout=timeout)
            return Answer("OK", "", payload, _metadata(call))
        except grpc.RpcError as error:
            return Answer(error.code().name, error.details(), b"", _metadata(error))

    def stream(self, method, requests, metadata=(), timeout=None):
        """Opens a stream of "Service/Method" that sends what the iterator `requests` yields;
        returns gRPC's call, which yields the answers.
        """
        return self._channel.stream_stream(f"/etcdserverpb.{method}")(
            requests, metadata=metadata, timeout=timeout
        )

    def close(self):
        self._channel.close()


def _metadata(call):
    return tuple(sorted((pair.key, pair.value) for pair in call.trailing_metadata() or ()))
