// One party of a negotiation: an RTCPeerConnection with a camera and a microphone, and the steps of steps.js. Nothing here is particular to
// one browser.

import { LENGTHS, isIntact, messageOf } from './echo.js';
import { negotiate } from './perfect.js';
import { perform } from './steps.js';

const plain = (description) => description && { type: description.type, sdp: description.sdp };
const mimeType = (codec) => (codec === 'opus' ? 'audio/opus' : `${/^PCM|telephone/.test(codec) ? 'audio' : 'video'}/${codec}`);
let camera = null;

async function newTrack(kind) {
  camera ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
  return camera.getTracks().find((track) => track.kind === kind).clone();
}

function setCodecs(transceiver, names) {
  const { kind } = transceiver.receiver.track;
  const { codecs } = RTCRtpReceiver.getCapabilities(kind);
  const wanted = names.flatMap((name) => codecs.filter((c) => c.mimeType.toLowerCase() === mimeType(name).toLowerCase()));
  if (wanted.length === 0) throw new Error(`the browser has none of ${names}`);
  const besides = codecs.filter((c) => /\/(rtx|telephone-event)$/.test(c.mimeType));
  transceiver.setCodecPreferences([...wanted, ...besides]);
}

// What steps.js and perfect.js want of a transceiver.
class Transceiver {
  constructor(connection, inner) {
    Object.assign(this, { connection, inner });
  }
  get mid() { return this.inner.mid; }
  get currentDirection() { return this.inner.currentDirection; }
  setDirection(direction) { this.inner.direction = direction; }
  setCodecs(names) { setCodecs(this.inner, names); }
  removeTrack() { this.connection.removeTrack(this.inner.sender); }
  stop() { this.inner.stop(); }
  async replaceTrack() { await this.inner.sender.replaceTrack(await newTrack(this.inner.receiver.track.kind)); }
  insertDTMF(tones) { this.inner.sender.dtmf.insertDTMF(tones, 100, 70); }
}

class PageConnection extends RTCPeerConnection {
  async addTrack(kind) {
    const track = await newTrack(kind);
    super.addTrack(track, new MediaStream([track]));
  }
  async addTransceiver(kind, { direction = 'sendrecv', codecs, encodings, track = true }) {
    const sends = track && direction.startsWith('send');
    const init = { direction, ...(encodings ? { sendEncodings: encodings } : {}) };
    const transceiver = super.addTransceiver(sends ? await newTrack(kind) : kind, init);
    if (codecs) setCodecs(transceiver, codecs);
  }
  async getTransceivers() { return super.getTransceivers().map((inner) => new Transceiver(this, inner)); }
  createDataChannel() {
    const channel = super.createDataChannel('label');
    channel.binaryType = 'arraybuffer';
    const sendNext = () => {
      const length = LENGTHS[echoed.length];
      if (length) channel.send(messageOf(length));
      else channel.close();
    };
    channel.onopen = sendNext;
    channel.onclose = () => echoed.push('closed');
    channel.onmessage = ({ data }) => {
      const bytes = new Uint8Array(data);
      echoed.push(isIntact(bytes, false) ? bytes.length : `broken ${bytes.length}`);
      sendNext();
    };
  }
}

const failures = [], echoed = [];
let connection = null, receive = null;

const looksOf = (transceiver) => ({
  mid: transceiver.mid, kind: transceiver.receiver.track.kind, direction: transceiver.direction, currentDirection: transceiver.currentDirection,
});

// Packets and frames by mid; those of several encodings together.
async function streams(stats) {
  const all = {};
  for (const s of stats) {
    if (!['inbound-rtp', 'outbound-rtp'].includes(s.type)) continue;
    const one = (all[s.mid] ??= {});
    if (s.codecId) one.codec = stats.find((c) => c.id === s.codecId)?.mimeType.split('/')[1];
    if (s.type === 'inbound-rtp') one.received = (one.received ?? 0) + s.packetsReceived;
    else one.sent = (one.sent ?? 0) + s.packetsSent;
    if (s.type === 'inbound-rtp' && s.kind === 'video') one.frames = (one.frames ?? 0) + s.framesDecoded;
  }
  return all;
}

// The longest time without another shown frame, in milliseconds.
let longestGap = 0;
function watch(element) {
  let last = null;
  const shown = (now) => {
    if (last !== null) longestGap = Math.max(longestGap, now - last);
    last = now;
    element.requestVideoFrameCallback(shown);
  };
  element.requestVideoFrameCallback(shown);
}

window.party = {
  open(configuration) {
    connection = new PageConnection(configuration);
    connection.onicecandidate = ({ candidate }) => window.told({ candidate: candidate?.candidate ? candidate.toJSON() : null });
    connection.ondatachannel = ({ channel }) => {
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => channel.send(data);
    };
    connection.ontrack = ({ track }) => { // somebody has to look, or nothing is decoded
      const element = document.body.appendChild(document.createElement(track.kind));
      element.muted = true;
      element.srcObject = new MediaStream([track]);
      element.play().catch(() => {});
      if (track.kind === 'video') watch(element);
    };
  },
  negotiate({ polite }) {
    receive = negotiate(connection, { polite, send: window.told, onError: (error) => failures.push(String(error)) });
    connection.onicecandidate = ({ candidate }) => window.told({ candidate: candidate?.candidate ? candidate.toJSON() : null });
  },
  receive: (message) => receive(message),
  longestGap() {
    const gap = longestGap;
    longestGap = 0;
    return Math.round(gap);
  },
  perform: (list) => perform(connection, list),
  async setLocalDescription(description) {
    await connection.setLocalDescription(description);
    return plain(connection.localDescription);
  },
  setRemoteDescription: (description) => connection.setRemoteDescription(description),
  addIceCandidate: (candidate) => connection.addIceCandidate(candidate ?? undefined),
  async look() {
    const stats = [...(await connection.getStats()).values()];
    const { signalingState, connectionState, iceConnectionState, iceGatheringState } = connection;
    return {
      signalingState, connectionState, iceConnectionState, iceGatheringState, failures, echoed,
      transceivers: (await connection.getTransceivers()).map(({ inner }) => looksOf(inner)), streams: await streams(stats),
      local: plain(connection.localDescription), remote: plain(connection.remoteDescription),
      pairs: stats.filter((s) => s.type === 'transport').map((s) => s.selectedCandidatePairId),
    };
  },
  close() {
    connection?.close();
    camera?.getTracks().forEach((track) => track.stop());
  },
};
