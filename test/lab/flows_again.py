#!/usr/bin/python3
"""Waits until both sides of a call receive media again, judging from the reports that they write once a second.

Usage: flows_again.py FOLDER SINCE SECONDS     SINCE: wall time at which what was broken worked again

A report counts when it shows more packets than the one before it, and both were written after SINCE. Prints how long it took at most
(reports are a second apart), and how long nothing had come. Exits 1 when SECONDS were not enough.
"""
import os
import sys
import time

from lab_report import lines_of

PROGRAMS = ("caller", "callee")


def points_of(folder, program):
    """[(wall time, packets received, of all streams)]"""
    points = []
    for line in lines_of(os.path.join(folder, program + ".json")):
        inbound = [one for one in line.get("stats", {}).values() if one["type"] == "inbound-rtp"]
        if inbound:
            points.append((inbound[0]["timestamp"] / 1000, sum(one["packetsReceived"] for one in inbound)))
    return points


def flowing_at(points, since):
    """When the first report after `since` was written that shows more than its predecessor, which was no earlier."""
    for before, after in zip(points, points[1:]):
        if before[0] >= since and after[1] > before[1]:
            return after[0]
    return None


def silence_seconds(points):
    """The longest time between two reports that both showed more than before; up to now, if it lasts."""
    grown = [after[0] for before, after in zip(points, points[1:]) if after[1] > before[1]]
    if points and grown and points[-1][0] - grown[-1] > 1.5:
        grown.append(points[-1][0])
    return max((b - a for a, b in zip(grown, grown[1:])), default=0.0)


def main(folder, since, seconds):
    since, seconds = float(since), float(seconds)
    waiting = {program: None for program in PROGRAMS}
    while None in waiting.values() and time.time() < since + seconds + 1.5:
        time.sleep(0.2)
        for program in PROGRAMS:
            waiting[program] = flowing_at(points_of(folder, program), since)
    failures = 0
    for program, at in waiting.items():
        good = at is not None and at - since <= seconds
        failures += not good
        took = "never" if at is None else f"{at - since:.1f} s after"
        print(f"{'ok  ' if good else 'FAIL'} {program}: media flows again {took}; nothing had come for {silence_seconds(points_of(folder, program)):.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
