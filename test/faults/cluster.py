"""A cluster of real processes, one member to a network namespace.

    with Cluster(api, ["/usr/bin/etcd", "--pre-vote"], network, directory, timing) as cluster:
        leader = cluster.leader()
        cluster[leader].kill(); cluster[leader].start()

The command takes etcd's flags (--initial-cluster and so on); Debian's etcd does.
"""

import subprocess
import time
from typing import NamedTuple

from etcd_api import Client
from server_process import Server, ServerFailed

CLIENT_PORT, PEER_PORT = 2379, 2380
STATUS_TIMEOUT = 0.5
# gRPC waits up to two minutes before it tries a lost server again.
RECONNECT = (
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)


class Timing(NamedTuple):
    heartbeat_ms: int
    election_ms: int

    @property
    def election(self):
        return self.election_ms / 1000


class Member(Server):
    """Server in a namespace of its own; `starts` counts its lives."""

    def __init__(self, command, network, name, directory, timing, environment=None):
        super().__init__(
            [*network.inside(name), *command],
            directory,
            [
                f"--heartbeat-interval={timing.heartbeat_ms}",
                f"--election-timeout={timing.election_ms}",
                "--initial-cluster-state=new",
            ],
            environment,
        )
        self.name = name
        self.address = f"{network.address[name]}:{CLIENT_PORT}"
        self.peer_address = f"{network.address[name]}:{PEER_PORT}"
        self.initial_cluster = ",".join(
            f"{other}=http://{address}:{PEER_PORT}" for other, address in network.address.items()
        )
        self.starts = 0

    def start(self):
        self.starts += 1
        super().start()

    @property
    def life(self):
        """The member's name for a history: another one after each start, for etcd's serializable
        reads fall back when it restarts.
        """
        return f"{self.name}.{self.starts}"


class Cluster:
    def __init__(self, api, command, network, directory, timing, environments=None):
        """`environments`: name -> environment of that member."""
        self.api = api
        self.timing = timing
        self.members = {
            name: Member(
                command, network, name, directory / name, timing, (environments or {}).get(name)
            )
            for name in network.names
        }
        self._clients = {}

    def __enter__(self):
        try:
            self.start(self.names)
        except BaseException:
            self.kill(self.names)
            raise
        return self

    def __exit__(self, *_):
        for client in self._clients.values():
            client.close()
        self.kill(self.names)

    def __getitem__(self, name):
        return self.members[name]

    @property
    def names(self):
        return list(self.members)

    def start(self, names):
        """All at once, and waits until each serves."""
        for name in names:
            self[name].start()
        for name in names:
            self[name].wait_ready()

    def kill(self, names):
        for name in names:
            if self[name].running:
                self[name].signal(9)
        for name in names:
            self[name].kill()

    def call(self, name, method, request, timeout):
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = Client(self[name].address, RECONNECT)
        return client.call(method, request.SerializeToString(), timeout)

    def status(self, name):
        """StatusResponse, or nothing if the member does not answer."""
        answer = self.call(name, "Maintenance/Status", self.api.StatusRequest(), STATUS_TIMEOUT)
        return self.api.StatusResponse.FromString(answer.payload) if answer.ok else None

    def leader_now(self):
        """The name of who says of itself that it leads, in the newest term; or nothing."""
        claims = []
        for name in self.names:
            status = self.status(name) if self[name].running else None
            if status and status.leader == status.header.member_id:
                claims.append((status.raftTerm, name))
        return max(claims)[1] if claims else None

    def leader(self, timeout=15.0):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if name := self.leader_now():
                return name
            time.sleep(0.02)
        raise ServerFailed(f"no leader after {timeout} s\n" + self.log_tails())

    def followers(self):
        leader = self.leader()
        return [name for name in self.names if name != leader]

    def term(self):
        """The newest that any member knows."""
        return max((s.raftTerm for s in map(self.status, self.names) if s), default=0)

    def hashes(self, revision):
        """Name -> hash of all keys up to `revision`, of the members that answer."""
        request = self.api.HashKVRequest(revision=revision)
        result = {}
        for name in self.names:
            answer = self.call(name, "Maintenance/HashKV", request, 5.0)
            if answer.ok:
                result[name] = self.api.HashKVResponse.FromString(answer.payload).hash
        return result

    def log_tails(self):
        return "\n".join(f"--- {name}\n{self[name].log_tail()}" for name in self.names)


def mount_tmpfs(directory, megabytes):
    """A small disk; it goes with the namespaces."""
    directory.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(directory)], check=True)
