#!/usr/bin/python3
"""An attacker on the public segment: sees every packet between the homes, can send with any source address, knows no password.

Usage: attack.py PREFIX FOLDER [SECONDS]       while a call of lab_call.sh runs; FOLDER is its OUT

To be started before the call. From the first check on it answers; once both sides are connected it strikes at both ends' outside addresses, for SECONDS
(default 6), in turns:
  answers   to every consent check that passes, at once and faster than the peer: success with another mapped address, 487, 400, 401, 403,
            500, with the right transaction id and the peer's address, but integrity of its own making or none
  flood     Binding requests from 10,000 ports of its own address, with USE-CANDIDATE, invented user names and integrity
  replay    every check and answer seen so far, from the peer's address and from its own
  garbage   DTLS alerts and hellos, RTP, RTCP BYE, ChannelData, with the peer's address
Then it judges: the selected pairs are what they were, media kept flowing in every second, and the blows really arrived (UDP counters of
the hosts). Prints what it did, exits 1 when the call took harm. No code is shared with the programs.
"""
import json
import os
import random
import socket
import struct
import sys
import time
import zlib

from lab_report import lines_of
from prober import inside

ATTACKER = "203.0.113.66"
FLOOD_PORTS = range(20000, 30000)
MAGIC = 0x2112A442
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
CONNECT_PATIENCE_SECONDS = 20
PACE_SECONDS = 0.0004  # 2,500 blows a second, fifty times the call's own packets
SETUP_MAX_MS = 400  # some 100 without an attacker; one retransmission that it provokes would cost 500
AUDIO_MIN_PER_SECOND = 45  # of 50
VIDEO_MIN_PER_SECOND = 20  # of 30


