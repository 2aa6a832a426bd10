"""The NAT matrix as a picture: a square for each pair, coloured by its path; text for those who do not see the colours."""
from xml.sax.saxutils import escape

CELL_WIDTH, CELL_HEIGHT = 104, 58
LEFT, TOP = 172, 80
COLOURS = {"direct": "#cfe8d5", "relay": "#fbe3b5", "failure": "#f4c7c3", None: "#e6e6e6"}
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def text(x, y, words, size=11, anchor="middle", weight="normal"):
    return f"<text x='{x}' y='{y}' {FONT} font-size='{size}' text-anchor='{anchor}' font-weight='{weight}' fill='#222'>{escape(words)}</text>"


def halves(name):
    """A long name on two lines, a short one on the lower."""
    if len(name) <= 12:
        return "", name
    cut = name.index("+") if "+" in name else name.rindex("-") + 1
    return name[:cut], name[cut:]


def cell_lines(report):
    """Up to three lines: the path, the candidate types, the time."""
    if report is None:
        return ["not run"]
    if report["problems"]:
        return ["FAIL", report["path"] or "no report"]
    if report["path"] == "failure":
        return ["fails"]
    types, transport = report["pairs"]["caller"].split(",")[:2]
    spent, trip = report["milliseconds"]["caller"], report["roundTripMs"]
    time = f"{spent:.0f} ms" + (f", {spent / trip:.1f} rt" if trip else "")
    return [report["path"] + (" (TCP)" if "tcp" in transport else ""), types.replace(" to ", " - "), time]


def cell(row, column, report):
    x, y = LEFT + column * CELL_WIDTH, TOP + row * CELL_HEIGHT
    colour = COLOURS.get(report and report["path"], COLOURS[None])
    wrong = bool(report and report["problems"])
    parts = [f"<rect x='{x + 1}' y='{y + 1}' width='{CELL_WIDTH - 2}' height='{CELL_HEIGHT - 2}' rx='4' fill='{colour}'"
             + (" stroke='#b00020' stroke-width='3'" if wrong else "") + "/>"]
    lines = cell_lines(report)
    middle = x + CELL_WIDTH / 2
    for i, words in enumerate(lines):
        parts.append(text(middle, y + 20 + 14 * i, words, 11 if i == 0 else 9, weight="bold" if i == 0 else "normal"))
    return parts


def picture(names, reports):
    width, height = LEFT + CELL_WIDTH * len(names) + 12, TOP + CELL_HEIGHT * len(names) + 44
    parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>",
             "<title>Which path a call takes between each two kinds of NAT</title>", f"<rect width='{width}' height='{height}' fill='white'/>",
             text(LEFT, 22, "The row calls the column: path, candidate types of the caller's pair, offer to ICE connected (rt: round trips)", 13, "start", "bold")]
    for i, name in enumerate(names):
        for line, words in enumerate(halves(name)):
            parts.append(text(LEFT + CELL_WIDTH * i + CELL_WIDTH / 2, TOP - 24 + 14 * line, words, 11, "middle", "bold"))
        parts.append(text(LEFT - 8, TOP + CELL_HEIGHT * i + CELL_HEIGHT / 2 + 4, name, 11, "end", "bold"))
    for row, a in enumerate(names):
        for column, b in enumerate(names):
            parts += cell(row, column, reports.get((a, b)))
    y = TOP + CELL_HEIGHT * len(names) + 14
    for i, path in enumerate(("direct", "relay", "failure")):
        parts.append(f"<rect x='{LEFT + 120 * i}' y='{y}' width='16' height='16' rx='3' fill='{COLOURS[path]}'/>")
        parts.append(text(LEFT + 120 * i + 24, y + 13, path, 12, "start"))
    return "\n".join(parts + ["</svg>", ""])
