#!/usr/bin/python3
"""Runs every cell of the NAT matrix in the laboratory and writes docs/nat-matrix.md and docs/nat-matrix.svg. `make nat-matrix` is this.

Usage: nat_matrix.py [--jobs N] [--delay MS] [--out FOLDER] [--document FOLDER] [--only A,B ...] [--no-prober]

First the prober judges every kind, the lifetime of mappings included; a matrix of kinds that are not what they are called says nothing.
Then each ordered pair calls (the row calls the column) with STUN and TURN over UDP, TCP and TLS offered to both; each unordered pair
that needs a relay calls once more without one, and must fail with a reason. Exits 1 unless every cell is as expected.py derived it.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import time

import expected
from kinds import KINDS
from matrix_picture import picture

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = [kind.name for kind in KINDS]
PROBED = NAMES + ["port-restricted+hairpin", "port-restricted+ours", "symmetric+ours"]


class Cell:
    """One call to be made: what it is called, and what lab_call.sh is told."""

    def __init__(self, a, b, relay=True, **settings):
        self.a, self.b, self.relay = a, b, relay
        # Nothing but the agents' own patience shall end a call that cannot succeed: they must give up within 45 s.
        self.settings = {"TURN": "udp tcp tls" if relay else "none", "WAIT": "25" if relay else "46", **settings}
        self.report = None

    @property
    def name(self):
        return f"{self.a}--{self.b}" + ("" if self.relay else "--without-relay")

    def run(self, out, delay):
        folder = os.path.join(out, self.name)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "call.json")
        if os.path.exists(path):
            os.remove(path)
        environment = {**os.environ, "A": self.a, "B": self.b, "DELAY": str(delay), "DURATION": "2", "OUT": folder, **self.settings}
        with open(os.path.join(folder, "said.txt"), "w", encoding="utf-8") as log:
            code = subprocess.run([os.path.join(HERE, "lab_call.sh")], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.report = json.load(file)
        else:
            self.report = {"a": self.a, "b": self.b, "path": None, "expected": "?", "problems": [f"lab_call.sh ended with exit code {code} and no report"]}
        return self


def all_cells():
    cells = [Cell(a, b) for a in NAMES for b in NAMES]
    for i, a in enumerate(KINDS):
        for b in KINDS[i:]:
            if expected.verdict(a, b) == "relay":
                cells.append(Cell(a.name, b.name, relay=False))
    return cells + special_cells()


def special_cells():
    home = "port-restricted"
    cells = []
    for name, settings in (("lan", {"LAN": "1"}), ("carrier-hairpin", {"CARRIER": "full-cone+hairpin"}), ("carrier-no-hairpin", {"CARRIER": "full-cone"})):
        cells.append(Cell(name, name, **settings, A=home, B=home))
    cells.append(Cell("carrier-no-hairpin", "carrier-no-hairpin", relay=False, CARRIER="full-cone", A=home, B=home))
    return cells


@contextlib.contextmanager
def workers(count):
    """Threads that begin nothing more after Ctrl-C. The calls under way got it too, and take their labs down."""
    pool = concurrent.futures.ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_prober():
    """In three processes: each kind sleeps half a minute."""
    print(f"the prober judges {len(PROBED)} kinds", flush=True)
    good = True
    with workers(4) as pool:
        work = {kind: pool.submit(subprocess.run, [os.path.join(HERE, "kind_check.sh"), "--slow", kind],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
                for kind in PROBED}
        for kind, future in work.items():
            done = future.result()
            good &= done.returncode == 0
            print(f"  {'ok  ' if done.returncode == 0 else 'FAIL'} {kind}", flush=True)
            if done.returncode:
                print(done.stdout + done.stderr)
    return good


def words(report):
    """One cell for people: path, the candidate types that won at the caller, time and round trips."""
    if report["problems"]:
        return "**FAIL** " + "; ".join(report["problems"])
    if report["path"] == "failure":
        return "fails"
    pair = report["pairs"]["caller"].split(",")[0]
    spent, trip = report["milliseconds"]["caller"], report["roundTripMs"]
    return f"{report['path']}: {pair}, {spent:.0f} ms" + (f" = {spent / trip:.1f} rt" if trip else "")


def table(cells):
    by_pair = {(cell.a, cell.b): cell for cell in cells if cell.relay}
    rows = ["| calls | " + " | ".join(NAMES) + " |", "|---" * (len(NAMES) + 1) + "|"]
    for a in NAMES:
        rows.append(f"| **{a}** | " + " | ".join(words(by_pair[a, b].report) if (a, b) in by_pair else "not run" for b in NAMES) + " |")
    return "\n".join(rows)


def special_rows(cells):
    names = {name: text for name, text, _ in expected.SPECIAL}
    rows = ["| case | what | with TURN | without |", "|---|---|---|---|"]
    for name, text in names.items():
        seen = {cell.relay: words(cell.report) for cell in cells if cell.a == name}
        rows.append(f"| {name} | {text} | {seen.get(True, 'not run')} | {seen.get(False, '')} |")
    return "\n".join(rows)


def failures_text(cells):
    """The reasons that the programs gave where no relay was offered, the same ones together."""
    by_reason = {}
    for cell in cells:
        if not cell.relay and cell.report.get("failure"):
            why = cell.report["failure"]["why"]
            by_reason.setdefault(why, []).append(f"{cell.a} x {cell.b}")
    return "\n".join(f"- {why} ({len(pairs)}: {', '.join(pairs)})" for why, pairs in sorted(by_reason.items()))


def median(numbers):
    numbers = sorted(numbers)
    return numbers[len(numbers) // 2] if numbers else 0.0


def times_text(cells):
    rows = ["| path | calls | median ms | slowest ms | median round trips | of these: answer | ICE | then DTLS | first sound |", "|---|---|---|---|---|---|---|---|---|"]
    for path in ("direct", "relay"):
        reports = [cell.report for cell in cells if cell.report["path"] == path and cell.report.get("milliseconds", {}).get("caller") and cell.relay]
        spent = [report["milliseconds"]["caller"] for report in reports]
        trips = [report["milliseconds"]["caller"] / report["roundTripMs"] for report in reports if report["roundTripMs"]]
        layers = [f"{median(report['layers'][name] / report['roundTripMs'] for report in reports if report['roundTripMs'] and name in report['layers']):.1f}"
                  for name in ("answer", "ice", "dtls", "media")]
        rows.append(f"| {path} | {len(spent)} | {median(spent):.0f} | {max(spent, default=0):.0f} | {median(trips):.1f} | {' | '.join(layers)} |")
    return "\n".join(rows)


def document(cells, delay):
    good = sum(not cell.report["problems"] for cell in cells)
    return f"""# The NAT matrix, as it is

