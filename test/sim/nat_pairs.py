#!/usr/bin/python3
"""Which pairs of NATs can be crossed without a relay: derived by exhausting a tiny model, not by running the simulator.

Usage: nat_pairs.py            prints the tables of docs/nat-pairs.md
       nat_pairs.py --check F  exits 1 unless the file F holds exactly these tables

The model knows nothing but RFC 4787: a mapping is made when an inside endpoint sends (section 4.1), and an arriving
datagram passes if the mapping is there and the filter knows its source (section 5). Two hosts, one socket each, learn
their server-reflexive addresses from a server with an IP of its own and exchange them. From then on each sends to every
address it has heard of, whether in signaling or as the source of a datagram that arrived (RFC 8445 section 7.3.1.3,
peer-reflexive candidates). A pair is crossed when some datagram's answer comes back from where it was sent to, since a
check with an asymmetric answer fails (RFC 8445 section 7.2.5.2.1).
"""
import itertools
import sys

KINDS = [(mapping, filtering) for mapping in ("EI", "AD", "APD") for filtering in ("EI", "AD", "APD")]
ROUNDS = 12  # the longest successful exchange takes three; a chase of ever new ports never ends
SERVER = ("server", 3478)


def part(kind, remote):
    """What of a remote address a behaviour looks at."""
    return {"EI": (), "AD": remote[:1], "APD": remote}[kind]


class Nat:
    """One inside endpoint behind one NAT. ports: fresh (a new outside port for each mapping) or shared (always the same one)."""

    def __init__(self, name, kind, ports, scope):
        self.name, (self.mapping, self.filtering), self.ports, self.scope = name, kind, ports, scope
        self.mappings = {}  # what the mapping depends on -> outside port
        self.sent = set()   # (outside port, remote)

    def outbound(self, remote):
        key = part(self.mapping, remote)
        if key not in self.mappings:
            self.mappings[key] = 5000 if self.ports == "shared" else 5000 + len(self.mappings)
        self.sent.add((self.mappings[key], remote))
        return (self.name, self.mappings[key])

    def inbound(self, port, source):
        if port not in self.mappings.values():
            return False
        if self.filtering == "EI":
            return True
        return any(part(self.filtering, remote) == part(self.filtering, source)
                   for sent_port, remote in self.sent if self.scope == "endpoint" or sent_port == port)


def crossable(kind_a, kind_b, ports="fresh", scope="endpoint"):
    a, b = Nat("a", kind_a, ports, scope), Nat("b", kind_b, ports, scope)
    known = {a: {b.outbound(SERVER)}, b: {a.outbound(SERVER)}}
    for _ in range(ROUNDS):
        for sender, receiver in ((a, b), (b, a)):
            for target in sorted(known[sender]):
                source = sender.outbound(target)
                if not receiver.inbound(target[1], source):
                    continue
                known[receiver].add(source)
                answer_from = receiver.outbound(source)
                if answer_from == target and sender.inbound(source[1], answer_from):
                    return True
    return False


def by_issue(a, b):
    """The rule this project started from: only address-and-port-dependent mapping is trouble."""
    return not any(x[0] == "APD" and (y[1] == "APD" or y[0] == "APD") for x, y in ((a, b), (b, a)))


def by_rule(a, b):
    """The rule that the model obeys, see docs/nat-pairs.md."""
    return not any((x[0] != "EI" and y[1] == "APD") or (x[0] == y[0] == "APD") for x, y in ((a, b), (b, a)))


def name(kind):
    return f"{kind[0]}/{kind[1]}"


def table(cell):
    rows = ["| mapping/filtering | " + " | ".join(name(k) for k in KINDS) + " |", "|---" * (len(KINDS) + 1) + "|"]
    for a in KINDS:
        rows.append(f"| **{name(a)}** | " + " | ".join(cell(a, b) for b in KINDS) + " |")
    return "\n".join(rows)


def tables():
    def first(a, b):
        real = crossable(a, b)
        return ("yes" if real else "no") + ("" if real == by_issue(a, b) else " !")

    def second(a, b):
        return "yes" if crossable(a, b, scope="mapping") else "no"

    return table(first), table(second)


def main(arguments):
    pairs = list(itertools.product(KINDS, KINDS))
    for a, b in pairs:
        assert crossable(a, b) == crossable(b, a), "crossing is symmetric"
        assert crossable(a, b) == by_rule(a, b), (a, b)
        assert crossable(a, b, ports="shared") and crossable(a, b, "shared", "mapping"), (a, b)
        assert crossable(a, b) or not crossable(a, b, scope="mapping"), "a filter for each mapping is never more open"
    if arguments[:1] == ["--check"]:
        with open(arguments[1], encoding="utf-8") as file:
            text = file.read()
        missing = [t for t in tables() if t not in text]
        print(f"nat_pairs: {len(missing)} of {len(tables())} tables differ from {arguments[1]}")
        return 1 if missing else 0
    for one in tables():
        print(one, end="\n\n")
    unordered = [(a, b) for a, b in pairs if KINDS.index(a) <= KINDS.index(b)]
    for what, cells in (("ordered", pairs), ("unordered", unordered)):
        print(f"{what}: {len(cells)} pairs; the issue's rule: {sum(by_issue(a, b) for a, b in cells)};"
              f" the model: {sum(crossable(a, b) for a, b in cells)};"
              f" with a filter for each mapping: {sum(crossable(a, b, scope='mapping') for a, b in cells)}")
    print("where the issue's rule and the model differ:",
          ", ".join(f"{name(a)} x {name(b)}" for a, b in unordered if by_issue(a, b) != crossable(a, b)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
