#!/usr/bin/python3
"""The judge is judged: what is right passes, and one wrong frame, packet, tone or key does not."""
import sys
import unittest

sys.dont_write_bytecode = True
import codecs_judge  # noqa: E402

SOURCE = [f"sum{i}" for i in range(60)]


def is_entry(place):
    return place % codecs_judge.GROUP == 0


def follow(recording, at_least=1):
    return codecs_judge.follow(SOURCE, recording, at_least, is_entry)


class Follow(unittest.TestCase):
    def test_a_run_over_the_end(self):
        follow(SOURCE + SOURCE + SOURCE[:7], 120)

    def test_beginning_at_any_group(self):
        follow(SOURCE[15:] + SOURCE)

    def test_beginning_within_a_group(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[16:])

    def test_a_jump_to_a_group(self):
        follow(SOURCE[:20] + SOURCE[30:])

    def test_too_many_jumps(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[:3] * (codecs_judge.JUMPS_MAX + 2))

    def test_a_missing_one(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[:20] + SOURCE[21:])

    def test_a_strange_one(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[:20] + ["other"] + SOURCE[21:])

    def test_two_exchanged(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[:20] + [SOURCE[21], SOURCE[20]] + SOURCE[22:])

    def test_one_twice(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE[:20] + SOURCE[19:])

    def test_too_few(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow(SOURCE, 61)

    def test_none(self):
        with self.assertRaises(codecs_judge.Wrong):
            follow([])

    def test_equal_pictures_are_told_apart_by_place(self):
        codecs_judge.follow(["a", "a", "b"], ["a", "a", "b", "a", "a", "b"], 6, lambda place: place == 0)


if __name__ == "__main__":
    unittest.main(verbosity=0)
