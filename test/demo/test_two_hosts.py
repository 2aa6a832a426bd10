#!/usr/bin/python3
"""Judges two_hosts.py and relay_verdict.py: what is wrong is found, what is right passes."""
import json
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FENCE = "`" * 3
PAGE = f"# page\n\n{FENCE}sh\nreboot\n{FENCE}\n\n{FENCE}sh signaling\nBIN/server --a \"x:$HOST\" \\\n    --b\n{FENCE}\n\n{FENCE}sh caller\ncaller $MEDIA\n{FENCE}\n"
UNIT = "[Service]\nExecStart=/usr/local/bin/server --a \"x:${HOST}\" \\\n    --b\nRestart=no\n"
failed = 0


def run(program, *arguments):
    return subprocess.run([os.path.join(HERE, program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, check=False)


def expect(name, good, result):
    global failed
    fine = (result.returncode == 0) == good
    failed += not fine
    print(f"  {'ok  ' if fine else 'FAIL'} {name}")


def page(folder, text, unit=UNIT):
    paths = [os.path.join(folder, name) for name in ("page.md", "unit")]
    for path, content in zip(paths, (text, unit)):
        with open(path, "w", encoding="utf-8") as out:
            out.write(content)
    return paths


def summary(folder, candidate_type="relay", url="turn:h", video=100, audio=100):
    path = os.path.join(folder, "log.json")
    pair = candidate_type and {"local": {"candidateType": candidate_type, "url": url, "relayProtocol": "udp"}}
    with open(path, "w", encoding="utf-8") as out:
        out.write("{}\n" + json.dumps({"event": "summary", "selectedCandidatePair": pair,
                                       "inbound": [{"kind": "video", "framesDecoded": video}, {"kind": "audio", "framesDecoded": audio}]}) + "\n")
    return path


def main():
    with tempfile.TemporaryDirectory() as folder:
        paths = page(folder, PAGE)
        shown = run("two_hosts.py", "block", paths[0], "caller")
        expect("a block is printed as it stands", True, shown)
        expect("and nothing else", shown.stdout == "caller $MEDIA\n", subprocess.CompletedProcess([], 0))
        expect("a block that is not there", False, run("two_hosts.py", "block", paths[0], "nobody"))
        expect("a block without a name is no block", False, run("two_hosts.py", "block", paths[0], ""))
        expect("everything was run", True, run("two_hosts.py", "check", *paths, "caller", "signaling"))
        expect("a block was not run", False, run("two_hosts.py", "check", *paths, "signaling"))
        expect("the unit starts something else", False, run("two_hosts.py", "check", *page(folder, PAGE, UNIT.replace("--b", "--c")), "caller", "signaling"))
        expect("the unit starts nothing", False, run("two_hosts.py", "check", *page(folder, PAGE, "[Service]\n"), "caller", "signaling"))
        # What would run is a command, never the prose behind it.
        expect("a block without an end", False, run("two_hosts.py", "block", page(folder, PAGE.replace(f"--b\n{FENCE}", "--b\n"))[0], "signaling"))
        expect("two blocks of one name", False, run("two_hosts.py", "block", page(folder, PAGE.replace("sh caller", "sh signaling"))[0], "signaling"))
        expect("a relayed call", True, run("relay_verdict.py", summary(folder), summary(folder)))
        expect("a direct call", False, run("relay_verdict.py", summary(folder, "srflx", "stun:h"), summary(folder, "srflx", "stun:h")))
        expect("no call", False, run("relay_verdict.py", summary(folder, None), summary(folder, None)))
        expect("no picture", False, run("relay_verdict.py", summary(folder, video=59), summary(folder, video=59)))
        expect("no sound", False, run("relay_verdict.py", summary(folder, audio=0), summary(folder, audio=0)))
    return failed == 0


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
