// What a long call must keep, and whether it did: from looks at both sides, ten seconds apart.

import { OUR_TONE_HZ, longestPause, median } from './judge.js';

export const LOOK_MS = 10000;
export const WARM_UP = 3; // looks before memory has to stand still: buffers fill, the browser finds its bitrate
export const STEP_MS = 45; // between sound and picture
const IN_STEP = 0.95; // of all looks
const GROWTH_KIB = 512;
const HEARD_HZ = 12; // as near to our tone
const EPOCH_MS = 2208988800000; // from NTP's to UNIX's

export const shareInStep = (steps) => steps.filter((step) => Math.abs(step) <= STEP_MS).length / steps.length;

// Positive when the sound is behind the picture: the capture times of what is played just now (W3C webrtc-stats, estimatedPlayoutTimestamp), which whoever receives computes
// from the sender's reports (RFC 3550 section 6.4.1).
const stepOf = (audio, video) => video.estimatedPlayoutTimestamp - audio.estimatedPlayoutTimestamp;

// What one look at the page says.
//   stepMs         as above
//   stampedStepMs  the age of the sound by the same, the age of the picture by the stamp in its pixels
export function readLook(look) {
  const of = (kind) => look.inbound.find((s) => s.kind === kind) ?? {};
  const audio = of('audio'), video = of('video');
  const ages = look.stamps.map((stamp) => stamp.delayMs), shown = look.stamps.map((stamp) => stamp.timeMs + stamp.delayMs);
  return {
    stepMs: stepOf(audio, video),
    stampedStepMs: look.atMs - (audio.estimatedPlayoutTimestamp - EPOCH_MS) - median(ages),
    pictureAgeMs: median(ages), pauseMs: longestPause(shown, shown[0], shown.at(-1)),
    freezes: video.freezeCount, lost: (audio.packetsLost ?? 0) + (video.packetsLost ?? 0), concealed: audio.concealedSamples / audio.totalSamplesReceived,
    framesPerSecond: look.stamps.length / (LOOK_MS / 1000), hertz: median(look.peaksHz),
  };
}

// What our reports say, one a second, after the warming up. Each is the inbound-rtp of both kinds.
export function readReports(reports) {
  const sum = (report, member) => report.reduce((total, s) => total + (s[member] ?? 0), 0);
  const steady = reports.slice((WARM_UP * LOOK_MS) / 1000), last = reports.at(-1) ?? [];
  return {
    stepsMs: steady.map((report) => stepOf(report.find((s) => s.kind === 'audio') ?? {}, report.find((s) => s.kind === 'video') ?? {})),
    freezeCount: sum(last, 'freezeCount') - sum(steady[0] ?? [], 'freezeCount'),
    packetsLost: sum(last, 'packetsLost'),
  };
}

export function judgeSoak(looks, ours) {
  const complaints = [];
  const steady = looks.slice(WARM_UP), quarter = Math.max(1, steady.length >> 2);
  if (steady.length === 0) return ['it was too short'];
  const first = steady.slice(0, quarter), last = steady.slice(-quarter);
  const growth = (member) => median(last.map((l) => l[member])) - median(first.map((l) => l[member]));
  if (!(growth('kib') <= GROWTH_KIB)) complaints.push(`memory has grown by ${growth('kib')} KiB`);
  if (!(growth('descriptors') <= 0)) complaints.push(`descriptors have grown by ${growth('descriptors')}`);
  if (!(growth('threads') <= 0)) complaints.push(`threads have grown by ${growth('threads')}`);
  const steps = { 'to the browser': steady.map((l) => l.stepMs), 'to the browser, by the stamp': steady.map((l) => l.stampedStepMs), 'to us': ours.stepsMs };
  for (const [which, values] of Object.entries(steps)) {
    const within = shareInStep(values);
    if (!(Math.abs(median(values)) <= STEP_MS) || !(within >= IN_STEP)) complaints.push(`sound and picture ${which}: ${median(values).toFixed(0)} ms, ${(100 * within).toFixed(1)} % within ${STEP_MS} ms`);
  }
  const freezes = looks.at(-1).freezes - looks[WARM_UP - 1].freezes;
  if (!(freezes === 0)) complaints.push(`the browser counts ${freezes} freezes`);
  if (!(ours.freezeCount === 0)) complaints.push(`we count ${ours.freezeCount} freezes`);
  if (!(looks.at(-1).lost === 0)) complaints.push(`${looks.at(-1).lost} packets to the browser are lost`);
  if (!(ours.packetsLost === 0)) complaints.push(`${ours.packetsLost} packets to us are lost`);
  if (!(Math.abs(median(steady.map((l) => l.hertz)) - OUR_TONE_HZ) < HEARD_HZ)) complaints.push('the browser does not hear our tone');
  return complaints;
}
