#!/usr/bin/python3
"""A peer that does not play by the rules, for test/call/faults.sh. Shares no code with strata.

Usage: meddler.py fingerprint HOST:PORT ROOM_OF_CALLER ROOM_OF_CALLEE   passes everything on, but for the fingerprint in the offer
       meddler.py codecs HOST:PORT ROOM                                  answers "ready" with an offer of codecs nobody has
       meddler.py visit HOST:PORT ROOM                                   joins and leaves, without a word
       meddler.py flood ADDRESS:PORT PACKETS_PER_SECOND SECONDS          garbage on a UDP socket; prints how many were sent
"""
import base64
import json
import os
import random
import re
import select
import socket
import sys
import time

OFFER = "\r\n".join([
    "v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 9", "c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef01234567",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass", "a=mid:0", "a=sendrecv", "a=rtpmap:9 G722/8000",
    "m=video 9 UDP/TLS/RTP/SAVPF 102", "c=IN IP4 0.0.0.0", "a=rtcp-mux", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef01234567",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass", "a=mid:1", "a=sendrecv", "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", ""])


class Room:
    """The least of RFC 6455 that text messages need."""

    def __init__(self, server, room):
        host, port = server.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /r/{room} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: strata.v1\r\n\r\n").encode())
        # Byte by byte: frames may follow at once, and what was read too early would wait for the next one to come.
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                sys.exit(f"meddler: {head!r}")
            head += byte
        self.bytes = b""
        if b" 101 " not in head.split(b"\r\n")[0]:
            sys.exit(f"meddler: {head!r}")

    def fileno(self):
        return self.socket.fileno()

    def send(self, message):
        payload = json.dumps(message).encode()
        mask = os.urandom(4)
        length = len(payload)
        head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def take(self):
        """The messages that have come; ends the program when the room is gone."""
        data = self.socket.recv(65536)
        if not data:
            sys.exit(0)
        self.bytes += data
        messages = []
        while len(self.bytes) >= 2:
            operation, length, begin = self.bytes[0] & 15, self.bytes[1] & 127, 2
            if length >= 126:
                size = 2 if length == 126 else 8
                begin += size
                length = int.from_bytes(self.bytes[2:begin], "big") if len(self.bytes) >= begin else 1 << 62
            if len(self.bytes) < begin + length:
                break
            payload, self.bytes = self.bytes[begin:begin + length], self.bytes[begin + length:]
            if operation == 1:
                messages.append(json.loads(payload))
            if operation == 9:  # a ping wants its pong
                self.socket.sendall(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        return messages


def forge(message):
    if message.get("type") == "offer":
        message["sdp"] = re.sub(r"(a=fingerprint:sha-256 )(..)", lambda found: found[1] + f"{int(found[2], 16) ^ 0xFF:02X}", message["sdp"])
    return message


def fingerprint(server, room_of_caller, room_of_callee):
    rooms = [Room(server, room_of_caller), Room(server, room_of_callee)]
    print("meddler: in both rooms", flush=True)
    while True:
        for room in select.select(rooms, [], [], 30)[0]:
            other = rooms[1 - rooms.index(room)]
            for message in room.take():
                if message.get("type") in ("ready", "offer", "answer", "candidate", "bye"):
                    message.pop("from", None)
                    other.send(forge(message))


def codecs(server, name):
    room = Room(server, name)
    print("meddler: in the room", flush=True)
    room.send({"type": "ready"})
    while True:
        for message in room.take():
            if message.get("type") == "ready":
                room.send({"type": "offer", "sdp": OFFER})


def visit(server, name):
    room = Room(server, name)
    while not any(message.get("type") == "joined" for message in room.take()):
        pass
    room.socket.close()


def flood(target, rate, seconds):
    host, port = target.rsplit(":", 1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((host, int(port)))
    chance = random.Random(1)
    # Every first byte, every length: garbage for STUN, DTLS, SRTP and for nobody.
    packets = [bytes([chance.randrange(256)]) + chance.randbytes(chance.choice((0, 1, 11, 19, 40, 200, 1200))) for _ in range(997)]
    began, sent, refused = time.monotonic(), 0, 0
    while time.monotonic() - began < seconds:
        due = int((time.monotonic() - began) * rate)
        while sent < due:
            try:
                sender.send(packets[sent % len(packets)])
            except OSError:
                refused += 1
            sent += 1
        time.sleep(0.001)
    print(f"flood: {sent} packets in {time.monotonic() - began:.1f} s, {refused} refused")


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "fingerprint":
        fingerprint(*arguments[1:])
    elif len(arguments) == 3 and arguments[0] == "codecs":
        codecs(*arguments[1:])
    elif len(arguments) == 3 and arguments[0] == "visit":
        visit(*arguments[1:])
    elif len(arguments) == 4 and arguments[0] == "flood":
        flood(arguments[1], int(arguments[2]), float(arguments[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
