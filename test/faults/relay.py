#!/usr/bin/python3
"""Carries frames between two TAP devices, late and not all of them.

Usage: relay.py DEVICE OTHER     makes both; ends with its input

Each line of the input is a JSON list: delay and jitter in milliseconds, and the part of frames to
lose. Frames may overtake each other, as jitter wants it.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
MAX_FRAME_BYTES = 65536
MAX_QUEUED_FRAMES = 10_000  # beyond it frames are lost, as in a switch


def open_tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


def deliver(queue, now):
    while queue and queue[0][0] <= now:
        _, _, device, frame = heapq.heappop(queue)
        try:
            os.write(device, frame)
        except OSError:
            pass  # the device is not up yet: as good as lost


def main():
    first, second = (open_tap(name) for name in sys.argv[1:3])
    print("ready", flush=True)
    draw = random.Random(1)
    delay, jitter, loss = 0.0, 0.0, 0.0
    queue, count = [], 0
    while True:
        wait = max(0.0, queue[0][0] - time.monotonic()) if queue else None
        readable, _, _ = select.select([first, second, sys.stdin], [], [], wait)
        now = time.monotonic()
        if sys.stdin in readable:
            lines = os.read(sys.stdin.fileno(), 4096)  # one write each: whole lines
            if not lines:
                return
            delay, jitter, loss = json.loads(lines.splitlines()[-1])
        for source, target in ((first, second), (second, first)):
            if source not in readable:
                continue
            frame = os.read(source, MAX_FRAME_BYTES)
            if draw.random() >= loss and len(queue) < MAX_QUEUED_FRAMES:
                count += 1
                due = now + max(0.0, delay + draw.uniform(-jitter, jitter)) / 1000
                heapq.heappush(queue, (due, count, target, frame))
        deliver(queue, now)


if __name__ == "__main__":
    main()
