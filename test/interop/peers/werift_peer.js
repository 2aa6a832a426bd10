// werift as a peer: one RTCPeerConnection on lines of JSON (peers/program.js says which). It packs the canned picture and tone into RTP, and records what arrives.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MediaStreamTrack, OpusPacketizer, RTCPeerConnection, RtcpSrPacket, Vp8Packetizer, useOPUS, useVP8 } from 'werift';
import { MediaRecorder, OggParser } from 'werift/nonstandard';
import { answerRequests, negotiation, say, tellCandidates } from './requests.js';

const IVF_HEADER = 32, FRAME_HEADER = 12; // bytes

let connection = null;
const timers = [], recorders = [], reports = [];

// ---- what it sends: { frames, intervalMs, ticks, packetizer }, ticks of the RTP clock between two frames ----------------------------------------------

function readPictures(path) {
  const file = readFileSync(path), frames = [];
  const seconds = file.readUInt32LE(20) / file.readUInt32LE(16); // of a frame
  for (let at = IVF_HEADER; at < file.length; ) {
    const end = at + FRAME_HEADER + file.readUInt32LE(at);
    frames.push(file.subarray(at + FRAME_HEADER, end));
    at = end;
  }
  return { frames, intervalMs: 1000 * seconds, ticks: 90000 * seconds, packetizer: new Vp8Packetizer() };
}

// After OpusHead and OpusTags, a packet in each page.
const readSound = (path) => ({ frames: new OggParser().read(readFileSync(path)).exportSegments().slice(2), intervalMs: 20, ticks: 960, packetizer: new OpusPacketizer() });

// A timer that comes late is made up for.
function play(track, { frames, intervalMs, ticks, packetizer }) {
  const startMs = performance.now();
  let next = 0;
  timers.push(setInterval(() => {
    for (; next < frames.length && performance.now() - startMs >= next * intervalMs; next++) {
      packetizer.packetize(frames[next], next * ticks).forEach((packet) => track.writeRtp(packet));
    }
  }, intervalMs / 2));
}

// ---- what arrives ---------------------------------------------------------------------------------------------------------------------------------

function record(track, folder) {
  const recorder = new MediaRecorder({ path: join(folder, `peer-${track.kind}.webm`), tracks: [track], width: 640, height: 480, disableNtp: true, disableLipSync: true });
  recorder.onError.subscribe((error) => console.error('recording:', error));
  recorders.push(recorder);
}

// ---- the connection ---------------------------------------------------------------------------------------------------------------------------------

const acts = {
  open({ iceServers, media, canned, folder }) {
    // One codec of each kind: of several its statistics name the one with the lowest payload type.
    connection = new RTCPeerConnection({ iceServers, codecs: { audio: [useOPUS()], video: [useVP8()] } });
    const starts = media.map((kind) => {
      const track = new MediaStreamTrack({ kind });
      connection.addTrack(track);
      const samples = kind === 'video' ? readPictures(canned.video) : readSound(canned.audio);
      return () => play(track, samples);
    });
    connection.onconnectionstatechange = () => {
      say({ event: 'state', state: connection.connectionState });
      if (connection.connectionState === 'connected') starts.splice(0).forEach((start) => start());
    };
    tellCandidates(connection);
    connection.ontrack = ({ track, receiver }) => {
      record(track, folder);
      receiver.onRtcp.subscribe((packet) => packet.type === RtcpSrPacket.type && reports.push(...packet.reports));
    };
  },
  ...negotiation(() => connection),
  async measure() {
    const stats = [...(await connection.getStats()).values()];
    // Its senders see the report blocks of an RR, and not those of an SR, which go to the receiver alone (RFC 3550 section 6.4.1).
    for (const { id, ssrc, kind } of stats.filter((s) => s.type === 'outbound-rtp')) {
      if (reports.some((report) => report.ssrc === ssrc)) stats.push({ type: 'remote-inbound-rtp', id: `of-${id}`, kind, ssrc });
    }
    return { stats };
  },
  async close() {
    timers.forEach(clearInterval);
    await Promise.all(recorders.map((recorder) => recorder.stop()));
    await connection?.close();
  },
};

await answerRequests(`werift/${process.argv[2]}`, acts);
process.exit(0);
