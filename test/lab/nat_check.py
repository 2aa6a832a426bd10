#!/usr/bin/python3
"""Proves that the laboratory's NATs behave as they are named (RFC 4787), with sockets of its own in every namespace.

Usage: nat_check.py PREFIX EXPECTED_A EXPECTED_B     (preserving, random or unfiltered; see net.sh)

One process opens its sockets inside the namespaces (setns), so that nothing has to be coordinated. Prints one line per
finding and exits 1 when one is not as expected. Shares no code with the app.
"""
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
PUBLIC = ("203.0.113.10", "203.0.113.11")
ROUTER = {"A": "203.0.113.101", "B": "203.0.113.102"}
HOME = {"A": "10.1.0.2", "B": "10.2.0.2"}
WAIT_SECONDS = 1.0     # for what must come
SILENCE_SECONDS = 0.3  # for what must not come

libc = ctypes.CDLL(None, use_errno=True)
failures = 0


def udp_in(namespace, address, port=0):
    """A UDP socket that belongs to the namespace for good; the process itself comes back."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        return sock
    finally:
        if libc.setns(home, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns back")
        os.close(home)
        os.close(there)


def receive(sock, seconds):
    sock.settimeout(seconds)
    try:
        return sock.recvfrom(2048)
    except socket.timeout:
        return None, None


def finding(what, seen, expected):
    global failures
    good = seen == expected
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}: {seen}" + ("" if good else f", expected {expected}"), flush=True)


def mapping_of(sock, reflector, label=b"who am I"):
    """Where the reflector sees the socket come from."""
    sock.sendto(label, reflector.getsockname())
    data, seen = receive(reflector, WAIT_SECONDS)
    if data != label:
        raise RuntimeError("nothing crosses the router outwards")
    return seen


def check_mapping(side, prefix, nat, reflectors):
    for port in (5000, 0):
        inside = udp_in(f"{prefix}-h{side}", HOME[side], port)
        seen = [mapping_of(inside, reflector) for reflector in reflectors]
        finding(f"{side}: the outside address is the router's", {ip for ip, _ in seen}, {ROUTER[side]})
        ports = {number for _, number in seen}
        kept = ports == {inside.getsockname()[1]}
        if nat == "random":
            finding(f"{side}: a mapping of its own for each of {len(reflectors)} destinations", len(ports), len(reflectors))
        else:
            finding(f"{side}: one mapping for {len(reflectors)} destinations, and the port is kept", kept, True)
        again = [mapping_of(inside, reflector) for reflector in reflectors]
        finding(f"{side}: mappings stay", again, seen)
        inside.close()


def check_filtering(side, prefix, reflectors):
    """Only the exact address and port that was sent to may answer: address-and-port-dependent (RFC 4787 section 5)."""
    inside = udp_in(f"{prefix}-h{side}", HOME[side])
    asked = reflectors[0]
    outside = mapping_of(inside, asked)
    for name, other in (("another port", reflectors[1]), ("another address", reflectors[2]), ("another of both", reflectors[3])):
        other.sendto(b"uninvited", outside)
        finding(f"{side}: {name} is kept out", receive(inside, SILENCE_SECONDS)[0], None)
    asked.sendto(b"invited", outside)
    finding(f"{side}: who was asked may answer", receive(inside, WAIT_SECONDS)[0], b"invited")
    inside.close()


def check_punching(first, second, prefix, nats, reflectors):
    """`second` knocks too early, then `first` sends: its mapping must still be the one that it told everybody."""
    one, two = (udp_in(f"{prefix}-h{side}", HOME[side]) for side in (first, second))
    outside_one, outside_two = mapping_of(one, reflectors[0]), mapping_of(two, reflectors[0])
    two.sendto(b"too early", outside_one)
    finding(f"{second} to {first}: the early knock is kept out", receive(one, SILENCE_SECONDS)[0], None)
    one.sendto(b"knock", outside_two)
    data, source = receive(two, WAIT_SECONDS)
    if "random" in nats.values():
        finding(f"{first} to {second}: with a random mapping nothing comes through", data, None)
    elif nats[first] == "unfiltered":
        finding(f"{first}: without the filter the mapping is moved (the trap)", data is None or source != outside_one, True)
    else:
        finding(f"{first} to {second}: the knock comes through from the mapping that was told", (data, source), (b"knock", outside_one))
        two.sendto(b"hello", outside_one)
        finding(f"{second} to {first}: and the answer back", receive(one, WAIT_SECONDS), (b"hello", outside_two))
    one.close()
    two.close()


def main(prefix, nat_a, nat_b):
    nats = {"A": nat_a, "B": nat_b}
    reflectors = [udp_in(f"{prefix}-pub", address, port) for address in PUBLIC for port in (4000, 4001)]
    for side in "AB":
        check_mapping(side, prefix, nats[side], reflectors)
        check_filtering(side, prefix, reflectors)
    check_punching("A", "B", prefix, nats, reflectors)
    check_punching("B", "A", prefix, nats, reflectors)
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
