#!/usr/bin/python3
"""Data channels and TCP (the kernel's CUBIC) through the same link: in turns, and at the same time.

Usage: congestion.py PREFIX CASE BUILD_DIR ADDRESS_B ROOMS_URL     run by congestion.sh, which sets the link up as the case's first line says
       congestion.py --cases

A flow of ours is `caller --data | callee --data`, fed with as many bytes as it takes; a flow of TCP is a socket with TCP_CONGESTION cubic. Both are
measured where they arrive, from their first byte on, start-up included. Beside them a voice's worth of datagrams crosses the link: what a call would notice.

Exit code 75: not even TCP filled a link of its own, so the machine was too busy for the case to mean anything.
"""
import bisect
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

from prober import inside, make_socket

SECONDS_EACH = float(os.environ.get("SECONDS_EACH", "15"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
MACHINE_BUSY = 75
TCP_CONGESTION = 13
TCP_PORT = 5001
VOICE_PORT = 5002
VOICE_EVERY_SECONDS = 0.02
VOICE_BYTES = 172
SO_TIMESTAMPNS = 35
START_PATIENCE_SECONDS = 20
STEADY_AFTER_SECONDS = 5  # what comes before is start-up

failures = 0
is_busy = False


def finding(what, seen, low, high=float("inf")):
    global failures
    good = low <= seen <= high
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}: {seen:.4g} (promised {low:.4g} to {high:.4g})", flush=True)


def mbps(bytes_, seconds):
    return bytes_ * 8 / seconds / 1e6


class Meter:
    """What arrived when."""

    def __init__(self):
        self.times, self.sums, self.total = [], [], 0

    def took(self, count):
        self.total += count
        self.times.append(time.monotonic())
        self.sums.append(self.total)

    def at(self, when):
        index = bisect.bisect_right(self.times, when)
        return self.sums[index - 1] if index else 0

    def goodput(self, begin, end):
        return mbps(self.at(end) - self.at(begin), end - begin)


class Lab:
    def __init__(self, prefix, build, address, rooms):
        self.prefix, self.build, self.address, self.rooms = prefix, build, address, rooms
        self.room = 0

    def node(self, name):
        return f"{self.prefix}-{name}"


class Flow:
    """Runs from start() to stop(); meter says what came out."""

    def __init__(self):
        self.meter, self.is_ended = Meter(), False
        self.threads = []

    def run(self, *functions):
        for function in functions:
            thread = threading.Thread(target=function, daemon=True)
            thread.start()
            self.threads.append(thread)

    def wait_first_byte(self):
        end = time.monotonic() + START_PATIENCE_SECONDS
        while not self.meter.times:
            if time.monotonic() > end:
                raise SystemExit(f"{self.name}: nothing arrived")
            time.sleep(0.001)
        return self.meter.times[0]


class Tcp(Flow):
    name = "TCP"

    def __init__(self, lab, port=TCP_PORT):
        super().__init__()
        self.listener = make_socket(lab.node("hB"), socket.AF_INET, socket.SOCK_STREAM, lab.address, port)
        self.listener.listen(1)
        with inside(lab.node("hA")):
            self.sender = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sender.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, b"cubic")
        self.sender.connect((lab.address, port))
        self.receiver = self.listener.accept()[0]

    def start(self):
        self.run(self.send, self.receive)

    def send(self):
        piece = bytes(65536)
        try:
            while not self.is_ended:
                self.sender.send(piece)
        except OSError:
            pass

    def receive(self):
        try:
            while piece := self.receiver.recv(262144):
                self.meter.took(len(piece))
        except OSError:
            pass

    def stop(self):
        self.is_ended = True
        for each in (self.sender, self.receiver, self.listener):
            # what waits in the sender's buffer would come into the next one's time
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()


