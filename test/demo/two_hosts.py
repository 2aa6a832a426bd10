#!/usr/bin/python3
"""Takes the commands out of docs/two-hosts.md, and holds the page to what was run.

A named block begins with a fence, sh and its name, and ends with a fence; both alone in their line.

Usage: two_hosts.py block PAGE NAME                prints the commands of one block
       two_hosts.py check PAGE UNIT NAME...        every named block of the page is among NAME..., and the systemd unit starts the same command
"""
import re
import shlex
import sys

FENCE = "`" * 3


def blocks_of(page):
    with open(page, encoding="utf-8") as text:
        found = re.findall("^" + FENCE + r"sh ([a-z-]+)\n(.*?)\n" + FENCE + "$", text.read(), re.S | re.M)
    blocks = dict(found)
    if len(blocks) != len(found) or any(FENCE in body for body in blocks.values()):
        sys.exit(f"{page}: two blocks of one name, or a block without an end")
    return blocks


def words(command):
    """A command as its words, however it is broken into lines and quoted, and whatever folder the program is in."""
    split = shlex.split(command.replace("\\\n", " ").replace("${", "$").replace("}", ""))
    return [split[0].rsplit("/", 1)[-1]] + split[1:]


def check(page, unit, run):
    blocks = blocks_of(page)
    problems = [f"{page}: the block {name} was not run" for name in blocks if name not in run]
    with open(unit, encoding="utf-8") as text:
        start = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", text.read(), re.M)
    if not start or words(start.group(1)) != words(blocks.get("signaling", "")):
        problems.append(f"{unit}: ExecStart is not the command of the page's block signaling")
    for problem in problems:
        print(f"  FAIL {problem}")
    if not problems:
        print(f"  ok   all {len(blocks)} named blocks of {page} were run as they stand; the unit starts the same command")
    return not problems


def block(page, name):
    blocks = blocks_of(page)
    if name not in blocks:
        sys.exit(f"{page}: there is no block named {name}")
    print(blocks[name])
    return True


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "block":
        return block(*arguments[1:])
    if len(arguments) >= 4 and arguments[0] == "check":
        return check(arguments[1], arguments[2], arguments[3:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
