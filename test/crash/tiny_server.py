#!/usr/bin/python3
"""A key-value server of a hundred lines for the crash test's own tests: right by default, wrong
on demand.

Usage: tiny_server.py ETCD-FLAGS [--bug NAME]
Serves Txn (puts only), Range and Maintenance/Status from memory, over a log of checksummed
records that is synced before each answer. Being Python it writes through libc, so that
libunsynced.so sees it.

Bugs: early-ack (answers before the sync), half-txn (a record and a sync per put),
forgets-revision (counts from the number of keys after a restart), no-directory-sync (of the new
log).
"""

import argparse
import os
import struct
import sys
import threading
import zlib
from concurrent import futures
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from etcd_api import EtcdApi

import grpc

HEADER = struct.Struct("<II")


class Store:
    """`data`: key -> mvccpb.KeyValue."""

    def __init__(self, api, directory, bug):
        self._api = api
        self._bug = bug
        self._lock = threading.Lock()
        self.data = {}
        self.revision = 1
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "log")
        self._log = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if bug != "no-directory-sync":
            parent = os.open(directory, os.O_RDONLY)
            os.fsync(parent)
            os.close(parent)
        self._end = self._recover(path)
        if bug == "forgets-revision":
            self.revision = len(self.data) + 1

    def _recover(self, path):
        content, at = Path(path).read_bytes(), 0
        while at + HEADER.size <= len(content):
            length, checksum = HEADER.unpack_from(content, at)
            record = content[at + HEADER.size : at + HEADER.size + length]
            if length == 0 or len(record) < length or zlib.crc32(record) != checksum:
                break
            revision, payload = struct.unpack_from("<q", record)[0], record[8:]
            self._apply(revision, self._api.TxnRequest.FromString(payload))
            at += HEADER.size + length
        os.ftruncate(self._log, at)
        os.fdatasync(self._log)
        return at

    def _apply(self, revision, txn):
        self.revision = revision
        for operation in txn.success:
            put = operation.request_put
            old = self.data.get(put.key)
            self.data[put.key] = self._api.mvccpb.KeyValue(
                key=put.key,
                value=put.value,
                mod_revision=revision,
                create_revision=old.create_revision if old else revision,
                version=old.version + 1 if old else 1,
            )

    def _append(self, revision, txn):
        record = struct.pack("<q", revision) + txn.SerializeToString()
        framed = HEADER.pack(len(record), zlib.crc32(record)) + record
        os.pwrite(self._log, framed, self._end)
        self._end += len(framed)

    def commit(self, txn):
        with self._lock:
            revision = self.revision + 1
            parts = [txn]
            if self._bug == "half-txn":
                parts = [self._api.TxnRequest(success=[operation]) for operation in txn.success]
            for part in parts:
                self._append(revision, part)
                if self._bug != "early-ack" or revision % 64 == 0:
                    os.fdatasync(self._log)
            self._apply(revision, txn)
            return revision

    def read(self, request):
        with self._lock:
            if request.range_end:
                found = [
                    self.data[key]
                    for key in sorted(self.data)
                    if request.key <= key < request.range_end
                ]
            else:
                found = [self.data[request.key]] if request.key in self.data else []
            return self.revision, found


def handlers(api, store):
    def txn(request, context):
        revision = store.commit(request)
        return api.TxnResponse(header=api.ResponseHeader(revision=revision), succeeded=True)

    def read(request, context):
        revision, found = store.read(request)
        return api.RangeResponse(
            header=api.ResponseHeader(revision=revision), kvs=found, count=len(found)
        )

    def status(request, context):
        return api.StatusResponse(version="0.0.0")

    def unary(function, request):
        return grpc.unary_unary_rpc_method_handler(
            function,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    return [
        grpc.method_handlers_generic_handler(
            "etcdserverpb.KV",
            {"Txn": unary(txn, api.TxnRequest), "Range": unary(read, api.RangeRequest)},
        ),
        grpc.method_handlers_generic_handler(
            "etcdserverpb.Maintenance", {"Status": unary(status, api.StatusRequest)}
        ),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--listen-client-urls", required=True)
    parser.add_argument("--bug", default="")
    arguments, _ = parser.parse_known_args()
    api = EtcdApi()
    store = Store(api, arguments.data_dir, arguments.bug)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers(handlers(api, store))
    server.add_insecure_port(arguments.listen_client_urls.removeprefix("http://"))
    server.start()
    print("ready to serve client requests", file=sys.stderr, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
