"""aiortc as a peer: one RTCPeerConnection on lines of JSON (peers/program.js says which). It sends a stamped picture and a tone, reads the
stamp in every picture it decodes, and hears which frequency is the loudest.

The stamp is written from docs/media.md alone: two rows of 40 cells, 80 bits, most significant first: frame number, milliseconds, CRC-16."""
import asyncio
import fractions
import json
import re
import time

import aiortc
import av
import numpy as np

from aiortc_lines import Described, say, serve

WIDTH, HEIGHT, FRAMES_PER_SECOND = 640, 480, 20
COLUMNS, ROWS = 40, 2
SAMPLE_RATE, SAMPLES = 48000, 960


# ---- the stamp ----


def crc16(body):
    crc = 0xFFFF
    for byte in body:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1 & 0xFFFF
    return crc


def now_ms():
    return int(time.time() * 1000) % 2**32


def cells_of(number):
    body = number.to_bytes(4, "big") + now_ms().to_bytes(4, "big")
    return np.unpackbits(np.frombuffer(body + crc16(body).to_bytes(2, "big"), np.uint8)).reshape(ROWS, COLUMNS)


def edge(index, width):
    return index * width // COLUMNS


def read_stamp(luma):
    """luma: rows of 16 (black) to 235 (white). None: no stamp that can be trusted."""
    width = luma.shape[1]
    bits = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = edge(column, width), edge(row, width)
            w, h = edge(column + 1, width) - x, edge(row + 1, width) - y
            mean = luma[y + h // 4 : y + h - h // 4, x + w // 4 : x + w - w // 4].mean()
            if 96 <= mean < 160:
                return None
            bits.append(mean >= 128)
    body = np.packbits(bits).tobytes()
    if crc16(body[:8]) != int.from_bytes(body[8:], "big"):
        return None
    return int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")


# ---- what it sends ----


class Paced(aiortc.MediaStreamTrack):
    """Frame n is due n intervals after the first."""

    def __init__(self, interval_s):
        super().__init__()
        self.interval_s, self.count, self.start_s = interval_s, 0, None

    async def turn(self):
        loop = asyncio.get_running_loop()
        self.start_s = self.start_s or loop.time()
        await asyncio.sleep(max(0, self.start_s + self.count * self.interval_s - loop.time()))
        self.count += 1
        return self.count - 1


class Picture(Paced):
    kind = "video"

    def __init__(self):
        super().__init__(1 / FRAMES_PER_SECOND)

    async def recv(self):
        number = await self.turn()
        luma = np.tile((np.arange(WIDTH) // 8 + 2 * number) % 160 + 40, (HEIGHT, 1)).astype(np.uint8)
        side = WIDTH // COLUMNS
        luma[: ROWS * side] = np.kron(cells_of(number), np.ones((side, side), np.uint8)) * 219 + 16
        plane = np.vstack([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts, frame.time_base = number * 90000 // FRAMES_PER_SECOND, fractions.Fraction(1, 90000)
        return frame


class Tone(Paced):
    kind = "audio"

    def __init__(self, hertz):
        super().__init__(SAMPLES / SAMPLE_RATE)
        self.hertz = hertz

    async def recv(self):
        number = await self.turn()
        at = np.arange(number * SAMPLES, (number + 1) * SAMPLES) / SAMPLE_RATE
        samples = (8000 * np.sin(2 * np.pi * self.hertz * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, number * SAMPLES, fractions.Fraction(1, SAMPLE_RATE)
        return frame


# ---- what arrives ----

picture = {"frames": 0, "stamps": [], "size": None}
sound = {"peaksHz": []}


async def watch(track):
    while True:
        frame = await track.recv()
        luma = frame.to_ndarray(format="yuv420p")[: frame.height]
        stamp = read_stamp(luma)
        picture["frames"] += 1
        picture["size"] = f"{frame.width}x{frame.height}"
        if stamp:
            picture["stamps"].append({"number": stamp[0], "timeMs": stamp[1], "delayMs": now_ms() - stamp[1]})


async def listen(track):
    heard = np.zeros(0)
    while True:
        frame = await track.recv()
        channels = len(frame.layout.channels)
        heard = np.append(heard, frame.to_ndarray().reshape(-1, channels)[:, 0])
        if len(heard) >= frame.sample_rate // 5:
            spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
            if heard.std() > 100:
                sound["peaksHz"].append(float(np.argmax(spectrum) * frame.sample_rate / len(heard)))
            heard = np.zeros(0)


async def until_the_end(reading):
    try:
        await reading
    except aiortc.mediastreams.MediaStreamError:
        pass


# ---- the connection ----


class Peer(Described):
    def __init__(self):
        self.connection, self.tasks = None, []

    def open(self, request):
        servers = [aiortc.RTCIceServer(**{k: v for k, v in s.items() if k in ("urls", "username", "credential")}) for s in request["iceServers"]]
        self.connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=servers))
        self.connection.on("connectionstatechange", lambda: say({"event": "state", "state": self.connection.connectionState}))
        self.connection.on("track", self.take)
        if "audio" in request["media"]:
            self.connection.addTrack(Tone(request["toneHz"]))
        if "video" in request["media"]:
            self.connection.addTrack(Picture())

    def take(self, track):
        reading = watch(track) if track.kind == "video" else listen(track)
        self.tasks.append(asyncio.create_task(until_the_end(reading)))

    async def measure(self, _):
        stats = [json.loads(json.dumps(vars(s), default=str)) for s in (await self.connection.getStats()).values()]
        sdp = self.connection.localDescription.sdp
        for s in stats:  # aiortc has no codec statistics: the format that heads the section is the one it sends
            format_line = re.search(rf"^m={s.get('kind')} \S+ \S+ (\d+)", sdp, re.M)
            name = format_line and re.search(rf"^a=rtpmap:{format_line[1]} ([^/]+)", sdp, re.M)
            if s["type"] in ("inbound-rtp", "outbound-rtp") and name:
                s["codecId"] = f"codec-{s['kind']}"
                stats.append({"type": "codec", "id": s["codecId"], "mimeType": f"{s['kind']}/{name[1]}"})
        return {"stats": stats, "picture": picture, "sound": sound, "lacks": ["path"]}


asyncio.run(serve(Peer))