# ---- packets -----------------------------------------------------------------------------------------------------------

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagram(source, destination, payload):
    """A whole IPv4 datagram from (ip, port) to (ip, port)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    udp = udp[:6] + struct.pack("!H", checksum(addresses + struct.pack("!HH", 17, len(udp)) + udp) or 0xffff) + udp[8:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), random.getrandbits(16), 0, 64, 17, 0) + addresses
    return header + udp


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def stun(kind, transaction, attributes, integrity=True):
    """RFC 8489 section 5; integrity of random bytes, for there is no key, and a FINGERPRINT that is right, for that needs none."""
    if integrity:
        attributes += attribute(0x0008, os.urandom(20))
    head = struct.pack("!HHI", kind, len(attributes) + 8, MAGIC) + transaction
    crc = zlib.crc32(head + attributes) ^ 0x5354554E
    return head + attributes + attribute(0x8028, struct.pack("!I", crc))


def mapped(address):
    port = address[1] ^ (MAGIC >> 16)
    ip = struct.unpack("!I", socket.inet_aton(address[0]))[0] ^ MAGIC
    return attribute(0x0020, struct.pack("!BBHI", 0, 1, port, ip))


def error(code):
    return attribute(0x0009, struct.pack("!HBB", 0, code // 100, code % 100) + b"forged")


def forged_request():
    name = "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789+/", k=4))
    return stun(BINDING_REQUEST, os.urandom(12), attribute(0x0006, f"{name}:{name}".encode()) + attribute(0x0024, struct.pack("!I", 0x7fffffff))
                + attribute(0x8029, os.urandom(8)) + attribute(0x0025, b""))


def forged_answers(transaction):
    for integrity in (True, False):
        yield stun(BINDING_SUCCESS, transaction, mapped((ATTACKER, 6666)), integrity)
        for code in (487, 400, 401, 403, 500):
            yield stun(BINDING_ERROR, transaction, error(code), integrity)


GARBAGE = [
    b"\x15\xfe\xfd\0\0\0\0\0\0\0\x07\0\x02\x02\x28",              # DTLS alert, fatal, handshake_failure, epoch 0
    b"\x15\xfe\xfd\0\x01\0\0\0\0\0\x63\0\x02\x01\x00",            # close_notify that claims epoch 1
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\x08\0\x10" + b"\x01" + bytes(15),  # a hello's beginning
    b"\x80\xc9\0\x01" + bytes(4), b"\x80\xcb\0\x01\0\0\0\x01",    # RTCP RR, BYE
    b"\x80\x6f" + bytes(30), b"\x40\0\0\x04abcd", b"", b"\xff" * 1200,
]


# ---- what passes -------------------------------------------------------------------------------------------------------

class Tap:
    """Every UDP datagram between the homes, as the bridge sees it."""

    def __init__(self, prefix):
        with inside(f"{prefix}-pub"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.bind(("toA", 0))
            self.socket.setblocking(False)
        with inside(f"{prefix}-bad"):
            own = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            own.bind(("eth0", 0))
            self.own_link_address = own.getsockname()[4]
            own.close()
        self.checks, self.answers = [], []  # (source, destination, payload)

    def read(self):
        """New STUN requests since the last call; keeps all STUN for replays."""
        fresh = []
        while True:
            try:
                frame = self.socket.recv(2048)
            except BlockingIOError:
                return fresh
            if len(frame) < 14 + 28 + 20 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[14] != 0x45 or frame[6:12] == self.own_link_address:
                continue
            ports = struct.unpack("!HH", frame[34:38])
            source, destination = (socket.inet_ntoa(frame[26:30]), ports[0]), (socket.inet_ntoa(frame[30:34]), ports[1])
            payload = frame[42:14 + struct.unpack("!H", frame[16:18])[0]]
            if len(payload) < 20 or payload[4:8] != struct.pack("!I", MAGIC) or ATTACKER in (source[0], destination[0]):
                continue
            kind = struct.unpack("!H", payload[:2])[0]
            if kind == BINDING_REQUEST:
                self.checks.append((source, destination, payload))
                fresh.append((source, destination, payload))
            elif kind == BINDING_SUCCESS:
                self.answers.append((source, destination, payload))


def selected_pair(folder, program):
    """((local ip, port), (remote ip, port)) of the last report, or None."""
    for line in reversed(lines_of(os.path.join(folder, program + ".json"))):
        stats = line.get("stats", {})
        transport = next((s for s in stats.values() if s["type"] == "transport"), {})
        pair = stats.get(transport.get("selectedCandidatePairId"))
        if pair:
            ends = stats[pair["localCandidateId"]], stats[pair["remoteCandidateId"]]
            return tuple((end["address"], end["port"]) for end in ends)
    return None


def points_of(folder, program, kind, member, since, until):
    """[(wall time, value)] of a counter of one inbound stream."""
    return [(one["timestamp"] / 1000, one[member]) for line in lines_of(os.path.join(folder, program + ".json")) for one in line.get("stats", {}).values()
            if one["type"] == "inbound-rtp" and one["kind"] == kind and since <= one["timestamp"] / 1000 <= until]


def each_second(folder, program, kind, member, since, until):
    """By how much a counter grew a second, between the reports of a span of wall time."""
    points = points_of(folder, program, kind, member, since, until)
    return [(after[1] - before[1]) / (after[0] - before[0]) for before, after in zip(points, points[1:]) if after[0] - before[0] > 0.5]


def media_packets(folder, program, since, until):
    total = 0
    for kind in ("audio", "video"):
        points = points_of(folder, program, kind, "packetsReceived", since, until)
        total += points[-1][1] - points[0][1] if points else 0
    return total


def udp_received(namespace):
    with inside(namespace):
        with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
            rows = [line.split() for line in file if line.startswith("Udp:")]
    counters = dict(zip(rows[0][1:], map(int, rows[1][1:])))
    return counters["InDatagrams"]


# ---- the attack --------------------------------------------------------------------------------------------------------

class Attacker:
    def __init__(self, prefix):
        self.tap = Tap(prefix)
        with inside(f"{prefix}-bad"):
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.done = {"answers": 0, "flood": 0, "replay": 0, "garbage": 0}
        self.ports = list(FLOOD_PORTS)
        self.ports_used = set()

    def strike(self, kind, source, destination, payload):
        self.raw.sendto(datagram(source, destination, payload), (destination[0], 0))
        self.done[kind] += 1

    def answer_what_passes(self):
        for source, destination, payload in self.tap.read():
            for forged in forged_answers(payload[8:20]):
                self.strike("answers", destination, source, forged)

    def blow(self, number, ends):
        """One of the flood, or of the others; `ends` are the outside addresses of the two homes."""
        target, peer = (ends[0], ends[1]) if number % 2 else (ends[1], ends[0])
        step = number // 2
        if step % 8 < 6:
            port = self.ports[self.done["flood"] // 2 % len(self.ports)]
            self.ports_used.add(port)
            self.strike("flood", (ATTACKER, port), target, forged_request())
        elif step % 8 == 6:
            seen = self.tap.checks[-200:] + self.tap.answers[-200:]
            source, _, payload = seen[(step // 8) % len(seen)]
            self.strike("replay", source if step % 16 == 6 else (ATTACKER, 7000 + step % 50), target, payload)
        else:
            self.strike("garbage", peer, target, GARBAGE[(step // 8) % len(GARBAGE)])

    def run(self, ends, seconds):
        """At least so long, and until every port of the flood was used."""
        began, number = time.monotonic(), 0
        while time.monotonic() < began + seconds or len(self.ports_used) < len(self.ports):
            self.answer_what_passes()
            while time.monotonic() > began + number * PACE_SECONDS:
                self.blow(number, ends)
                number += 1
            time.sleep(0.0005)


def setup_ms(folder, program):
    """From the first check that is due to ICE connected, or completed at once."""
    times = {line["state"]: 1000 * line["t"] for line in reversed(lines_of(os.path.join(folder, program + ".json"))) if line["event"] == "iceconnectionstatechange"}
    return min(times[state] for state in ("connected", "completed") if state in times) - times["checking"]


def wait_connected(attacker, folder):
    """Forges answers meanwhile. Returns the selected pairs of caller and callee."""
    end, turn = time.monotonic() + CONNECT_PATIENCE_SECONDS, 0
    while time.monotonic() < end:
        attacker.answer_what_passes()
        turn += 1
        if turn % 100 == 0:
            pairs = selected_pair(folder, "caller"), selected_pair(folder, "callee")
            if None not in pairs:
                return pairs
        time.sleep(0.0005)
    raise SystemExit("attack: the call never connected")


def main(prefix, folder, seconds="6"):
    attacker = Attacker(prefix)
    print("ready", flush=True)
    pairs = wait_connected(attacker, folder)
    forged_in_setup = attacker.done["answers"]
    time.sleep(1.5)  # a second of peace, to compare with
    attacker.tap.read()
    ends = pairs[0][0], pairs[1][0]
    before = [udp_received(f"{prefix}-h{side}") for side in "AB"]
    since = time.time()
    attacker.run(ends, float(seconds))
    until = time.time()
    time.sleep(1.2)  # one more report of both
    after = [udp_received(f"{prefix}-h{side}") for side in "AB"]
    failures = 0

    def finding(what, good, seen):
        nonlocal failures
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}: {seen}")

    print(json.dumps({"program": "attack", "seconds": round(until - since, 2), "ends": ends, "ports": len(attacker.ports_used), **attacker.done}))
    finding("flood from 10,000 ports", len(attacker.ports_used) >= 10000, len(attacker.ports_used))
    finding("checks captured and replayed", len(attacker.tap.checks) > 0 and attacker.done["replay"] > 0, len(attacker.tap.checks))
    finding("forged answers to the checks of the setup, and to live ones", 0 < forged_in_setup < attacker.done["answers"],
            f"{forged_in_setup}, {attacker.done['answers'] - forged_in_setup}")
    blows = sum(attacker.done.values())
    for index, program in enumerate(("caller", "callee")):
        arrived = after[index] - before[index] - media_packets(folder, program, since, until + 1)
        finding(f"{program}: blows that reached its socket", arrived > 0.4 * blows, f"{arrived:.0f} of some {blows // 2}")
        finding(f"{program}: setup under forged answers, ms", setup_ms(folder, program) <= SETUP_MAX_MS, round(setup_ms(folder, program)))
        finding(f"{program}: selected pair", selected_pair(folder, program) == pairs[index], selected_pair(folder, program))
        rates = each_second(folder, program, "audio", "packetsReceived", since - 0.5, until + 1)
        # Whose second begins when is up to a busy machine: what is short in one of two neighbours must be in the other.
        pairs_of_seconds = [(one + other) / 2 for one, other in zip(rates, rates[1:])]
        finding(f"{program}: audio packets in every second", bool(pairs_of_seconds) and min(pairs_of_seconds) >= AUDIO_MIN_PER_SECOND, [round(rate) for rate in rates])
        rates = each_second(folder, program, "video", "framesDecoded", since - 0.5, until + 1)
        finding(f"{program}: video frames in every second", bool(rates) and min(rates) >= VIDEO_MIN_PER_SECOND, [round(rate) for rate in rates])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
