#!/usr/bin/python3
"""The verdict of every cell of the NAT matrix, from mapping and filtering alone (kinds.py, and the exhausted model of
test/sim/nat_pairs.py): direct, or relay. Without a relay, "relay" means that the call must fail.

Usage: expected.py                 prints docs/nat-matrix-expected.md
       expected.py --check FILE    exits 1 unless FILE holds exactly these tables
       expected.py A B             prints the verdict of one cell
       expected.py --cells         prints all: A B VERDICT, where A stands before B in the order of kinds or is B, and the special ones

Direct means: the media crosses no relay, over whatever family. Where direct is expected, a relay is a failure of the test.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
# pylint: disable=wrong-import-position
from kinds import KINDS, kind
from nat_pairs import crossable

SPECIAL = [
    ("lan", "two hosts in one home: their own addresses reach each other", "direct"),
    ("carrier-hairpin", "two homes behind one carrier's full cone that hairpins (RFC 6888 REQ-9): through its outside address", "direct"),
    ("carrier-no-hairpin", "the same without hairpinning: the outside address is not reachable from inside, and the homes' own are not either", "relay"),
]


def both_v6(a, b):
    """IPv6 has no translation: the filters alone decide, and a datagram sent out opens each for exactly the other's address."""
    return a.v6 is not None and b.v6 is not None


def verdict(a, b):
    if both_v6(a, b):
        return "direct"
    if not a.udp or not b.udp or a.mapping is None or b.mapping is None:
        return "relay"  # no UDP path of a common family; TCP to port 443 reaches servers, not peers
    return "direct" if crossable((a.mapping, a.filtering), (b.mapping, b.filtering)) else "relay"


def why(a, b):
    if both_v6(a, b):
        return "IPv6"
    for one in (a, b):
        if not one.udp:
            return f"{one.name} lets no UDP out"
        if one.mapping is None:
            return f"{one.name} and a home without IPv6 share no family"
    for one, other in ((a, b), (b, a)):
        if one.mapping != "EI" and other.filtering == "APD":
            return f"the new port of {one.name} towards the peer is unknown to a filter that looks at ports"
    return "IPv4"


def matrix():
    rows = ["| | " + " | ".join(k.name for k in KINDS) + " |", "|---" * (len(KINDS) + 1) + "|"]
    for a in KINDS:
        rows.append(f"| **{a.name}** | " + " | ".join(verdict(a, b) for b in KINDS) + " |")
    return "\n".join(rows)


def kinds_table():
    rows = ["| kind | IPv4 mapping | IPv4 filtering | ports | UDP | TCP out | IPv6 filtering |", "|---|---|---|---|---|---|---|"]
    for k in KINDS:
        rows.append(f"| {k.name} | {k.mapping or '-'} | {k.filtering or '-'} | {k.ports or '-'} | {'yes' if k.udp else 'no'} |"
                    f" {k.tcp} | {k.v6 or '-'} |")
    return "\n".join(rows)


def special_table():
    return "\n".join(["| case | what | expected |", "|---|---|---|"] + [f"| {n} | {text} | {v} |" for n, text, v in SPECIAL])


def document():
    cells = [(a, b) for i, a in enumerate(KINDS) for b in KINDS[i:]]
    direct = sum(verdict(a, b) == "direct" for a, b in cells)
    reasons = sorted({why(a, b) for a, b in cells if verdict(a, b) == "relay"})
    return f"""# The NAT matrix, as it must be

Written before the first run, by `test/lab/expected.py`, from the definitions of RFC 4787 alone; it runs neither the programs nor the
laboratory. `make nat-matrix` compares what happens with this. *direct*: no relay; a call that takes one all the same has failed.
*relay*: through TURN; with no TURN server the call must fail, and say why.

## The kinds

EI: endpoint-independent, AD: address-dependent, APD: address-and-port-dependent (RFC 4787 sections 4.1 and 5).
The prober (`test/lab/prober.py`) judges whether the laboratory's kinds are these.

{kinds_table()}

## The cells

{matrix()}

{direct} of {len(cells)} unordered pairs are direct. The reasons for the others:

{chr(10).join('- ' + reason for reason in reasons)}

## Beside the matrix

{special_table()}
"""


def main(arguments):
    for i, a in enumerate(KINDS):
        for b in KINDS[i:]:
            assert verdict(a, b) == verdict(b, a), (a.name, b.name)
    if arguments[:1] == ["--check"]:
        with open(arguments[1], encoding="utf-8") as file:
            same = file.read() == document()
        print(f"expected: {arguments[1]} {'is what the rules say' if same else 'DIFFERS from what the rules say'}")
        return 0 if same else 1
    if arguments[:1] == ["--cells"]:
        for i, a in enumerate(KINDS):
            for b in KINDS[i:]:
                print(a.name, b.name, verdict(a, b))
        for name, _, expected in SPECIAL:
            print(name, name, expected)
        return 0
    if len(arguments) == 2:
        print(verdict(kind(arguments[0]), kind(arguments[1])))
        return 0
    print(document(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
