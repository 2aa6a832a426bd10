// The judge: good measurements pass, and each way of breaking one number is seen.

import assert from 'node:assert/strict';
import test from 'node:test';
import { OUR_TONE_HZ, PEER_TONE_HZ, describe, judge, longestPause } from './judge.js';
import { toneShare } from './recording.js';

const SECONDS = 8;
const plan = { media: ['audio', 'video'], path: { remote: ['host'] }, seconds: SECONDS, lossless: true };
const stamps = () => Array.from({ length: 240 }, (_, i) => ({ number: i, timeMs: 33 * i, delayMs: 60 }));

function good() {
  return {
    ours: {
      exitCode: 0,
      summary: {
        event: 'summary', exitCode: 0, failure: null, timings: { dtlsConnectedMs: 80 },
        selectedCandidatePair: { local: { candidateType: 'host' }, remote: { candidateType: 'host' } },
        inbound: [
          { kind: 'audio', codec: 'opus', packetsReceived: 500, packetsLost: 0 },
          { kind: 'video', codec: 'VP8', packetsReceived: 900, packetsLost: 0, framesDecoded: 290, keyFramesDecoded: 1 },
        ],
        outbound: [
          { kind: 'audio', codec: 'opus', packetsSent: 510 },
          { kind: 'video', codec: 'VP8', packetsSent: 1000, framesEncoded: 300 },
        ],
      },
    },
    peer: {
      seen: { failures: [], goodbye: 'bye', sdp: {} },
      connectionState: 'connected',
      picture: { frames: 240, stamps: stamps(), size: '640x480' },
      sound: { peaksHz: Array(40).fill(OUR_TONE_HZ + 2) },
      stats: [
        { id: 'T', type: 'transport', selectedCandidatePairId: 'P', tlsVersion: 'FEFD', srtpCipher: 'SRTP_AEAD_AES_128_GCM' },
        { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R' },
        { id: 'L', type: 'local-candidate', candidateType: 'host' },
        { id: 'R', type: 'remote-candidate', candidateType: 'host' },
        { id: 'CA', type: 'codec', mimeType: 'audio/opus' },
        { id: 'CV', type: 'codec', mimeType: 'video/VP8' },
        { id: 'IA', type: 'inbound-rtp', kind: 'audio', codecId: 'CA', packetsReceived: 400, packetsLost: 0, concealedSamples: 100, totalSamplesReceived: 384000 },
        { id: 'IV', type: 'inbound-rtp', kind: 'video', codecId: 'CV', packetsReceived: 700, packetsLost: 0, framesDecoded: 240 },
        { id: 'OA', type: 'outbound-rtp', kind: 'audio', codecId: 'CA', packetsSent: 400 },
        { id: 'OV', type: 'outbound-rtp', kind: 'video', codecId: 'CV', packetsSent: 800 },
        { id: 'SA', type: 'remote-outbound-rtp', kind: 'audio' }, { id: 'SV', type: 'remote-outbound-rtp', kind: 'video' },
        { id: 'RA', type: 'remote-inbound-rtp', kind: 'audio' }, { id: 'RV', type: 'remote-inbound-rtp', kind: 'video' },
      ],
    },
    recording: { video: { frames: 240, stamps: stamps() }, audio: { seconds: 10, share: 0.95 } },
  };
}

const ourInbound = (m, kind) => m.ours.summary.inbound.find((s) => s.kind === kind);
const ourOutbound = (m, kind) => m.ours.summary.outbound.find((s) => s.kind === kind);
const stat = (m, id) => m.peer.stats.find((s) => s.id === id);
const without = (m, id) => (m.peer.stats = m.peer.stats.filter((s) => s.id !== id));

// What is broken, and a word that the complaint must hold.
const breakages = {
  'exit code 13': [(m) => (m.ours.exitCode = m.ours.summary.exitCode = 13), 'exit code 13'],
  'an exit code that the summary does not know': [(m) => (m.ours.summary.exitCode = 1), 'summary says'],
  'no summary': [(m) => (m.ours.summary = null), 'no summary'],
  'a relayed pair': [(m) => (m.ours.summary.selectedCandidatePair.remote.candidateType = 'relay'), 'relay'],
  'no inbound video': [(m) => m.ours.summary.inbound.pop(), 'no inbound'],
  'no outbound audio': [(m) => m.ours.summary.outbound.shift(), 'no outbound'],
  'another codec on our side': [(m) => (ourInbound(m, 'video').codec = 'VP9'), 'VP9'],
  'no picture decoded by us': [(m) => (ourInbound(m, 'video').framesDecoded = 0), 'decoded 0'],
  'a counter that is missing': [(m) => delete ourInbound(m, 'video').framesDecoded, 'decoded undefined'],
  'no key frame decoded by us': [(m) => (ourInbound(m, 'video').keyFramesDecoded = 0), 'key frame'],
  'few audio packets to us': [(m) => (ourInbound(m, 'audio').packetsReceived = 300), 'received 300'],
  'loss on the way to us': [(m) => (ourInbound(m, 'video').packetsLost = 50), 'lost 50'],
  'few pictures encoded by us': [(m) => (ourOutbound(m, 'video').framesEncoded = 20), 'encoded 20'],
  'the peer complained': [(m) => m.peer.seen.failures.push('OperationError'), 'OperationError'],
  'the peer is not connected': [(m) => (m.peer.connectionState = 'failed'), 'failed'],
  'no bye': [(m) => (m.peer.seen.goodbye = 'peer-left'), 'not our bye'],
  'no inbound audio at the peer': [(m) => without(m, 'IA'), 'no inbound-rtp'],
  'another codec at the peer': [(m) => (stat(m, 'CV').mimeType = 'video/H264'), 'H264'],
  'loss on the way to the peer': [(m) => (stat(m, 'IV').packetsLost = 50), 'lost 50'],
  'concealed sound': [(m) => (stat(m, 'IA').concealedSamples = 200000), 'concealed'],
  'no sender report of ours': [(m) => without(m, 'SV'), 'sender report'],
  'no reception report of ours': [(m) => without(m, 'RA'), 'reception report'],
  'silence': [(m) => (m.peer.sound.peaksHz = []), 'silence'],
  'another tone': [(m) => (m.peer.sound.peaksHz = Array(40).fill(1000)), '1000 Hz'],
  'few pictures at the peer': [(m) => (stat(m, 'IV').framesDecoded = 40), 'decoded 40'],
  'pictures without a stamp': [(m) => (m.peer.picture.stamps.length = 100), 'readable'],
  'one picture again and again': [(m) => m.peer.picture.stamps.forEach((s) => (s.number = 7)), 'only 1 different'],
  'pictures in the wrong order': [(m) => m.peer.picture.stamps.reverse(), 'after'],
  'old pictures': [(m) => m.peer.picture.stamps.forEach((s) => (s.delayMs = 5000)), 'old'],
  'more received than we sent': [(m) => (stat(m, 'IV').packetsReceived = 2000), 'of the 1000'],
  'sent and never counted by us': [(m) => (stat(m, 'OV').packetsSent = 2000), 'we count 900'],
  'a recording without numbers': [(m) => (m.recording.video.stamps = []), 'our recording'],
  'a recording of something else': [(m) => (m.recording.audio.share = 0.1), 'our recording'],
  'a recording that is none': [(m) => (m.recording.video = { frames: 0, stamps: [], error: 'ffmpeg: Invalid data' }), 'Invalid data'],
  'a short recording': [(m) => (m.recording.audio.seconds = 2), 'our recording'],
};

test('good measurements pass and are described', () => {
  assert.deepEqual(judge(plan, good()), []);
  assert.match(describe(plan, good()), /host\/host.*240 numbers 0\.\.239.*442 Hz.*95 % tone/);
});

test('a codec has its name in any case', () => {
  const measured = good();
  stat(measured, 'CA').mimeType = 'audio/OPUS';
  assert.deepEqual(judge(plan, measured), []);
});

for (const [name, [breakIt, word]] of Object.entries(breakages)) {
  test(`seen: ${name}`, () => {
    const measured = good();
    breakIt(measured);
    const complaints = judge(plan, measured).join('\n');
    assert.ok(complaints.includes(word), `no complaint with "${word}" in: ${complaints}`);
  });
}

test('a call that we interrupt ends with the exit code for it, and no other one does', () => {
  const measured = good();
  assert.match(judge({ ...plan, exitCode: 130 }, measured).join(), /exit code 0/);
  measured.ours.exitCode = measured.ours.summary.exitCode = 130;
  assert.deepEqual(judge({ ...plan, exitCode: 130 }, measured), []);
});

// ---- paths -------------------------------------------------------------------------------------------------------------------

const NAME = '1f4712db-ea17-4bcf-a596-105139dfd8bf.local';
const hostCandidate = (address) => `candidate:1 1 udp 2122260223 ${address} 40000 typ host`;
const relayPath = { local: ['relay'], relayProtocol: 'tls', remote: ['srflx'], peerSees: '203.0.113.10' };
const hiddenPath = { peerHidden: true, oursHidden: true };

function goodRelay() {
  const measured = good();
  const pair = { local: { candidateType: 'relay', relayProtocol: 'tls' }, remote: { candidateType: 'srflx' } };
  measured.ours.summary.selectedCandidatePair = pair;
  stat(measured, 'R').address = '203.0.113.10';
  measured.peer.seen.localCandidates = [hostCandidate(NAME), `${hostCandidate(NAME)} tcptype active`];
  measured.peer.seen.remoteCandidates = [hostCandidate(NAME)];
  return measured;
}

const ourPair = (m) => m.ours.summary.selectedCandidatePair;
const wrongPaths = {
  'no relay of ours': [relayPath, (m) => (ourPair(m).local.candidateType = 'srflx'), 'local candidate is srflx'],
  'the relay by another transport': [relayPath, (m) => (ourPair(m).local.relayProtocol = 'udp'), 'over udp, not tls'],
  'another kind of remote candidate': [relayPath, (m) => (ourPair(m).remote.candidateType = 'relay'), 'remote candidate is relay'],
  'the peer does not send to the relay': [relayPath, (m) => (stat(m, 'R').address = '10.2.0.2'), 'it sends to 10.2.0.2'],
  'no relay at any end': [{ relayed: true }, (m) => (ourPair(m).local.candidateType = 'prflx'), 'no end'],
  'the peer shows its address': [hiddenPath, (m) => m.peer.seen.localCandidates.push(hostCandidate('10.1.0.2')), 'peer: a candidate that is no host without an address'],
  'the peer shows its address as a reflexive one': [hiddenPath, (m) => m.peer.seen.localCandidates.push('candidate:2 1 udp 1 203.0.113.101 5 typ srflx raddr 0.0.0.0 rport 0'), 'typ srflx'],
  'we show our address': [hiddenPath, (m) => m.peer.seen.remoteCandidates.push(hostCandidate('10.1.0.3')), 'ours: a candidate that is no host without an address'],
  'nothing is hidden, because there is nothing': [hiddenPath, (m) => (m.peer.seen.localCandidates = []), 'no candidates'],
  'no selected pair': [{}, (m) => (m.ours.summary.selectedCandidatePair = null), 'no selected pair'],
};

test('good paths pass', () => {
  for (const path of [relayPath, hiddenPath, { relayed: true }]) assert.deepEqual(judge({ ...plan, path }, goodRelay()), []);
});

for (const [name, [path, breakIt, word]] of Object.entries(wrongPaths)) {
  test(`seen: ${name}`, () => {
    const measured = goodRelay();
    breakIt(measured);
    const complaints = judge({ ...plan, path }, measured).join('\n');
    assert.ok(complaints.includes(word), `no complaint with "${word}" in: ${complaints}`);
  });
}

// ---- peers that send back what is ours, or only send -----------------------------------------------------------------------

// The peer knows nothing of what is in its packets, and of RTCP.
const blind = ['content', 'reports'];
function goodEcho() {
  const measured = good();
  const { stats, picture, sound, ...others } = measured.peer;
  measured.peer = { ...others, lacks: blind, stats: stats.filter((s) => !s.type.startsWith('remote-')).map(({ framesDecoded, concealedSamples, totalSamplesReceived, ...s }) => s) };
  measured.ours.reports = [[{ type: 'inbound-rtp', kind: 'audio', timestamp: 1000 }], [{ type: 'inbound-rtp', kind: 'audio', timestamp: 8000 }]];
  return measured;
}
function goodToUs() {
  const measured = goodEcho();
  measured.ours.summary.outbound = [];
  measured.peer.lacks = [...blind, 'inbound'];
  for (const id of ['IA', 'IV']) without(measured, id);
  return measured;
}

const oneWays = {
  'an echo of few packets': ['echo', (m) => (stat(m, 'IV').packetsReceived = 70), 'peer, video: received 70'],
  'an echo that lost much': ['echo', (m) => (stat(m, 'IV').packetsLost = 50), 'peer, video: lost 50'],
  'an echo that received more than we sent': ['echo', (m) => (stat(m, 'IA').packetsReceived = 600), 'of the 510'],
  'an echo of which we count little': ['echo', (m) => (stat(m, 'OA').packetsSent = 600), 'we count 500'],
  'an echo without counters of what it received': ['echo', (m) => without(m, 'IV'), 'no inbound-rtp'],
  'an echo without counters of what it sent': ['echo', (m) => without(m, 'OV'), 'no outbound-rtp'],
  'an echo of pictures that we did not number': ['echo', (m) => m.recording.video.stamps.forEach((s) => (s.number += 200)), 'none that we sent'],
  'an echo of another time': ['echo', (m) => m.recording.video.stamps.forEach((s) => (s.timeMs += 10000)), 'none that we sent'],
  'an echo without reports of ours': ['echo', (m) => (m.ours.reports = []), 'none that we sent'],
  'an echo of another sound': ['echo', (m) => (m.recording.audio.share = 0.1), `the tone of ${OUR_TONE_HZ} Hz`],
  'nothing sent for an echo': ['echo', (m) => (m.ours.summary.outbound = []), 'no outbound'],
  'another sound to us': ['to-us', (m) => (m.recording.audio.share = 0.1), `the tone of ${PEER_TONE_HZ} Hz`],
  'a picture to us that is none': ['to-us', (m) => (m.recording.video.stamps = []), 'our recording'],
  'another codec to us': ['to-us', (m) => (stat(m, 'CA').mimeType = 'audio/PCMU'), 'PCMU'],
};

test('an echo passes, and a peer that only sends', () => {
  assert.deepEqual(judge({ ...plan, flow: 'echo' }, goodEcho()), []);
  assert.match(describe(plan, goodEcho()), /picture to peer: 700 packets; picture to us: 290 decoded.*sound to peer: 400 packets; sound to us/);
  assert.deepEqual(judge({ ...plan, flow: 'to-us' }, goodToUs()), []);
  assert.doesNotMatch(describe(plan, goodToUs()), /to peer/);
});

for (const [name, [flow, breakIt, word]] of Object.entries(oneWays)) {
  test(`seen: ${name}`, () => {
    const measured = { echo: goodEcho, 'to-us': goodToUs }[flow]();
    breakIt(measured);
    const complaints = judge({ ...plan, flow }, measured).join('\n');
    assert.ok(complaints.includes(word), `no complaint with "${word}" in: ${complaints}`);
  });
}

// ---- events in mid-call ------------------------------------------------------------------------------------------------------

const restart = { ...plan, restarts: true, pauseBeyondUsualMs: 100 };

// Three seconds into the call of stamps(), five before its end.
function goodWindow() {
  const measured = good();
  const before = { local: 'aaaa', remote: 'bbbb', pair: 'P0' };
  measured.window = { sinceMs: 3000, untilMs: 8000, before, path: { local: 'cccc', remote: 'dddd', pair: 'P1' }, peer: good().peer };
  measured.window.peer.stats.find((s) => s.id === 'IA').packetsReceived = 150;
  measured.ours.reports = Array.from({ length: 8 }, (_, i) => [{ type: 'inbound-rtp', kind: 'audio', timestamp: 1000 * i, packetsReceived: 50 * i }]);
  return measured;
}

const badWindows = {
  'our old password': [(m) => (m.window.path.remote = 'bbbb'), 'same remote ufrag'],
  'its old password': [(m) => (m.window.path.local = 'aaaa'), 'same local ufrag'],
  'the old pair': [(m) => (m.window.path.pair = 'P0'), 'same pair'],
  'a pause in the picture to the peer': [(m) => m.peer.picture.stamps.splice(100, 50), 'no picture to the peer'],
  'a picture to the peer that ends': [(m) => m.peer.picture.stamps.splice(150), 'no picture to the peer'],
  'a pause in the picture to us': [(m) => m.recording.video.stamps.splice(100, 50), 'no picture to us'],
  'a pause in the sound to the peer': [(m) => (m.window.peer.stats.find((s) => s.id === 'IA').packetsReceived = 250), '150 audio packets to the peer'],
  'a pause in the sound to us': [(m) => m.ours.reports.slice(5).forEach((r) => (r[0].packetsReceived = 250)), '100 audio packets to us in 4.0 s'],
  'no reports of ours': [(m) => (m.ours.reports = []), '0 audio packets to us'],
};

test('a call that goes on after an event passes', () => {
  assert.deepEqual(judge(restart, goodWindow()), []);
  assert.match(describe(restart, goodWindow()), /longest pause of the whole call: 60 ms to peer, 113 ms to us/);
});

for (const [name, [breakIt, word]] of Object.entries(badWindows)) {
  test(`seen after an event: ${name}`, () => {
    const measured = goodWindow();
    breakIt(measured);
    const complaints = judge(restart, measured).join('\n');
    assert.ok(complaints.includes(word), `no complaint with "${word}" in: ${complaints}`);
  });
}

test('an event may have its own bound, and leave the path alone', () => {
  const measured = goodWindow();
  measured.peer.picture.stamps.splice(100, 50);
  measured.peer.picture.frames -= 50;
  measured.window.path = measured.window.before;
  assert.deepEqual(judge({ ...plan, pauseMs: 2000 }, measured), []);
  assert.match(judge({ ...plan, pauseMs: 1000 }, measured).join(), /no picture to the peer for \d+ ms$/);
});

test('the pause to us may have a bound of its own', () => {
  const measured = goodWindow();
  measured.recording.video.stamps.splice(100, 50);
  measured.recording.video.frames -= 50;
  assert.deepEqual(judge({ ...plan, pauseMs: 500, pauseToUsMs: 2000 }, measured), []);
  assert.match(judge({ ...plan, pauseMs: 2000, pauseToUsMs: 500 }, measured).join(), /no picture to us for \d+ ms/);
});

test('where packets may be lost, loss is no complaint', () => {
  const measured = goodWindow();
  ourInbound(measured, 'video').packetsLost = stat(measured, 'IV').packetsLost = 50;
  stat(measured, 'IA').concealedSamples = 200000;
  stat(measured, 'OV').packetsSent = 2000;
  assert.deepEqual(judge({ ...plan, lossless: false }, measured), []);
});

test('the longest pause counts both ends', () => {
  assert.equal(longestPause([], 100, 300), 200);
  assert.equal(longestPause([50, 150, 250, 400], 100, 300), 100);
  assert.equal(longestPause([290, 110], 100, 300), 180);
});

test('a kind that is not in the case is not asked for', () => {
  const measured = good();
  measured.ours.summary.inbound.pop();
  measured.ours.summary.outbound.pop();
  measured.recording.video = null;
  assert.deepEqual(judge({ ...plan, media: ['audio'] }, measured), []);
});

test('the tone is found in the sound, and not in silence, noise or another tone', () => {
  const wave = (hertz, noise) => Int16Array.from({ length: 48000 }, (_, i) => 8000 * Math.sin((2 * Math.PI * hertz * i) / 48000) + noise * (((i * 7919) % 1999) - 999));
  assert.ok(toneShare(wave(PEER_TONE_HZ, 0), PEER_TONE_HZ) > 0.95);
  assert.ok(toneShare(wave(PEER_TONE_HZ, 1), PEER_TONE_HZ) > 0.9);
  assert.ok(toneShare(wave(OUR_TONE_HZ, 0), PEER_TONE_HZ) < 0.2);
  assert.equal(toneShare(new Int16Array(48000), PEER_TONE_HZ), 0);
});
