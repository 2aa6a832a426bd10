#!/usr/bin/python3
"""Judges a recording of `make demo` against the files that were sent.

Shares no code with strata: ffmpeg decodes, numpy compares, the frame number is read from the picture by the geometry that docs/media.md fixes.

Usage: verify.py --source-video A.y4m --source-audio A.wav --video B-video.ivf --audio B-audio.ogg --log B.json [--name WHO]

Prints one line for each thing that was measured, and exits 0 only if all of them hold:
  frames  at least 95 % of the source's frames arrived, each by the number burnt into it, in rising order (570 of 600)
  psnr    median over the frames that arrived, luma and chroma, at least 30 dB; the stamped cells are left out of the comparison
  speech  at least 95 % of the 20 ms windows of the source that have energy match: their band energies correlate at 0.8 or more
          and their levels agree within 6 dB, after one alignment for the whole file
  path    the selected pair of the log is of types that need no relay
"""
import argparse
import json
import subprocess
import sys
import wave

import numpy

FRAMES_SHARE = 0.95
PSNR_MEDIAN_DB = 30.0
SPEECH_SHARE = 0.95
BAND_CORRELATION = 0.8
LEVEL_TOLERANCE_DB = 6.0

RATE_HZ = 48000
WINDOW = RATE_HZ // 50  # 20 ms
ENERGY_BELOW_PEAK_DB = 35.0
BAND_FLOOR_DB = 50.0
BAND_EDGES_HZ = (100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700)  # Bark
ALIGNMENT_MAX_SECONDS = 2.0


class Refused(Exception):
    """The file is not what its name says."""


# ---- pictures -------------------------------------------------------------------------------------------------------------


class Y4m:
    """Frames of a 4:2:0 y4m file, by number."""

    def __init__(self, path):
        with open(path, "rb") as file:
            header = file.readline(1024)
        words = header.split()
        if not words or words[0] != b"YUV4MPEG2":
            raise Refused(f"{path} is no y4m file")
        fields = {word[:1]: word[1:] for word in words[1:]}
        self.width, self.height = int(fields[b"W"]), int(fields[b"H"])
        if not fields.get(b"C", b"420").startswith(b"420"):
            raise Refused(f"{path} is not 4:2:0")
        self.frame_bytes = self.width * self.height * 3 // 2
        data = numpy.memmap(path, dtype=numpy.uint8, mode="r", offset=len(header))
        step = len(b"FRAME\n") + self.frame_bytes
        self.count = len(data) // step
        self.frames = data[:self.count * step].reshape(self.count, step)
        if self.count == 0 or any(bytes(frame[:6]) != b"FRAME\n" for frame in self.frames):
            raise Refused(f"{path}: a frame does not begin with FRAME")

    def planes(self, number):
        return split_planes(self.frames[number][6:], self.width, self.height)