class Channel(Flow):
    name = "data channel"

    def __init__(self, lab):
        super().__init__()
        lab.room += 1
        url = f"{lab.rooms}flow{lab.room}"

        def program(node, name, **pipes):
            return subprocess.Popen(["ip", "netns", "exec", lab.node(node), f"{lab.build}/{name}", "--data", "flow", url], stderr=subprocess.DEVNULL, **pipes)

        self.callee = program("hB", "callee", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.caller = program("hA", "caller", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def start(self):
        self.run(self.send, self.receive)

    def send(self):
        piece = bytes(65536)
        try:
            while not self.is_ended:
                os.write(self.caller.stdin.fileno(), piece)
        except OSError:
            pass

    def receive(self):
        while piece := os.read(self.callee.stdout.fileno(), 262144):
            self.meter.took(len(piece))

    def stop(self):
        self.is_ended = True
        for each in (self.caller, self.callee):
            each.terminate()
        for each in (self.caller, self.callee):
            each.wait()


class Voice:
    """Datagrams as a call sends them. How much longer than the shortest did they take, and how many were lost?"""

    def __init__(self, lab):
        self.sender = make_socket(lab.node("hA"), socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0")
        self.receiver = make_socket(lab.node("hB"), socket.AF_INET, socket.SOCK_DGRAM, lab.address, VOICE_PORT)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # by the kernel: our own scheduling is no queue
        self.address = (lab.address, VOICE_PORT)
        self.sent, self.delays = [], {}
        for function in (self.send, self.receive):
            threading.Thread(target=function, daemon=True).start()

    def send(self):
        began = time.monotonic()
        while True:
            number = len(self.sent)
            time.sleep(max(0.0, began + number * VOICE_EVERY_SECONDS - time.monotonic()))
            self.sent.append(time.monotonic())
            self.sender.sendto(struct.pack("!IQ", number, time.time_ns()).ljust(VOICE_BYTES, b"v"), self.address)

    def receive(self):
        while True:
            data, control, _, _ = self.receiver.recvmsg(2048, 64)
            number, sent_ns = struct.unpack("!IQ", data[:12])
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            self.delays[number] = (seconds * 10**9 + nanoseconds - sent_ns) / 1e6

    def report(self, begin, end):
        """Percentiles of the queue in ms, and the percentage lost, of what was sent in that time."""
        floor = min(self.delays.values())
        numbers = [i for i, at in enumerate(self.sent) if begin <= at < end - 1.0]
        queue = sorted(self.delays[i] - floor for i in numbers if i in self.delays)
        lost = 100 * (1 - len(queue) / len(numbers))
        return {"mean": statistics.mean(queue), "p95": queue[int(0.95 * len(queue))], "max": queue[-1], "lost": lost}


def text(voice):
    return f"queue {voice['mean']:.0f} ms on average, {voice['p95']:.0f} at 95 %, {voice['max']:.0f} at most; {voice['lost']:.1f} % of the voice lost"


def alone(lab, voice, kind):
    """One flow by itself: goodput from its first byte on, the least second once started, the voice beside it."""
    flow = kind(lab)
    flow.start()
    begin = flow.wait_first_byte()
    time.sleep(SECONDS_EACH)
    end = begin + SECONDS_EACH
    flow.stop()
    goodput = flow.meter.goodput(begin, end)
    seconds = [flow.meter.goodput(begin + at, begin + at + 1) for at in range(STEADY_AFTER_SECONDS, int(SECONDS_EACH))]
    steady = flow.meter.goodput(begin + STEADY_AFTER_SECONDS, end)
    seen = voice.report(begin, end)
    print(f"     {flow.name}: {goodput:.2f} Mbit/s, {steady:.2f} after {STEADY_AFTER_SECONDS} s, {min(seconds):.2f} in the worst second; {text(seen)}", flush=True)
    time.sleep(1.0)
    return goodput, steady, min(seconds), seen


def in_turns(lab):
    voice = Voice(lab)
    time.sleep(0.5)
    results = {Tcp: [], Channel: []}
    for _ in range(ROUNDS):
        for kind in (Tcp, Channel):
            results[kind].append(alone(lab, voice, kind))
    return {kind: [statistics.median(column) for column in list(zip(*rows))[:3]] for kind, rows in results.items()}


def busy_unless(tcp, least):
    global is_busy
    if tcp < least:
        print(f"     TCP alone got {tcp:.2f} Mbit/s where {least:.2f} is the least of an idle machine", flush=True)
        is_busy = True


def link(lab):
    """delay_ms=50 rate_kbps=50000 queue_bytes=625000"""
    medians = in_turns(lab)
    busy_unless(medians[Tcp][1], 0.9 * 50 * 1448 / 1500)
    finding("goodput, start-up included, part of TCP's", medians[Channel][0] / medians[Tcp][0], 0.90)
    finding("goodput once started, part of TCP's", medians[Channel][1] / medians[Tcp][1], 0.90)
    finding("the worst second once started, part of our own goodput", medians[Channel][2] / medians[Channel][1], 0.6)


def short(lab):
    """delay_ms=50 rate_kbps=50000 queue_bytes=100000"""
    medians = in_turns(lab)
    finding("goodput behind a queue of 16 ms, start-up included, part of TCP's", medians[Channel][0] / medians[Tcp][0], 0.90)


def lossy(lab):
    """delay_ms=25 rate_kbps=50000 queue_bytes=625000 loss=1"""
    medians = in_turns(lab)
    finding("goodput at 1 % loss, part of TCP's", medians[Channel][0] / medians[Tcp][0], 1.0)


def together(lab, voice, kinds):
    """Flows at the same time: shares after start-up, Jain's index, the voice beside them."""
    flows = [kind(lab) if kind is Channel else kind(lab, TCP_PORT + 10 + i) for i, kind in enumerate(kinds)]
    time.sleep(0.5)
    for flow in flows:
        flow.start()
    begin = max(flow.wait_first_byte() for flow in flows)
    time.sleep(SECONDS_EACH)
    end = begin + SECONDS_EACH
    begin += STEADY_AFTER_SECONDS
    for flow in flows:
        flow.stop()
    shares = [flow.meter.goodput(begin, end) for flow in flows]
    jain = sum(shares) ** 2 / len(shares) / sum(share**2 for share in shares)
    names = " + ".join(f"{flow.name} {share:.1f}" for flow, share in zip(flows, shares))
    print(f"     {names} Mbit/s, Jain {jain:.3f}; {text(voice.report(begin, end))}", flush=True)
    time.sleep(1.0)
    return shares, jain


def every_mixture(lab, *mixtures):
    voice = Voice(lab)
    for _ in range(ROUNDS):
        for kinds in mixtures:
            together(lab, voice, kinds)


def shared(lab):
    """delay_ms=25 rate_kbps=50000 queue_bytes=312500"""
    every_mixture(lab, (Tcp, Tcp), (Tcp, Channel), (Channel, Channel))


def deep(lab):
    """delay_ms=25 rate_kbps=20000 queue_bytes=1000000"""
    every_mixture(lab, (Tcp,), (Channel,), (Tcp, Channel))


CASES = (link, short, lossy, shared, deep)


def main(arguments):
    if arguments == ["--cases"]:
        for case in CASES:
            print(case.__name__, case.__doc__)
        return 0
    prefix, name, build, address, rooms = arguments
    {case.__name__: case for case in CASES}[name](Lab(prefix, build, address, rooms))
    if is_busy and failures:
        return MACHINE_BUSY
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