Written by `make nat-matrix`; [nat-matrix-expected.md](nat-matrix-expected.md) is what it is compared with, [lab.md](lab.md) says what the kinds are
made of. {good} of {len(cells)} calls went as derived.

![the matrix](nat-matrix.svg)

The row calls the column. Both are told of coturn over UDP, TCP and TLS. Each home's cable takes {delay:g} ms each way: a round trip between two homes
is {4 * delay:g} ms, one to the servers {2 * delay:g} ms. A cell says the path, the candidate types of the caller's selected pair, and the time from its offer
to ICE connected, in ms and in round trips (rt) between the homes. Signaling is part of that time: offer there, answer back is one round trip.

{table(cells)}

{times_text(cells)}

## Beside the matrix

{special_rows(cells)}

## Without a relay

Every pair that needs one was also tried without; each failed with exit code 10 and these reasons:

{failures_text(cells)}
"""


def run_all(cells, jobs, out, delay):
    """Calls that must fail spend half a minute waiting, which costs nothing: they run beside the others."""
    began, finished = time.monotonic(), 0
    with workers(jobs) as pool, workers(2 * jobs) as patient:
        for future in concurrent.futures.as_completed([(pool if cell.relay else patient).submit(cell.run, out, delay) for cell in cells]):
            cell = future.result()
            finished += 1
            print(f"{'ok  ' if not cell.report['problems'] else 'FAIL'} {finished}/{len(cells)} {cell.name}: {words(cell.report)}", flush=True)
    print(f"{len(cells)} calls in {time.monotonic() - began:.0f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--delay", type=float, default=10)
    parser.add_argument("--out", default="build/nat-matrix")
    parser.add_argument("--document", default="docs")
    parser.add_argument("--only", nargs="*", help="A,B pairs, or the name of a special case")
    parser.add_argument("--no-prober", action="store_true")
    options = parser.parse_args()
    if expected.main(["--check", os.path.normpath(os.path.join(HERE, "../../docs/nat-matrix-expected.md"))]):
        return 1
    good = options.no_prober or run_prober()
    cells = all_cells()
    if options.only:
        cells = [cell for cell in cells if f"{cell.a},{cell.b}" in options.only or cell.a in options.only]
    os.makedirs(options.out, exist_ok=True)
    run_all(cells, options.jobs, options.out, options.delay)
    if not options.only:
        with open(os.path.join(options.document, "nat-matrix.md"), "w", encoding="utf-8") as file:
            file.write(document(cells, options.delay))
        with open(os.path.join(options.document, "nat-matrix.svg"), "w", encoding="utf-8") as file:
            file.write(picture(NAMES, {(cell.a, cell.b): cell.report for cell in cells if cell.relay}))
    failed = sum(bool(cell.report["problems"]) for cell in cells)
    print(f"nat-matrix: {len(cells) - failed} passed, {failed} failed, 0 skipped")
    return 0 if good and not failed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