def split_planes(data, width, height):
    size = width * height
    chroma = (height // 2, width // 2)
    return (data[:size].reshape(height, width), data[size:size + size // 4].reshape(chroma), data[size + size // 4:].reshape(chroma))


# ---- the stamp: docs/media.md ---------------------------------------------------------------------------------------------
#
# Two rows of 40 square cells over the whole width at the top; 80 bits, most significant first: frame number (32), milliseconds (32), CRC-16.

STAMP_COLUMNS, STAMP_ROWS = 40, 2


def stamp_extent(width, height):
    """The luma rows and columns that a stamp covers."""
    return STAMP_ROWS * width // STAMP_COLUMNS, width


def crc16(data):
    """Polynomial 0x1021, start 0xFFFF, not reflected, no final xor."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def stamp_read(luma):
    """The frame number in a luma plane, or None when there is no stamp that can be trusted."""
    width = luma.shape[1]
    value = 0
    for row in range(STAMP_ROWS):
        top, bottom = row * width // STAMP_COLUMNS, (row + 1) * width // STAMP_COLUMNS
        for column in range(STAMP_COLUMNS):
            left, right = column * width // STAMP_COLUMNS, (column + 1) * width // STAMP_COLUMNS
            y, x = (bottom - top) // 4, (right - left) // 4
            level = float(luma[top + y:bottom - y, left + x:right - x].mean())
            if 96 < level < 160:
                return None
            value = value << 1 | (level >= 128)
    data = value.to_bytes(10, "big")
    return int.from_bytes(data[:4], "big") if crc16(data[:8]) == int.from_bytes(data[8:], "big") else None


def ivf_size(path):
    """The size that an IVF header gives; the pictures are decoded at this size."""
    with open(path, "rb") as file:
        header = file.read(32)
    if len(header) != 32 or header[:4] != b"DKIF":
        raise Refused(f"{path} is no IVF file")
    return int.from_bytes(header[12:14], "little"), int.from_bytes(header[14:16], "little")


def decoded_pictures(path, width, height):
    """Every frame that a decoder makes of the file, none doubled and none left out for timing."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-vf", f"scale={width}:{height}",
               "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ffmpeg:
        size = width * height * 3 // 2
        while True:
            data = ffmpeg.stdout.read(size)
            if len(data) < size:
                break
            yield split_planes(numpy.frombuffer(data, numpy.uint8), width, height)


def psnr_db(source, received, blank_rows, blank_columns):
    """Over the three planes; the rectangle at the top left that holds the stamp is not compared."""
    squares, samples = 0.0, 0
    for plane, (a, b) in enumerate(zip(source, received)):
        rows, columns = (blank_rows, blank_columns) if plane == 0 else ((blank_rows + 1) // 2, (blank_columns + 1) // 2)
        difference = a.astype(numpy.float32) - b
        difference[:rows, :columns] = 0
        squares += float(numpy.square(difference).sum())
        samples += a.size - rows * columns
    return 99.0 if squares == 0 else 10 * numpy.log10(255 * 255 * samples / squares)


def judge_video(source_path, received_path):
    source = Y4m(source_path)
    width, height = ivf_size(received_path)
    if (width, height) != (source.width, source.height):
        raise Refused(f"{received_path} is {width}x{height}, the source {source.width}x{source.height}")
    rows, columns = stamp_extent(width, height)
    seen, unreadable, out_of_order, last, quality = set(), 0, 0, -1, []
    for planes in decoded_pictures(received_path, width, height):
        number = stamp_read(planes[0])
        if number is None:
            unreadable += 1
            continue
        if number <= last:
            out_of_order += 1
            continue
        last = number
        if number < source.count:
            seen.add(number)
            quality.append(psnr_db(source.planes(number), planes, rows, columns))
    median = float(numpy.median(quality)) if quality else 0.0
    needed = int(numpy.ceil(FRAMES_SHARE * source.count))
    return [
        (len(seen) >= needed and out_of_order == 0,
         f"frames: {len(seen)} of {source.count} arrived ({needed} needed), {out_of_order} out of order, {unreadable} without a readable number"),
        (median >= PSNR_MEDIAN_DB, f"psnr: median {median:.1f} dB over {len(quality)} frames ({PSNR_MEDIAN_DB:.0f} needed)"),
    ]


# ---- sound ----------------------------------------------------------------------------------------------------------------


def read_wav(path):
    try:
        with wave.open(path, "rb") as file:
            if file.getframerate() != RATE_HZ or file.getsampwidth() != 2:
                raise Refused(f"{path} is not 48 kHz, 16 bit")
            data = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    except (wave.Error, EOFError) as error:
        raise Refused(f"{path}: {error}") from error
    return data.mean(axis=1).astype(numpy.float64)


def decoded_sound(path):
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-ar", str(RATE_HZ), "-ac", "1", "-f", "s16le", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return numpy.frombuffer(done.stdout[:len(done.stdout) // 2 * 2], "<i2").astype(numpy.float64)


def align(source, received):
    """How many samples later the source's beginning stands in what was received: the peak of the cross-correlation."""
    length = 1 << int(numpy.ceil(numpy.log2(len(source) + len(received) + 1)))
    product = numpy.fft.rfft(received, length) * numpy.conj(numpy.fft.rfft(source, length))
    correlation = numpy.fft.irfft(product, length)
    reach = min(int(ALIGNMENT_MAX_SECONDS * RATE_HZ), length // 2 - 1)
    lags = numpy.concatenate([correlation[:reach + 1], correlation[-reach:]])
    best = int(numpy.argmax(lags))
    return best if best <= reach else best - len(lags)


def windows_of(samples):
    count = len(samples) // WINDOW
    return samples[:count * WINDOW].reshape(count, WINDOW)


def band_levels_db(windows):
    """The energy in each Bark band of each window, in dB."""
    spectrum = numpy.square(numpy.abs(numpy.fft.rfft(windows * numpy.hanning(WINDOW), axis=1)))
    edges = [int(round(edge * WINDOW / RATE_HZ)) for edge in BAND_EDGES_HZ]
    bands = numpy.stack([spectrum[:, low:max(high, low + 1)].sum(axis=1) for low, high in zip(edges, edges[1:])], axis=1)
    return 10 * numpy.log10(bands + 1e-3)


def level_db(windows):
    return 10 * numpy.log10(numpy.square(windows).mean(axis=1) + 1e-9)


def matching_windows(source, received):
    """For each window of the source that has energy: does what was received match it?"""
    lag = align(source, received)
    moved = numpy.zeros(len(source))
    begin, end = max(0, -lag), min(len(source), len(received) - lag)
    if end > begin:
        moved[begin:end] = received[begin + lag:end + lag]
    a, b = windows_of(source), windows_of(moved)
    levels = level_db(a)
    chosen = levels > levels.max() - ENERGY_BELOW_PEAK_DB
    bands_a, bands_b = band_levels_db(a[chosen]), band_levels_db(b[chosen])
    # What is far below the strongest band of the window is masked by it for an ear as well: a floor for both.
    floor = bands_a.max(axis=1, keepdims=True) - BAND_FLOOR_DB
    bands_a, bands_b = numpy.maximum(bands_a, floor), numpy.maximum(bands_b, floor)
    bands_a -= bands_a.mean(axis=1, keepdims=True)
    bands_b -= bands_b.mean(axis=1, keepdims=True)
    norm = numpy.sqrt(numpy.square(bands_a).sum(axis=1) * numpy.square(bands_b).sum(axis=1))
    correlation = numpy.where(norm > 0, (bands_a * bands_b).sum(axis=1) / numpy.maximum(norm, 1e-9), 0.0)
    close = numpy.abs(level_db(b)[chosen] - levels[chosen]) <= LEVEL_TOLERANCE_DB
    return (correlation >= BAND_CORRELATION) & close, lag


def judge_sound(source_path, received_path):
    source, received = read_wav(source_path), decoded_sound(received_path)
    if not source.any():
        raise Refused(f"{source_path} is silent")
    if len(received) < WINDOW:
        return [(False, f"speech: nothing could be decoded from {received_path}")]
    matches, lag = matching_windows(source, received)
    share = float(matches.mean())
    return [(share >= SPEECH_SHARE, f"speech: {int(matches.sum())} of {len(matches)} windows with energy match, {100 * share:.1f} % "
             f"({100 * SPEECH_SHARE:.0f} needed), aligned by {1000 * lag / RATE_HZ:.1f} ms")]


# ---- the log --------------------------------------------------------------------------------------------------------------


def judge_path(log_path):
    with open(log_path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.strip()]
    summary = lines[-1] if lines else {}
    pair = summary.get("selectedCandidatePair")
    if summary.get("event") != "summary" or not pair:
        return [(False, "path: the log has no summary with a selected pair")]
    kinds = [pair[side]["candidateType"] for side in ("local", "remote")]
    is_direct = all(kind in ("host", "srflx", "prflx") for kind in kinds)
    return [(is_direct and summary["exitCode"] == 0, f"path: {kinds[0]} to {kinds[1]}, exit code {summary['exitCode']}")]


def main():
    parser = argparse.ArgumentParser(description="Judges a recording against what was sent.")
    for name in ("source-video", "source-audio", "video", "audio", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--name", default="recording")
    asked = parser.parse_args()
    failed = False
    for judge, files in ((judge_video, (asked.source_video, asked.video)), (judge_sound, (asked.source_audio, asked.audio)),
                         (judge_path, (asked.log,))):
        try:
            verdicts = judge(*files)
        except (Refused, OSError, ValueError, KeyError, TypeError) as error:
            verdicts = [(False, f"{judge.__name__}: {error!r}")]
        for is_good, sentence in verdicts:
            failed = failed or not is_good
            print(f"  {'ok  ' if is_good else 'FAIL'} {asked.name} {sentence}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
