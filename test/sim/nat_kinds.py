#!/usr/bin/env python3
"""How do hosts of two named kinds reach each other: directly, or through a relay? From mapping and filtering alone.

Usage: nat_kinds.py            prints the table of docs/nat-pairs.md
       nat_kinds.py --c        prints it as the rows of nat_kinds.c
       nat_kinds.py --check F  exits 1 unless the file F holds exactly this table

Like nat_pairs.py it knows nothing but RFC 4787 sections 4.1, 5 and 6, and no ICE beyond this: both hosts learn an address from a
server with an IP of its own and exchange it with their own addresses; each sends to every address it has heard of, in signaling or
as the source of what arrived; a pair is crossed when an answer comes back from where the question went to. Here NATs are chained,
share a carrier, and turn datagrams round; and a host may lack a family, or UDP altogether. What cannot be crossed is relayed:
every kind reaches a TURN server, over UDP, IPv6 or TCP, and a relayed address is one without a NAT.
"""
import sys

ROUNDS = 12
SERVER = ("server", 3478)

# name: (NATs from the host outwards as (mapping, filtering, ports, hairpin), family, has UDP)
HOME = ("EI", "APD", "fresh", False)
KINDS = {
    "none": ([], 4, True),
    "full-cone": ([("EI", "EI", "fresh", False)], 4, True),
    "address-restricted": ([("EI", "AD", "fresh", False)], 4, True),
    "port-restricted": ([HOME], 4, True),
    "symmetric": ([("APD", "APD", "fresh", False)], 4, True),
    "sequential-symmetric": ([("APD", "APD", "fresh", False)], 4, True),  # its ports could be guessed; ICE does not
    "shared-port": ([("APD", "APD", "shared", False)], 4, True),
    "short-timeout": ([HOME], 4, True),  # mappings outlive the setup of a call
    "double-nat": ([HOME, HOME], 4, True),
    "double-nat-hairpin": ([HOME, ("EI", "APD", "fresh", True)], 4, True),
    "no-udp": ([("APD", "APD", "fresh", False)], 4, False),
    "ipv6-only": ([], 6, True),
}


def part(dependence, remote):
    return {"EI": (), "AD": remote[:1], "APD": remote}[dependence]


class Nat:
    def __init__(self, name, behaviour, outside):
        self.name, self.outside = name, outside  # outside: the next NAT, or None for the public internet
        self.mapping, self.filtering, self.ports, self.hairpin = behaviour
        self.mappings = {}  # (inside endpoint, what the mapping depends on) -> outside port
        self.sent = set()   # (inside endpoint, outside port, remote)

    def outbound(self, source, remote):
        key = (source, part(self.mapping, remote))
        if key not in self.mappings:
            shared = [port for (inside, _), port in self.mappings.items() if inside == source]
            self.mappings[key] = shared[0] if self.ports == "shared" and shared else 5000 + len(self.mappings)
        port = self.mappings[key]
        self.sent.add((source, port, remote))
        return (self.name, port)

    def inbound(self, port, source):
        """The inside endpoint that a datagram from `source` to this port gets to, or None."""
        for (inside, key), mapped in self.mappings.items():
            if mapped != port or (self.ports == "shared" and key != part(self.mapping, source)):
                continue
            if self.filtering == "EI" or any(part(self.filtering, remote) == part(self.filtering, source)
                                             for sender, sent_port, remote in self.sent if sender == inside and sent_port == mapped):
                return inside
        return None


class World:
    """Two hosts. Realms are named by the NAT that leads out of them; None is the public internet."""

    def __init__(self, kind_a, kind_b):
        self.owner = {}  # (realm, ip) -> a Nat whose outside it is, or a host
        self.hosts = []
        carrier = None
        for letter, kind in (("a", kind_a), ("b", kind_b)):
            chain, _, _ = KINDS[kind]
            outside = None
            for depth, behaviour in reversed(list(enumerate(chain))):
                if depth == 1 and carrier and kind_a == kind_b:
                    outside = carrier
                    continue
                nat = Nat(f"nat-{letter}{depth}", behaviour, outside)
                self.owner[(outside, nat.name)] = nat
                outside = nat
                carrier = nat if depth == 1 else carrier
            host = (f"host-{letter}", 1)
            self.owner[(outside, host[0])] = host
            self.hosts.append((host, outside))

    def send(self, realm, source, target):
        """Returns (receiver, source as seen there) or None."""
        found = self.owner.get((realm, target[0]))
        if isinstance(found, tuple):
            return (found, source) if found == target else None
        if isinstance(found, Nat):
            inside = found.inbound(target[1], source)
            return self.send(found, source, inside) if inside else None
        if target == SERVER and realm is None:
            return (SERVER, source)
        if realm is None:
            return None
        if target[0] == realm.name and not realm.hairpin:
            return None
        mapped = realm.outbound(source, target)
        if target[0] != realm.name:
            return self.send(realm.outside, mapped, target)
        inside = realm.inbound(target[1], mapped)
        return self.send(realm, mapped, inside) if inside else None


def is_direct(kind_a, kind_b):
    if KINDS[kind_a][1] != KINDS[kind_b][1] or not (KINDS[kind_a][2] and KINDS[kind_b][2]):
        return False
    world = World(kind_a, kind_b)
    known = {}
    for (host, realm), (other, _) in zip(world.hosts, reversed(world.hosts)):
        _, reflexive = world.send(realm, host, SERVER)
        known.setdefault(other, set()).update({host, reflexive})
    realm_of = dict(world.hosts)
    for _ in range(ROUNDS):
        for (sender, realm), (receiver, _) in zip(world.hosts, reversed(world.hosts)):
            for target in sorted(known[sender]):
                arrived = world.send(realm, sender, target)
                if not arrived or arrived[0] != receiver:
                    continue
                known[receiver].add(arrived[1])
                answer = world.send(realm_of[receiver], receiver, arrived[1])
                if answer and answer[0] == sender and answer[1] == target:
                    return True
    return False


def table():
    names = list(KINDS)
    rows = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for a in names:
        rows.append(f"| **{a}** | " + " | ".join("direct" if is_direct(a, b) else "relay" for b in names) + " |")
    return "\n".join(rows)


def main(arguments):
    for a in KINDS:
        for b in KINDS:
            assert is_direct(a, b) == is_direct(b, a), (a, b)
    if arguments[:1] == ["--check"]:
        with open(arguments[1], encoding="utf-8") as file:
            is_there = table() in file.read()
        print(f"nat_kinds: the table {'stands' if is_there else 'does not stand'} in {arguments[1]}")
        return 0 if is_there else 1
    if arguments[:1] == ["--c"]:
        for a in KINDS:
            print(f'    /* {a:20} */ "' + "".join("d" if is_direct(a, b) else "r" for b in KINDS) + '",')
        return 0
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
