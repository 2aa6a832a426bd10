#!/usr/bin/python3
"""Judges a call by the relay alone from the --json logs of its two ends: the pair that won, and what was decoded.

Usage: relay_verdict.py CALLER.json CALLEE.json
"""
import json
import sys

FRAMES_MIN = 60  # of some 180 pictures and 300 packets of sound


def judge(path):
    with open(path, encoding="utf-8") as log:
        summary = json.loads(log.readlines()[-1])
    local = (summary.get("selectedCandidatePair") or {}).get("local") or {}
    decoded = {stream["kind"]: stream["framesDecoded"] for stream in summary["inbound"]}
    wrong = []
    if local.get("candidateType") != "relay" or not local.get("url", "").startswith("turn"):
        wrong.append(f"the selected candidate is {local}")
    wrong += [f"{decoded.get(kind, 0)} frames of {kind} decoded ({FRAMES_MIN} needed)" for kind in ("audio", "video") if decoded.get(kind, 0) < FRAMES_MIN]
    if wrong:
        print(f"  FAIL {path}: {'; '.join(wrong)}")
    else:
        print(f"  ok   {path}: by {local['url']} ({local['relayProtocol']}), {decoded['audio']} and {decoded['video']} frames decoded")
    return not wrong


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if all([judge(path) for path in sys.argv[1:]]) else 1)
