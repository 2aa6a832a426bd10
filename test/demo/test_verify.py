#!/usr/bin/python3
"""The judge's own tests: it passes a good recording and fails every kind of bad one.

Recordings are made here with ffmpeg's codecs and a stamp writer of this file, so that neither strata's code nor the judge's reader is
trusted by itself. Takes about ten seconds.
"""
import os
import subprocess
import sys
import tempfile
import unittest
import wave

import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import verify  # noqa: E402

WIDTH, HEIGHT, COUNT = 320, 240, 60
CRC_OF_NINE_DIGITS = 0x29B1  # CRC-16 with start 0xFFFF of "123456789", the published check value


def stamp_bits(number, time_ms):
    data = number.to_bytes(4, "big") + time_ms.to_bytes(4, "big")
    remainder = 0xFFFF
    for bit in "".join(f"{byte:08b}" for byte in data):
        top = remainder >> 15 ^ int(bit)
        remainder = (remainder << 1 & 0xFFFF) ^ (0x1021 if top else 0)
    return f"{int.from_bytes(data, 'big'):064b}{remainder:016b}"


def burn(luma, number):
    cell = luma.shape[1] // 40
    for index, bit in enumerate(stamp_bits(number, 1000 * number)):
        row, column = divmod(index, 40)
        luma[row * cell:(row + 1) * cell, column * cell:(column + 1) * cell] = 235 if bit == "1" else 16


