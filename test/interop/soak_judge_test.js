// The judge of long calls, judged: good looks pass, each broken one fails with words about it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { LOOK_MS, WARM_UP, judgeSoak, readLook, readReports } from './soak_judge.js';

const LOOKS = 40, NTP_MS = 2208988800000, NOW_MS = 1700000000000;

const looks = () => Array.from({ length: LOOKS }, () => ({
  kib: 34000, descriptors: 20, threads: 9, stepMs: -10, stampedStepMs: -12, freezes: 0, lost: 0, hertz: 440,
}));
const reports = () => Array.from({ length: 400 }, () => [
  { kind: 'audio', estimatedPlayoutTimestamp: NTP_MS + NOW_MS - 30, packetsLost: 0 },
  { kind: 'video', estimatedPlayoutTimestamp: NTP_MS + NOW_MS - 20, packetsLost: 0, freezeCount: 1 }, // before it was warm
]);

const broken = {
  'memory that grows': [({ seen }) => seen.forEach((l, i) => (l.kib += 20 * i)), 'memory'],
  'memory of which nothing is known': [({ seen }) => seen.forEach((l) => (l.kib = NaN)), 'memory'],
  'descriptors that grow': [({ seen }) => seen.slice(-10).forEach((l) => (l.descriptors = 21)), 'descriptors'],
  'threads that grow': [({ seen }) => seen.slice(-10).forEach((l) => (l.threads = 10)), 'threads'],
  'a step all the time': [({ seen }) => seen.forEach((l) => (l.stepMs = 46)), 'to the browser: 46 ms'],
  'a step the other way, by the stamp': [({ seen }) => seen.forEach((l) => (l.stampedStepMs = -46)), 'by the stamp: -46 ms'],
  'a step now and then': [({ seen }) => seen.slice(-2).forEach((l) => (l.stepMs = 80)), 'to the browser: -10 ms, 94.6 %'],
  'a clock that is missing now and then': [({ seen }) => seen.slice(-2).forEach((l) => (l.stepMs = NaN)), 'to the browser: -10 ms, 94.6 %'],
  'no clock of the browser': [({ seen }) => seen.forEach((l) => (l.stepMs = NaN)), 'to the browser: NaN'],
  'a step to us': [({ ours }) => ours.forEach((r) => (r[0].estimatedPlayoutTimestamp -= 40)), 'to us: 50 ms'],
  'no clock of ours': [({ ours }) => ours.forEach((r) => delete r[1].estimatedPlayoutTimestamp), 'to us: NaN'],
  'a freeze there': [({ seen }) => (seen.at(-1).freezes = 1), 'browser counts 1'],
  'a freeze here': [({ ours }) => (ours.at(-1)[1].freezeCount = 2), 'we count 1'],
  'a packet lost there': [({ seen }) => (seen.at(-1).lost = 1), '1 packets to the browser'],
  'a packet lost here': [({ ours }) => (ours.at(-1)[0].packetsLost = 1), '1 packets to us'],
  'another tone': [({ seen }) => seen.forEach((l) => (l.hertz = 880)), 'tone'],
};

test('a good call has no complaint', () => assert.deepEqual(judgeSoak(looks(), readReports(reports())), []));

test('45 ms either way, and one look in twenty beyond, are in step', () => {
  const seen = looks(), ours = reports();
  seen.forEach((l, i) => (l.stepMs = i % 2 ? 45 : -45));
  ours.slice(-18).forEach((r) => (r[0].estimatedPlayoutTimestamp -= 100)); // of 370
  assert.deepEqual(judgeSoak(seen, readReports(ours)), []);
});

test('a call without a look after the warming up is none', () => assert.deepEqual(judgeSoak(looks().slice(0, WARM_UP), readReports(reports())), ['it was too short']));

for (const [what, [spoil, word]] of Object.entries(broken)) {
  test(what, () => {
    const seen = looks(), ours = reports();
    spoil({ seen, ours });
    const complaints = judgeSoak(seen, readReports(ours));
    assert.equal(complaints.length, 1, complaints.join('; '));
    assert.ok(complaints[0].includes(word), complaints[0]);
  });
}

test('a look is read: who is behind, and how old', () => {
  const stamps = Array.from({ length: 300 }, (_, i) => ({ timeMs: 33 * i, delayMs: 50 }));
  const look = readLook({
    atMs: NOW_MS, stamps, peaksHz: [440, 440, 441],
    inbound: [
      { kind: 'audio', estimatedPlayoutTimestamp: NTP_MS + NOW_MS - 80, packetsLost: 1, concealedSamples: 5, totalSamplesReceived: 10 },
      { kind: 'video', estimatedPlayoutTimestamp: NTP_MS + NOW_MS - 60, packetsLost: 2, freezeCount: 3 },
    ],
  });
  assert.deepEqual(look, { stepMs: 20, stampedStepMs: 30, pictureAgeMs: 50, pauseMs: 33, freezes: 3, lost: 3, concealed: 0.5, framesPerSecond: 300 / (LOOK_MS / 1000), hertz: 440 });
});
