#!/usr/bin/python3
"""Says how one call of the laboratory went: who won, how long it took, whether it had to be so. Writes FOLDER/call.json.

Usage: lab_report.py FOLDER A B --turn T --delay MS --policy all|relay --exits CALLER CALLEE --during CODE

Exits 0 when the path is the one that expected.py derives: direct, relay, or a failure with exit code 10 and its three sentences where
only a relay helps and none was offered. Three witnesses have to agree about the path: both summaries, and the routers' counters.
"""
import argparse
import json
import os
import sys

import expected
from kinds import kind

SERVERS = {"203.0.113.10", "203.0.113.11", "2001:db8::10", "2001:db8::11"}
ICE_FAILED = 10


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def summary_of(folder, program):
    lines = lines_of(os.path.join(folder, program + ".json"))
    return lines[-1] if lines and lines[-1].get("event") == "summary" else None


def ip_of(end):
    address = end.get("address") or ""
    return address.rsplit(":", 1)[0].strip("[]")


def path_of(pair):
    """direct or relay, of one side's selected pair. A peer-reflexive candidate may be a relay in disguise: its address tells."""
    if pair is None:
        return None
    ends = pair["local"], pair["remote"]
    relayed = ends[0]["candidateType"] == "relay" or any(ip_of(end) in SERVERS for end in ends)
    return "relay" if relayed else "direct"


def words_of(pair):
    local, remote = pair["local"], pair["remote"]
    over = f" ({local['relayProtocol']})" if local.get("relayProtocol") else ""
    return f"{local['candidateType']}{over} to {remote['candidateType']}, {local['protocol']}, IPv{6 if ':' in ip_of(local) else 4}"


