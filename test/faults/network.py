"""Members in network namespaces on one bridge, and what can go wrong between them.

    network = Network(["m1", "m2", "m3"])
    network.cut("m1", "m2")            # nothing more from m1 to m2; m2 to m1 still goes
    network.heal()

Inside namespaces.enter() only. This process sits at the bridge and reaches everybody always.

A cut is a neighbour entry that leads nowhere: packets vanish without a word, of connections that
stand too. It needs no packet filter, which not every kernel has. Delay and loss come from relay.py
for the same reason (netem is a module).
"""

import json
import subprocess
import sys
from pathlib import Path

PREFIX = "10.77.0."
HOST = PREFIX + "254"
NOWHERE = "02:00:00:00:00:ff"


def _ip(*arguments, check=True):
    quiet = None if check else subprocess.DEVNULL
    subprocess.run(["ip", *arguments], check=check, stderr=quiet)


class Network:
    def __init__(self, names, relayed=False):
        """`relayed`: members hang on relays, so that `slow` works."""
        self.names = list(names)
        self.address = {name: f"{PREFIX}{i}" for i, name in enumerate(self.names, 1)}
        self._relays = {}
        self._cuts = set()
        try:
            self._build(relayed)
        except BaseException:
            self.close()
            raise

    def _build(self, relayed):
        _ip("link", "add", "bridge", "type", "bridge")
        _ip("addr", "add", f"{HOST}/24", "dev", "bridge")
        _ip("link", "set", "bridge", "up")
        for name in self.names:
            _ip("netns", "add", name)
            (self._relay if relayed else self._plug)(name)
            _ip("link", "set", f"to-{name}", "master", "bridge", "up")
            _ip("-n", name, "addr", "add", f"{self.address[name]}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def close(self):
        for relay in self._relays.values():
            relay.kill()
            relay.wait()
        for name in self.names:
            if name not in self._relays:  # at once: with its namespace it would go some time later
                _ip("link", "del", f"to-{name}", check=False)
            _ip("netns", "del", name, check=False)
        _ip("link", "del", "bridge", check=False)

    def inside(self, name):
        """The beginning of a command that runs at this member's place."""
        return ["nsenter", f"--net=/run/netns/{name}"]

    def cut(self, source, target):
        self._cuts.add((source, target))
        self._neighbour("replace", source, target, "lladdr", NOWHERE, "nud", "permanent")

    def isolate(self, name):
        for other in self.names:
            if other != name:
                self.cut(name, other)
                self.cut(other, name)

    def heal(self):
        for source, target in sorted(self._cuts):
            self._neighbour("del", source, target)
        self._cuts.clear()
        for name in self._relays:
            self.slow(name, 0, 0, 0)

    def slow(self, name, delay_ms, jitter_ms, loss):
        """From now on, in both directions; `loss`: the part of packets that vanish."""
        relay = self._relays[name]
        relay.stdin.write(json.dumps([delay_ms, jitter_ms, loss]) + "\n")
        relay.stdin.flush()

    def _neighbour(self, verb, source, target, *rest):
        _ip("-n", source, "neigh", verb, self.address[target], *rest, "dev", "eth0")

    def _plug(self, name):
        _ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)

    def _relay(self, name):
        relay = subprocess.Popen(
            [sys.executable, "-B", str(Path(__file__).parent / "relay.py"), f"at-{name}"]
            + [f"to-{name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._relays[name] = relay
        if relay.stdout.readline() != "ready\n":
            raise RuntimeError("the relay has not started")
        _ip("link", "set", f"at-{name}", "netns", name, "name", "eth0")