def picture(number, seed):
    """A moving picture with detail; another seed is another film."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    luma = 128 + 50 * numpy.sin((x + 3 * number) / (9 + seed)) + 40 * numpy.cos((y - 2 * number) / (7 + 2 * seed))
    chroma = numpy.full((HEIGHT // 2, WIDTH // 2), 110 + number % 20 + 10 * seed)
    return luma.astype(numpy.uint8), chroma.astype(numpy.uint8), chroma.astype(numpy.uint8)


def write_y4m(path, numbers, seed=0, stamped=False):
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip C420jpeg\n".encode())
        for number in numbers:
            planes = picture(number, seed)
            if stamped:
                burn(planes[0], number)
            file.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in planes))


def speech(seconds, seed):
    """Something as lively as speech: bursts of a few harmonics whose pitch and colour change every tenth of a second."""
    random = numpy.random.default_rng(seed)
    pieces = []
    for _ in range(int(seconds * 10)):
        time = numpy.arange(4800) / 48000
        pitch, colour, loud = random.uniform(90, 260), random.uniform(300, 3000), random.choice([0.0, 0.3, 1.0])
        piece = sum(numpy.exp(-((pitch * k - colour) / 500) ** 2) * numpy.sin(2 * numpy.pi * pitch * k * time) for k in range(1, 30))
        pieces.append(loud * piece * numpy.hanning(4800) + random.normal(0, 0.01 * loud, 4800))
    samples = numpy.concatenate(pieces)
    return (samples / numpy.abs(samples).max() * 16000).astype(numpy.int16)


def write_wav(path, samples):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(samples.astype("<i2").tobytes())


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


class Judge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        write_y4m(cls.path("source.y4m"), range(COUNT))
        cls.text = speech(6, 1)
        write_wav(cls.path("source.wav"), cls.text)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def video(self, numbers, seed=0, stamped=True, bitrate="2M"):
        write_y4m(self.path("sent.y4m"), numbers, seed, stamped)
        ffmpeg("-i", self.path("sent.y4m"), "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", bitrate, self.path("got.ivf"))
        return verify.judge_video(self.path("source.y4m"), self.path("got.ivf"))

    def sound(self, samples):
        write_wav(self.path("sent.wav"), samples)
        ffmpeg("-i", self.path("sent.wav"), "-c:a", "libopus", "-b:a", "32k", self.path("got.ogg"))
        return verify.judge_sound(self.path("source.wav"), self.path("got.ogg"))[0]

    def test_crc(self):
        self.assertEqual(verify.crc16(b"123456789"), CRC_OF_NINE_DIGITS)

    def test_good_film_passes(self):
        verdicts = self.video(range(COUNT))
        self.assertTrue(all(is_good for is_good, _ in verdicts), verdicts)

    def test_missing_frames_are_counted(self):
        (frames, sentence), _ = self.video([n for n in range(COUNT) if n % 10])  # one in ten is missing
        self.assertFalse(frames, sentence)
        self.assertIn(f"{COUNT * 9 // 10} of {COUNT}", sentence)

    def test_a_few_missing_frames_are_allowed(self):
        (frames, sentence), _ = self.video([n for n in range(COUNT) if n not in (20, 40)])
        self.assertTrue(frames, sentence)

    def test_frames_out_of_order_fail(self):
        order = list(range(COUNT))
        order[30], order[31] = order[31], order[30]
        (frames, sentence), _ = self.video(order)
        self.assertFalse(frames, sentence)

    def test_shifted_frames_fail(self):
        """The right numbers on the wrong pictures."""
        source = verify.Y4m(self.path("source.y4m"))
        with open(self.path("sent.y4m"), "wb") as file:
            file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip C420jpeg\n".encode())
            for number in range(COUNT):
                planes = [numpy.array(plane) for plane in source.planes((number + 5) % COUNT)]
                burn(planes[0], number)
                file.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in planes))
        ffmpeg("-i", self.path("sent.y4m"), "-c:v", "libvpx", "-b:v", "2M", self.path("got.ivf"))
        (frames, _), (quality, sentence) = verify.judge_video(self.path("source.y4m"), self.path("got.ivf"))
        self.assertTrue(frames)
        self.assertFalse(quality, sentence)

    def test_another_film_fails(self):
        _, (quality, sentence) = self.video(range(COUNT), seed=3)
        self.assertFalse(quality, sentence)

    def test_film_without_numbers_fails(self):
        (frames, sentence), _ = self.video(range(COUNT), stamped=False)
        self.assertFalse(frames, sentence)

    def test_good_speech_passes(self):
        is_good, sentence = self.sound(self.text)
        self.assertTrue(is_good, sentence)

    def test_late_speech_is_aligned(self):
        is_good, sentence = self.sound(numpy.concatenate([numpy.zeros(7777, numpy.int16), self.text]))
        self.assertTrue(is_good, sentence)

    def test_silence_fails(self):
        is_good, sentence = self.sound(numpy.zeros(len(self.text), numpy.int16))
        self.assertFalse(is_good, sentence)

    def test_another_text_fails(self):
        is_good, sentence = self.sound(speech(6, 2))
        self.assertFalse(is_good, sentence)

    def test_noise_fails(self):
        is_good, sentence = self.sound(numpy.random.default_rng(3).normal(0, 3000, len(self.text)).astype(numpy.int16))
        self.assertFalse(is_good, sentence)

    def test_holes_fail(self):
        holed = self.text.copy()
        for begin in range(0, len(holed), 9600):
            holed[begin:begin + 1920] = 0
        is_good, sentence = self.sound(holed)
        self.assertFalse(is_good, sentence)

    def test_half_missing_fails(self):
        is_good, sentence = self.sound(self.text[:len(self.text) // 2])
        self.assertFalse(is_good, sentence)

    def test_broken_files_are_refused(self):
        with open(self.path("broken"), "wb") as file:
            file.write(b"not a recording")
        for judge, source in ((verify.judge_video, "source.y4m"), (verify.judge_video, "broken")):
            with self.assertRaises(verify.Refused):
                judge(self.path(source), self.path("broken"))
        self.assertFalse(verify.judge_sound(self.path("source.wav"), self.path("broken"))[0][0])

    def test_relayed_path_fails(self):
        log = self.path("log.json")
        for kind, expected in (("srflx", True), ("relay", False)):
            with open(log, "w", encoding="utf-8") as file:
                file.write('{"event":"summary","exitCode":0,"selectedCandidatePair":{"local":{"candidateType":"%s"},"remote":{"candidateType":"prflx"}}}\n' % kind)
            self.assertEqual(verify.judge_path(log)[0][0], expected)


if __name__ == "__main__":
    unittest.main()
