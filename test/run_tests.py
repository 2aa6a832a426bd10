#!/usr/bin/python3
"""Runs cmocka programs, adds up what they say, and refuses a skip that gives no reason.

Usage: run_tests.py PROGRAM...
A program that is killed, hangs, or reports fewer tests than it announced counts as failed. A skipped test must have
printed "SKIP: <name>: <reason>" before.
"""
import re
import subprocess
import sys
import time

TIMEOUT_SECONDS = 900


def count(pattern, text):
    return sum(int(number) for number in re.findall(pattern, text))


def run(program):
    """Returns (passed, failed, skipped, output)."""
    try:
        done = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT_SECONDS, check=False)
        output, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as hung:
        return 0, 1, 0, (hung.stdout or b"").decode("utf-8", "replace") + f"\nhung for {TIMEOUT_SECONDS} s"
    announced = count(r"Running (\d+) test\(s\)", output)
    passed = count(r"\[  PASSED  \] (\d+) test\(s\)", output)
    failed = count(r"\[  FAILED  \] \S+: (\d+) test\(s\)", output) or count(r"(\d+) FAILED TEST\(S\)", output)
    skipped = count(r"\[  SKIPPED \] \S+: (\d+) test\(s\)", output) or count(r"\[  SKIPPED \] (\d+) test\(s\)", output)
    reasons = len(re.findall(r"^SKIP: \S+: \S.*$", output, re.MULTILINE))
    if skipped > reasons:
        output += f"\n{skipped} skipped, but only {reasons} written reasons"
        failed += skipped - reasons
        skipped = reasons
    missing = announced - passed - failed - skipped
    if missing > 0 or (code != 0 and failed == 0) or announced == 0:
        output += f"\nexit {code}, {announced} announced, {passed} passed, {failed} failed, {skipped} skipped"
        failed += max(missing, 1)
    return passed, failed, skipped, output


def main(programs):
    total = [0, 0, 0]
    for program in programs:
        started = time.monotonic()
        passed, failed, skipped, output = run(program)
        for index, number in enumerate((passed, failed, skipped)):
            total[index] += number
        verdict = "FAIL" if failed else "ok"
        print(f"{verdict:4} {program}: {passed} passed, {failed} failed, {skipped} skipped ({time.monotonic() - started:.1f} s)", flush=True)
        if failed:
            print(output)
        else:
            for line in re.findall(r"^SKIP: .*$", output, re.MULTILINE):
                print("     " + line)
    print(f"unit: {total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not programs else 0


sys.exit(main(sys.argv[1:]))
