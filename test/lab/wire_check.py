#!/usr/bin/python3
"""Measures the bad cable of home A from outside: sends numbered datagrams from hA to pub and judges what arrives.

Usage: wire_check.py PREFIX CASE CONTROL_FIFO

Cases: clean, delay, loss, burst, reorder, duplicate, rate, queue, change. Each is set up by wire_check.sh with the settings written
beside its function here; what is promised is judged within six standard deviations, or a margin for a busy machine.
"""
import math
import socket
import statistics
import sys
import time

from prober import PUBLIC, make_socket

COUNT = 2000
PAYLOAD = 172
IP_BYTES = PAYLOAD + 28
MARGIN_MS = 15.0  # a scheduler with better things to do

failures = 0


def finding(what, seen, low, high):
    global failures
    good = low <= seen <= high
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}: {seen:.4g} (promised {low:.4g} to {high:.4g})", flush=True)


class Path:
    def __init__(self, prefix):
        self.sender = make_socket(f"{prefix}-hA", socket.AF_INET, socket.SOCK_DGRAM, "10.1.0.2")
        self.receiver = make_socket(f"{prefix}-pub", socket.AF_INET, socket.SOCK_DGRAM, PUBLIC[0], 4000)
        self.receiver.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE

    def run(self, count, pace_seconds, patience_seconds=0.5):
        """Returns [(number, sent, arrived)] in the order of arrival. Times of one clock."""
        arrived, sent_at, number = [], {}, 0
        self.receiver.setblocking(False)
        began = time.monotonic()
        end = None
        while end is None or time.monotonic() < end:
            now = time.monotonic()
            while number < count and now >= began + number * pace_seconds:
                sent_at[number] = time.monotonic()
                self.sender.sendto(number.to_bytes(4, "big").ljust(PAYLOAD, b"x"), (PUBLIC[0], 4000))
                number += 1
            if number == count and end is None:
                end = time.monotonic() + patience_seconds
            try:
                while True:
                    data = self.receiver.recv(2048)
                    arrived.append((int.from_bytes(data[:4], "big"), sent_at[int.from_bytes(data[:4], "big")], time.monotonic()))
            except BlockingIOError:
                time.sleep(0.0002)
        return arrived


def delays_ms(arrived):
    return sorted(1000 * (at - sent) for _, sent, at in arrived)


def around(probability, count):
    """Six standard deviations of a binomial share, in percent."""
    spread = 6 * math.sqrt(probability * (1 - probability) / count)
    return 100 * max(0.0, probability - spread), 100 * min(1.0, probability + spread)


def lost_percent(arrived, count=COUNT):
    return 100 * (1 - len({number for number, _, _ in arrived}) / count)


def clean(path, _control):
    """delay_ms=0"""
    arrived = path.run(COUNT, 0.0003)
    finding("nothing is lost, percent", lost_percent(arrived), 0, 0)
    finding("order is kept: datagrams after a later one", overtaken(arrived), 0, 0)
    finding("median delay, ms", statistics.median(delays_ms(arrived)), 0, 5)


def delay(path, _control):
    """delay_ms=40 jitter_ms=10"""
    times = delays_ms(path.run(COUNT, 0.001))
    finding("shortest delay, ms", times[0], 40, 42)
    finding("median delay, ms", statistics.median(times), 44, 46 + MARGIN_MS)
    finding("longest delay but 10 percent, ms", times[int(len(times) * 0.9)], 48, 50 + MARGIN_MS)  # the last percent is the scheduler's


def loss(path, _control):
    """loss=10"""
    finding("lost, percent", lost_percent(path.run(COUNT, 0.0003)), *around(0.10, COUNT))


def runs_lost(arrived, count=COUNT):
    """Lengths of the runs of missing numbers."""
    there, lengths, length = {number for number, _, _ in arrived}, [], 0
    for number in range(count):
        if number not in there:
            length += 1
        elif length:
            lengths.append(length)
            length = 0
    return lengths + ([length] if length else [])


def burst(path, _control):
    """burst_enter=2 burst_leave=25 burst_loss=100"""
    arrived = path.run(2 * COUNT, 0.0003)
    lengths = runs_lost(arrived, 2 * COUNT)
    # Gilbert and Elliott: bad for 1/leave datagrams at a time, a share of enter/(enter+leave).
    finding("mean length of a gap", statistics.mean(lengths), 2.8, 5.5)
    finding("lost, percent", lost_percent(arrived, 2 * COUNT), 4, 11)


def overtaken(arrived):
    latest, late = -1, 0
    for number, _, _ in arrived:
        late += number < latest
        latest = max(latest, number)
    return late


def reorder(path, _control):
    """reorder=5 reorder_delay_ms=20"""
    arrived = path.run(COUNT, 0.001)
    finding("overtaken by a later one, percent", 100 * overtaken(arrived) / COUNT, *around(0.05, COUNT))
    finding("lost, percent", lost_percent(arrived), 0, 0)


def duplicate(path, _control):
    """duplicate=5"""
    arrived = path.run(COUNT, 0.0003)
    finding("arrived twice, percent", 100 * (len(arrived) - len({number for number, _, _ in arrived})) / COUNT, *around(0.05, COUNT))


def throughput_kbps(arrived):
    return (len(arrived) - 1) * IP_BYTES * 8 / (arrived[-1][2] - arrived[0][2]) / 1000


def rate(path, _control):
    """rate_kbps=1000"""
    finding("throughput without a limit to the queue, kbit/s", throughput_kbps(path.run(400, 0.0003, 1.2)), 980, 1010)


def queue(path, _control):
    """rate_kbps=1000 queue_bytes=25000"""
    arrived = path.run(COUNT, 0.0004, 0.6)  # four times the rate
    finding("throughput, kbit/s", throughput_kbps(arrived), 950, 1010)
    finding("longest delay: what the queue holds, ms", delays_ms(arrived)[-1], 190, 200 + MARGIN_MS)
    finding("lost, percent", lost_percent(arrived), 60, 75)


def change(path, control):
    """rate_kbps=2000 queue_bytes=25000"""
    finding("before the change, kbit/s", throughput_kbps(path.run(1500, 0.0004, 0.3)), 1900, 2020)
    with open(control, "w", encoding="ascii") as file:
        file.write("up rate_kbps=500\n")
    time.sleep(0.2)
    finding("after it, kbit/s", throughput_kbps(path.run(1500, 0.0004, 0.6)), 450, 510)


CASES = (clean, delay, loss, burst, reorder, duplicate, rate, queue, change)


def main(arguments):
    if arguments == ["--cases"]:
        for case in CASES:
            print(case.__name__, case.__doc__)
        return 0
    prefix, name, control = arguments
    {case.__name__: case for case in CASES}[name](Path(prefix), control)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
