#!/usr/bin/python3
"""Judges the recordings of test/call/codecs.sh. ffmpeg decodes; nothing of ours is used.

  film SOURCE RECORDING AT_LEAST      decoded pictures: a run of the source's, over and over; it may go on at the beginning of a group
  sound SOURCE RECORDING AT_LEAST     packets of sound as they are: a run of the source's, over and over
  tone RECORDING HZ                   nine tenths of the power lie at HZ, and it is not quiet
  decodes RECORDING CODEC SIZE AT_LEAST
  decoded LOG CODEC AT_LEAST          framesDecoded of the summary's inbound video
  keys LOG DIGITS                     the dtmf events, in order
"""
import array
import json
import math
import subprocess
import sys

JUMPS_MAX = 4     # to a key frame, because the other side asked for one
GROUP = 15        # pictures


class Wrong(Exception):
    pass


def run(*command):
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0 or done.stderr:
        raise Wrong(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def sums(path, *options):
    """One checksum for each picture or packet, in order: the sixth word; side data may follow."""
    text = run("ffmpeg", "-v", "error", "-i", path, *options, "-f", "framemd5", "-").decode()
    return [line.split(",")[5].strip() for line in text.splitlines() if not line.startswith("#")]


def follow(source, recording, at_least, is_entry):
    """`recording` runs through `source`, behind whose last comes its first; jumps go to places that are entries."""
    places = {}
    for place, value in enumerate(source):
        places.setdefault(value, []).append(place)
    if len(recording) < at_least:
        raise Wrong(f"{len(recording)} recorded, {at_least} wanted at least")
    at, jumps = None, -1
    for index, value in enumerate(recording):
        if value not in places:
            raise Wrong(f"number {index} of the recording is nothing that the source has")
        wanted = None if at is None else (at + 1) % len(source)
        if wanted in places[value]:
            at = wanted
            continue
        entries = [place for place in places[value] if is_entry(place)]
        if not entries:
            raise Wrong(f"number {index} of the recording is number {places[value]} of the source, after number {at}")
        at, jumps = entries[0], jumps + 1
    if jumps > JUMPS_MAX:
        raise Wrong(f"{jumps} jumps")
    return f"{len(recording)} of {len(source)} different ones, {jumps} jumps"


def film(source, recording, at_least):
    return follow(sums(source), sums(recording, "-fps_mode", "passthrough"), int(at_least), lambda place: place % GROUP == 0)


def sound(source, recording, at_least):
    return follow(sums(source, "-c", "copy"), sums(recording, "-c", "copy"), int(at_least), lambda place: False if place else True)


def tone(recording, hertz):
    samples = array.array("h", run("ffmpeg", "-v", "error", "-i", recording, "-f", "s16le", "-ar", "8000", "-ac", "1", "-"))
    samples = samples[4000:4000 + 8000]
    turn = 2 * math.pi * float(hertz) / 8000
    sine = sum(value * math.sin(turn * i) for i, value in enumerate(samples))
    cosine = sum(value * math.cos(turn * i) for i, value in enumerate(samples))
    power = sum(value * value for value in samples)
    found = 2 * (sine * sine + cosine * cosine) / max(1, len(samples))
    if len(samples) < 8000 or power / len(samples) < 1000 ** 2 or found < 0.9 * power:
        raise Wrong(f"{len(samples)} samples, power {power}, of which {found} at {hertz} Hz")
    return f"{100 * found / power:.1f} % of the power"


def decodes(recording, codec, size, at_least):
    text = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", recording).decode().strip()
    name, width, height, frames = text.split(",")
    if name != codec or f"{width}x{height}" != size or int(frames) < int(at_least):
        raise Wrong(text)
    return text


def events(log):
    with open(log, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def decoded(log, codec, at_least):
    for stream in events(log)[-1]["inbound"]:
        if stream["kind"] == "video" and stream["codec"] == codec and stream["framesDecoded"] >= int(at_least):
            return str(stream)
    raise Wrong(str(events(log)[-1]["inbound"]))


def keys(log, digits):
    pressed = "".join(event["digit"] for event in events(log) if event["event"] == "dtmf")
    if pressed != digits:
        raise Wrong(f"pressed {digits!r}, came {pressed!r}")
    return pressed


VERBS = {"film": film, "sound": sound, "tone": tone, "decodes": decodes, "decoded": decoded, "keys": keys}

if __name__ == "__main__":
    try:
        print(VERBS[sys.argv[1]](*sys.argv[2:]))
    except Wrong as wrong:
        print(f"{sys.argv[1]}: {wrong}")
        sys.exit(1)
