"""What each kind of home is meant to be, in the words of RFC 4787. The prober judges whether the laboratory's is; expected.py derives from it
which pairs need a relay. Nothing here is read by the programs that make the NATs.
"""
from dataclasses import dataclass, replace

ORDER = ("EI", "AD", "APD")  # endpoint-independent, address-dependent, address-and-port-dependent: from open to closed


@dataclass(frozen=True)
class Kind:
    """mapping, filtering: RFC 4787 sections 4.1 and 5, of IPv4; None where there is no IPv4.
    ports: own (no translation), preserved, random, sequential.   v6: filtering of IPv6, None where there is none.
    """
    name: str
    mapping: str = "EI"
    filtering: str = "APD"
    ports: str = "preserved"
    udp: bool = True
    tcp: str = "any"  # which ports go out: any, 443
    hairpin: bool = False
    timeout_seconds: int = 0  # 0: longer than a test lasts
    v6: str = None


KINDS = [
    Kind("none", "EI", "EI", "own", v6="EI"),
    Kind("full-cone", "EI", "EI"),
    Kind("address-restricted", "EI", "AD"),
    Kind("port-restricted", "EI", "APD"),
    Kind("symmetric", "APD", "APD", "random"),
    Kind("sequential-symmetric", "APD", "APD", "sequential"),
    Kind("no-udp", None, None, None, udp=False, tcp="443"),
    Kind("ipv6-only", None, None, None, v6="APD"),
    # What passes must pass both: a port-restricted home behind a carrier's full cone, which hairpins.
    Kind("double", "EI", "APD", hairpin=True),
    Kind("port-restricted+short", "EI", "APD", timeout_seconds=20),
]
BY_NAME = {kind.name: kind for kind in KINDS}


def kind(name):
    """A kind by its name, modifiers included."""
    if name in BY_NAME:
        return BY_NAME[name]
    base, *modifiers = name.split("+")
    found = replace(BY_NAME[base], name=name)
    for modifier in modifiers:
        changes = {"hairpin": {"hairpin": True}, "short": {"timeout_seconds": 20}, "ours": {}}[modifier]
        found = replace(found, **changes)
    return found
