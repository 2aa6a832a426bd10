// @roamhq/wrtc as a peer, libwebrtc without a browser around it: one RTCPeerConnection on lines of JSON (peers/program.js says which). It sends a stamped picture and a
// tone, reads the stamp in every picture that it decodes, and keeps what it hears.

import wrtc from '@roamhq/wrtc';
import { OUR_TONE_HZ } from '../judge.js';
import { SAMPLE_RATE, toneShare } from '../recording.js';
import { readStamp } from '../stamp.js';
import { HEIGHT, WIDTH, drawPicture } from './canned.js';
import { answerRequests, negotiation, say, tellCandidates } from './requests.js';

const { RTCAudioSink, RTCAudioSource, RTCVideoSink, RTCVideoSource } = wrtc.nonstandard;
const FRAMES_PER_SECOND = 20;
const PIECE = SAMPLE_RATE / 100; // libwebrtc takes and gives 10 ms at a time
const VOLUME = 8000;

const nowMs = () => Date.now() % 2 ** 32;

let connection = null;
const timers = [], sinks = [];

// ---- what it sends -------------------------------------------------------------------------------------------------------------------------

// Turn n is due n intervals after the first: a timer that comes late is made up for.
function pace(intervalMs, turn) {
  const startMs = performance.now();
  let count = 0;
  timers.push(setInterval(() => {
    while (performance.now() - startMs >= count * intervalMs) turn(count++);
  }, intervalMs / 2));
}

function picture() {
  const source = new RTCVideoSource();
  pace(1000 / FRAMES_PER_SECOND, (number) => source.onFrame({ width: WIDTH, height: HEIGHT, data: new Uint8ClampedArray(drawPicture(number, nowMs())) }));
  return source.createTrack();
}

function tone(hertz) {
  const source = new RTCAudioSource();
  pace(10, (turn) => {
    const samples = Int16Array.from({ length: PIECE }, (_, i) => VOLUME * Math.sin((2 * Math.PI * hertz * (turn * PIECE + i)) / SAMPLE_RATE));
    source.onData({ samples, sampleRate: SAMPLE_RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: PIECE });
  });
  return source.createTrack();
}

// ---- what arrives ----------------------------------------------------------------------------------------------------------------------------

const seen = { frames: 0, stamps: [], size: null };
const heard = []; // samples of the first channel

function watch(track) {
  const sink = new RTCVideoSink(track);
  sink.onframe = ({ frame: { width, height, data } }) => {
    const stamp = readStamp((x, y) => data[y * width + x], width);
    seen.frames++;
    seen.size = `${width}x${height}`;
    if (stamp) seen.stamps.push({ ...stamp, delayMs: nowMs() - stamp.timeMs });
  };
  sinks.push(sink);
}

function listen(track) {
  const sink = new RTCAudioSink(track);
  sink.ondata = ({ samples, sampleRate, channelCount }) => {
    if (sampleRate !== SAMPLE_RATE) return; // then it has heard nothing, and the judge says so
    for (let at = 0; at < samples.length; at += channelCount) heard.push(samples[at]);
  };
  sinks.push(sink);
}

// ---- the connection ----------------------------------------------------------------------------------------------------------------------------

const acts = {
  open({ iceServers, media, toneHz }) {
    connection = new wrtc.RTCPeerConnection({ iceServers });
    connection.onconnectionstatechange = () => say({ event: 'state', state: connection.connectionState });
    tellCandidates(connection);
    connection.ontrack = ({ track }) => (track.kind === 'video' ? watch : listen)(track);
    if (media.includes('audio')) connection.addTrack(tone(toneHz));
    if (media.includes('video')) connection.addTrack(picture());
  },
  ...negotiation(() => connection),
  async measure() {
    const stats = [...(await connection.getStats()).values()];
    // libwebrtc shows remote-outbound-rtp of pictures from M125 on, and this is M106. When a picture is to be shown, on the sender's clock, it knows only from a sender report.
    const { id, estimatedPlayoutTimestamp: told } = stats.find((s) => s.type === 'inbound-rtp' && s.kind === 'video') ?? {};
    if (told) stats.push({ type: 'remote-outbound-rtp', id: `of-${id}`, kind: 'video' });
    return { stats, picture: seen, sound: { share: toneShare(heard, OUR_TONE_HZ) } };
  },
  close() {
    timers.forEach(clearInterval);
    sinks.forEach((sink) => sink.stop());
    connection?.close();
  },
};

await answerRequests(`wrtc/${process.argv[2]}`, acts);
process.exit(0); // its threads would keep it
