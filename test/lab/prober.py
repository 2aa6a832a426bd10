#!/usr/bin/python3
"""Measures what a home's NAT does, with plain sockets inside the laboratory's namespaces, and judges it by kinds.py.

Usage: prober.py PREFIX SIDE KIND [--slow]     SIDE is A or B; --slow also measures the timeout of mappings (half a minute)

It measures first and looks at the kind afterwards. RFC 4787: mapping (section 4.1) against two public addresses with two ports
each, ports (4.2), timeout (4.3), filtering (5), hairpinning (6); and TCP, and IPv6. Prints a line per finding, exits 1 when one is
not as the kind promises. Shares no code with the programs, nor with the NATs.
"""
import contextlib
import ctypes
import os
import socket
import sys
import time

from kinds import kind as kind_named

CLONE_NEWNET = 0x40000000
PUBLIC = ("203.0.113.10", "203.0.113.11")
PUBLIC_V6 = ("2001:db8::10", "2001:db8::11")
PORTS = (4000, 4001)
OUTER = {"A": "203.0.113.101", "B": "203.0.113.102"}
WAIT_SECONDS = 1.0     # for what must come
SILENCE_SECONDS = 0.2  # for what must not come
ALIVE_AFTER_SECONDS, DEAD_AFTER_SECONDS = 17.0, 23.0  # on both sides of the 20 seconds

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """Sockets made in this block belong to the namespace for good; the thread itself comes back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        yield
    finally:
        if libc.setns(home, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns back")
        os.close(home)
        os.close(there)


def make_socket(namespace, family, kind, address, port=0):
    with inside(namespace):
        sock = socket.socket(family, kind)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        return sock


def receive(sock, seconds):
    sock.settimeout(seconds)
    try:
        data, source = sock.recvfrom(2048)
        return data, source[:2]
    except socket.timeout:
        return None, None


class Home:
    """What can be measured of one home."""

    def __init__(self, prefix, side):
        self.namespace = f"{prefix}-h{side}"
        self.public = f"{prefix}-pub"
        addresses = self.own_addresses()
        self.own = {4: next((a for a in addresses if ":" not in a), None), 6: next((a for a in addresses if ":" in a), None)}
        self.reflectors = {4: [self.reflector(socket.AF_INET, ip, port) for ip in PUBLIC for port in PORTS],
                           6: [self.reflector(socket.AF_INET6, ip, port) for ip in PUBLIC_V6 for port in PORTS]}

    def own_addresses(self):
        """Global addresses of eth0, asked from the kernel by the path a datagram would take."""
        found = []
        for family, target in ((socket.AF_INET, PUBLIC[0]), (socket.AF_INET6, PUBLIC_V6[0])):
            with inside(self.namespace):
                try:
                    sock = socket.socket(family, socket.SOCK_DGRAM)
                    sock.connect((target, 9))
                    found.append(sock.getsockname()[0])
                    sock.close()
                except OSError:
                    continue
        return found

    def reflector(self, family, ip, port):
        return make_socket(self.public, family, socket.SOCK_DGRAM, ip, port)

    def udp(self, version=4, port=0):
        return make_socket(self.namespace, socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM, self.own[version], port)

    @staticmethod
    def mapping_of(sock, reflector):
        """Where the reflector sees the socket come from; None when nothing arrives."""
        label = os.urandom(8)
        sock.sendto(label, reflector.getsockname()[:2])
        while True:
            data, seen = receive(reflector, WAIT_SECONDS)
            if data is None or data == label:
                return seen

    # ---- RFC 4787 section 4.1, 4.2

    def mapping(self, version):
        if self.own[version] is None:
            return None
        sock = self.udp(version)
        seen = [self.mapping_of(sock, reflector) for reflector in self.reflectors[version]]
        sock.close()
        if None in seen:
            return None
        if len(set(seen)) == 1:
            return "EI"
        return "AD" if seen[0] == seen[1] and seen[2] == seen[3] else "APD"

    def outside_address(self):
        sock = self.udp()
        seen = self.mapping_of(sock, self.reflectors[4][0])
        sock.close()
        return seen[0] if seen else None

    def ports(self):
        """own, preserved, sequential or random; from eight mappings: two sockets, four destinations each."""
        numbers, kept, own = [], True, True
        for port in (5000, 0):
            sock = self.udp(4, port)
            for reflector in self.reflectors[4]:
                address, number = self.mapping_of(sock, reflector)
                kept &= number == sock.getsockname()[1]
                own &= address == self.own[4]
                numbers.append(number)
            sock.close()
        if kept:
            return "own" if own else "preserved"
        steps = {after - before for before, after in zip(numbers, numbers[1:])}
        return "sequential" if steps == {1} else "random"

    def stays(self):
        """The same mappings when asked again."""
        sock = self.udp()
        first, again = ([self.mapping_of(sock, reflector) for reflector in self.reflectors[4]] for _ in range(2))
        sock.close()
        return first == again

    # ---- RFC 4787 section 5

    def filtering(self, version):
        """Who may answer on a mapping that was made by a datagram to the first reflector? A fresh socket each."""
        if self.own[version] is None:
            return None
        admitted = []
        for other in range(4):
            sock = self.udp(version)
            asked = self.reflectors[version][0]
            outside = self.mapping_of(sock, asked)
            if outside is None:
                sock.close()
                return None
            self.reflectors[version][other].sendto(b"here I am", outside)
            admitted.append(receive(sock, SILENCE_SECONDS if other else WAIT_SECONDS)[0] == b"here I am")
            sock.close()
        return {(True, True, True, True): "EI", (True, True, False, False): "AD", (True, False, False, False): "APD"}.get(tuple(admitted), str(admitted))

    def survives_early_knock(self):
        """A knock that was refused must not move the mapping of what is sent to the knocker afterwards."""
        sock = self.udp()
        outside = self.mapping_of(sock, self.reflectors[4][0])
        self.reflectors[4][3].sendto(b"too early", outside)
        receive(sock, SILENCE_SECONDS)
        after = self.mapping_of(sock, self.reflectors[4][3])
        sock.close()
        return after == outside

    # ---- RFC 4787 section 6

    def hairpin(self):
        """Do two inside sockets reach each other by their outside addresses, and whom do they see?"""
        one, two = self.udp(), self.udp()
        outside_one, outside_two = (self.mapping_of(sock, self.reflectors[4][0]) for sock in (one, two))
        two.sendto(b"opening", outside_one)  # through two's own filter, if the NAT has one
        receive(one, SILENCE_SECONDS)
        one.sendto(b"hairpin", outside_two)
        data, source = receive(two, SILENCE_SECONDS)
        inner = one.getsockname()[:2]
        one.close()
        two.close()
        if data is None:
            return "no"
        return {outside_one: "external source", inner: "internal source"}.get(source, f"from {source}")

    # ---- RFC 4787 section 4.3

    def lives_between(self):
        """(alive after 17 s, alive after 23 s), measured side by side on two sockets; nothing but one first datagram refreshes them."""
        socks = [self.udp(), self.udp()]
        outside = [self.mapping_of(sock, self.reflectors[4][0]) for sock in socks]
        began, alive = time.monotonic(), []
        for sock, address, after in zip(socks, outside, (ALIVE_AFTER_SECONDS, DEAD_AFTER_SECONDS)):
            time.sleep(max(0.0, began + after - time.monotonic()))
            self.reflectors[4][0].sendto(b"still there?", address)
            alive.append(receive(sock, SILENCE_SECONDS)[0] is not None)
            sock.close()
        return tuple(alive)

    # ---- TCP

    def tcp(self, port, version=4):
        if self.own[version] is None:
            return None
        family, ip = (socket.AF_INET, PUBLIC[0]) if version == 4 else (socket.AF_INET6, PUBLIC_V6[0])
        listener = make_socket(self.public, family, socket.SOCK_STREAM, ip, port)
        listener.listen()
        sock = make_socket(self.namespace, family, socket.SOCK_STREAM, self.own[version])
        sock.settimeout(SILENCE_SECONDS * 2)
        try:
            sock.connect((ip, port))
            accepted, _ = listener.accept()
            accepted.sendall(b"hello")
            accepted.close()
            return sock.recv(5) == b"hello"
        except OSError:
            return False
        finally:
            sock.close()
            listener.close()


class Judge:
    def __init__(self, side):
        self.side, self.failures = side, 0

    def finding(self, what, seen, expected):
        good = seen == expected
        self.failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {self.side}: {what}: {seen}" + ("" if good else f", expected {expected}"), flush=True)


def judge_udp(judge, home, side, kind, slow):
    judge.finding("outside address", home.outside_address(), home.own[4] if kind.ports == "own" else OUTER[side])
    judge.finding("ports", home.ports(), kind.ports)
    judge.finding("mappings stay", home.stays(), True)
    if kind.mapping == "EI":
        judge.finding("a refused knock does not move the mapping", home.survives_early_knock(), True)
    if kind.ports != "own":
        judge.finding("hairpinning", home.hairpin(), "external source" if kind.hairpin else "no")
    if slow:
        seconds = f"alive after {ALIVE_AFTER_SECONDS:.0f} and {DEAD_AFTER_SECONDS:.0f} s"
        judge.finding(seconds, home.lives_between(), (True, kind.timeout_seconds == 0))


def main(prefix, side, name, *options):
    kind, home, judge = kind_named(name), Home(prefix, side), Judge(side)
    judge.finding("IPv4 mapping", home.mapping(4), kind.mapping)
    judge.finding("IPv4 filtering", home.filtering(4), kind.filtering)
    judge.finding("IPv6 mapping", home.mapping(6), "EI" if kind.v6 else None)
    judge.finding("IPv6 filtering", home.filtering(6), kind.v6)
    if kind.mapping:
        judge_udp(judge, home, side, kind, "--slow" in options)
    version = 4 if home.own[4] else 6
    judge.finding(f"TCP to 443 (IPv{version})", home.tcp(443, version), True)
    judge.finding(f"TCP to 8000 (IPv{version})", home.tcp(8000, version), kind.tcp == "any")
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