def counter_path(folder, router):
    """What a home's router saw more of: bytes to and from the servers, or to and from the rest of the world."""
    path = os.path.join(folder, router + "-counters.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        counters = {entry["counter"]["name"]: entry["counter"]["bytes"] for entry in json.load(file)["nftables"] if "counter" in entry}
    servers, others = counters["udp_servers"] + counters["tcp_servers"], counters["udp_others"]
    if servers + others == 0:
        return None
    return {"path": "relay" if servers > others else "direct", **counters}


def must_be(arguments):
    """The path of this call; a call that no relay is offered to must fail where only one would help."""
    if arguments.a in {name for name, _, _ in expected.SPECIAL}:
        verdict = next(v for name, _, v in expected.SPECIAL if name == arguments.a)
    else:
        verdict = expected.verdict(kind(arguments.a), kind(arguments.b))
    if arguments.policy == "relay":
        verdict = "relay"
    offered = set(arguments.turn.replace("A:", "").replace("B:", "").split()) - {"none"}
    if verdict == "relay" and not offered:
        return "failure"
    return verdict


def judge(folder, arguments):
    sides = {"caller": summary_of(folder, "caller"), "callee": summary_of(folder, "callee")}
    report = {"a": arguments.a, "b": arguments.b, "turn": arguments.turn, "expected": must_be(arguments), "exits": arguments.exits, "problems": [], "path": None}
    problems = report["problems"]
    for (name, summary), code in zip(sides.items(), arguments.exits):
        if summary is None:
            problems.append(f"{name} left no summary, exit code {code}")
        elif summary["exitCode"] != code:
            problems.append(f"{name}: exit code {code}, but its summary says {summary['exitCode']}")
    if arguments.during:
        problems.append(f"what was run during the call failed with exit code {arguments.during}")
    if None in sides.values():
        return report
    report["failure"] = sides["caller"]["failure"]
    report["milliseconds"] = {name: summary["timings"]["iceConnectedMs"] for name, summary in sides.items()}
    report["dtlsMilliseconds"] = {name: summary["timings"]["dtlsConnectedMs"] for name, summary in sides.items()}
    pairs = {name: summary["selectedCandidatePair"] for name, summary in sides.items()}
    report["pairs"] = {name: words_of(pair) for name, pair in pairs.items() if pair}
    report["roundTripMs"] = 4 * arguments.delay
    report["layers"] = layers_of(folder)
    if all(code == 0 for code in arguments.exits):
        judge_connected(folder, report, pairs, sides)
    else:
        report["path"] = "failure"
        judge_failed(report, sides)
    if report["path"] != report["expected"]:
        problems.append(f"expected {report['expected']}, got {report['path']}")
    return report


def judge_connected(folder, report, pairs, sides):
    problems = report["problems"]
    paths = {path_of(pair) for pair in pairs.values()}
    report["path"] = paths.pop() if len(paths) == 1 else f"caller and callee disagree: {report['pairs']}"
    for name, summary in sides.items():
        received = sum(stream["packetsReceived"] for stream in summary["inbound"])
        if received == 0:
            problems.append(f"{name} received no media")
    for router in ("rA", "rB"):
        seen = counter_path(folder, router)
        if seen and not report["a"] == "lan":
            report[router] = seen
            if seen["path"] != report["path"]:
                problems.append(f"{router} saw {seen['udp_servers']} + {seen['tcp_servers']} bytes with the servers and {seen['udp_others']} with others: {seen['path']}")


def judge_failed(report, sides):
    """The side that gives up first leaves; the other may then find itself alone. The reason is the one of a side that says ICE."""
    for summary in sides.values():
        if summary["exitCode"] == ICE_FAILED:
            report["failure"] = summary["failure"]
    if ICE_FAILED not in report["exits"]:
        report["problems"].append(f"failed, but not of ICE: exit codes {report['exits']}")
    if not report["failure"] or not all(report["failure"].get(part) for part in ("what", "why", "try")):
        report["problems"].append("the failure is not explained")


def layers_of(folder):
    """How long the caller spent on each layer, in ms, from its own events: they are in the order in which things must happen."""
    marks = [("signalingstatechange", ("have-local-offer",), "offer"), ("signalingstatechange", ("stable",), "answer"),
             ("iceconnectionstatechange", ("connected", "completed"), "ice"),
             ("connectionstatechange", ("connected",), "dtls"), ("firstframe", (None,), "media")]
    times, lines = {}, lines_of(os.path.join(folder, "caller.json"))
    for event, states, name in marks:
        times[name] = next((1000 * line["t"] for line in lines if line["event"] == event and line.get("state") in states), None)
    names = [name for _, _, name in marks]
    return {after: times[after] - times[before] for before, after in zip(names, names[1:]) if None not in (times[before], times[after])}


def layer_line(report):
    trip = report["roundTripMs"]
    parts = [f"{name} {spent:.0f} ms" + (f" = {spent / trip:.1f} rt" if trip else "") for name, spent in report["layers"].items()]
    return "caller, layer by layer: " + ", ".join(parts)


def cable_lines(folder):
    """What the bad cables did, in their own words."""
    for home in "AB":
        reports = [line for line in lines_of(os.path.join(folder, f"w{home}.json")) if line.get("program") == "lab_link"]
        for report in reports:
            ways = []
            for way in ("up", "down"):
                one = report[way]
                fates = [f"{count} {fate}" for fate, count in one["dropped"].items() if count]
                fates += [f"{one[k]} {k}" for k in ("duplicated", "reordered", "corrupted") if one[k]]
                ways.append(f"{way} {one['in']} packets" + (f" ({', '.join(fates)})" if fates else ""))
            yield f"cable {home}: {'; '.join(ways)}; {1000 * report['cpuSeconds']:.0f} ms of CPU in {report['seconds']:.0f} s"


def milliseconds(value):
    return "-" if value is None else f"{value:.0f}"


def say(report, folder):
    print(f"{report['a']} calls {report['b']}: {report['path']} (expected {report['expected']})")
    for name, words in report.get("pairs", {}).items():
        spent = report["milliseconds"][name]
        trips = f", {spent / report['roundTripMs']:.1f} round trips" if spent and report["roundTripMs"] else ""
        print(f"  {name}: {words}; ICE {milliseconds(spent)} ms{trips}, DTLS {milliseconds(report['dtlsMilliseconds'][name])} ms")
    if report.get("layers") and report["path"] != "failure":
        print("  " + layer_line(report))
    if report.get("failure"):
        print("  " + " ".join(str(report["failure"].get(part)) for part in ("what", "why", "try")))
    for line in cable_lines(folder):
        print(f"  {line}")
    for problem in report["problems"]:
        print(f"  FAIL {problem}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--turn", required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--policy", default="all")
    parser.add_argument("--exits", nargs=2, type=int, required=True)
    parser.add_argument("--during", type=int, default=0)
    arguments = parser.parse_args()
    report = judge(arguments.folder, arguments)
    with open(os.path.join(arguments.folder, "call.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    say(report, arguments.folder)
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
