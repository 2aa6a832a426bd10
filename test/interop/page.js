// One peer of a call, in a browser: joins a room (the signaling of docs/signaling.md), sends a stamped picture and a tone, and measures
// what arrives. Nothing here is particular to one browser.

import { cellRectangle, readStamp, stampCells, stampHeight } from './stamp.js';

const remote = document.getElementById('remote');
const seen = { offers: 0, answers: 0, localCandidates: [], remoteCandidates: [], endOfCandidates: false, goodbye: null, failures: [], sdp: {} };
let connection = null;
let socket = null;

// ---- what we send --------------------------------------------------------------------------------------------------------

// Colours that move, for a page without a camera.
function drawColours(context, { width, height }, number) {
  for (let i = 0; i < 8; i++) {
    context.fillStyle = `hsl(${(45 * i + 2 * number) % 360} 60% 50%)`;
    context.fillRect((i * width) / 8, 0, width / 8, height);
  }
}

async function openCamera() {
  const camera = document.createElement('video');
  camera.muted = true;
  camera.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 30 } });
  await camera.play();
  return camera;
}

// The camera's picture with our own stamp burnt in. The camera is asked for although a canvas is sent: a page that may use the
// camera shows its host addresses, any other hides them behind .local names.
async function videoTrack(mayUseCamera) {
  const canvas = document.getElementById('outgoing');
  const camera = mayUseCamera ? await openCamera() : null;
  const context = canvas.getContext('2d', { alpha: false });
  let number = 0;
  setInterval(() => {
    if (camera) context.drawImage(camera, 0, 0, canvas.width, canvas.height);
    else drawColours(context, canvas, number);
    stampCells({ number: number++, timeMs: Date.now() % 2 ** 32 }).forEach((white, cell) => {
      const r = cellRectangle(cell, canvas.width);
      context.fillStyle = white ? '#fff' : '#000';
      context.fillRect(r.x, r.y, r.width, r.height);
    });
  }, 1000 / 30);
  return canvas.captureStream(30).getVideoTracks()[0];
}

async function audioTrack(hertz, mayUseMicrophone) {
  if (mayUseMicrophone) await navigator.mediaDevices.getUserMedia({ audio: true });
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: hertz });
  const volume = new GainNode(context, { gain: 0.25 });
  const output = context.createMediaStreamDestination();
  tone.connect(volume).connect(output);
  tone.start();
  return output.stream.getAudioTracks()[0];
}

// ---- signaling -----------------------------------------------------------------------------------------------------------

const send = (message) => socket.send(JSON.stringify(message));

async function offer() {
  await connection.setLocalDescription();
  seen.sdp.offer = connection.localDescription.sdp;
  send({ type: 'offer', sdp: connection.localDescription.sdp });
}

async function answer(message) {
  seen.sdp.offer = message.sdp;
  await connection.setRemoteDescription({ type: 'offer', sdp: message.sdp });
  await connection.setLocalDescription();
  seen.sdp.answer = connection.localDescription.sdp;
  send({ type: 'answer', sdp: connection.localDescription.sdp });
}

async function handle(message, role, begin) {
  switch (message.type) {
    case 'joined':
      await begin(message);
      return send({ type: 'ready' });
    case 'peer-joined':
      return send({ type: 'ready' });
    case 'ready':
      if (role === 'offerer' && seen.offers++ === 0) await offer();
      return;
    case 'offer':
      seen.offers++;
      return answer(message);
    case 'answer':
      seen.answers++;
      seen.sdp.answer = message.sdp;
      return connection.setRemoteDescription({ type: 'answer', sdp: message.sdp });
    case 'candidate':
      if (message.candidate) seen.remoteCandidates.push(message.candidate.candidate);
      else seen.endOfCandidates = true;
      return connection.addIceCandidate(message.candidate ?? undefined);
    case 'bye':
      seen.goodbye = 'bye';
      return;
    case 'peer-left':
      seen.goodbye ??= 'peer-left';
      return;
    case 'error':
      throw new Error(`the signaling server says ${message.code}: ${message.message}`);
  }
}

function newConnection(configuration, tracks) {
  connection = new RTCPeerConnection(configuration);
  connection.onicecandidate = ({ candidate }) => {
    if (candidate?.candidate) seen.localCandidates.push(candidate.candidate);
    send({ type: 'candidate', candidate: candidate?.candidate ? candidate.toJSON() : null });
  };
  const stream = new MediaStream();
  connection.ontrack = ({ track }) => {
    stream.addTrack(track);
    remote.srcObject = stream;
    if (track.kind === 'audio') listen(stream);
    if (track.kind === 'video') watch();
  };
  const sent = new MediaStream(tracks); // one: they are to be in step
  for (const track of tracks) connection.addTrack(track, sent);
}

// Joins, and resolves once media can flow.
async function join({ url, role, media, toneHz, camera, iceServers }) {
  const tracks = [];
  if (media.includes('audio')) tracks.push(await audioTrack(toneHz, camera));
  if (media.includes('video')) tracks.push(await videoTrack(camera));
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      seen.failures.push(String(error));
      reject(error);
    };
    const begin = (joined) => {
      newConnection({ iceServers: iceServers ? joined.iceServers ?? [] : [] }, tracks);
      connection.onconnectionstatechange = () => {
        if (connection.connectionState === 'connected') resolve();
        if (connection.connectionState === 'failed') fail(new Error('the browser says: connection failed'));
      };
    };
    let queue = Promise.resolve();
    socket = new WebSocket(url, 'strata.v1');
    socket.onmessage = ({ data }) => (queue = queue.then(() => handle(JSON.parse(data), role, begin)).catch(fail));
    socket.onclose = (event) => {
      if (connection === null) fail(new Error(`the WebSocket closed before we were in the room (code ${event.code})`));
    };
  });
}

// ---- restart -------------------------------------------------------------------------------------------------------------

const ufragOf = (description) => description?.sdp.match(/^a=ice-ufrag:(.*)$/m)?.[1].trim() ?? null;

// Which generation of ICE this is, and the pair that it has selected.
async function path() {
  const transport = (await statistics()).find((s) => s.type === 'transport');
  return { local: ufragOf(connection.localDescription), remote: ufragOf(connection.remoteDescription), pair: transport?.selectedCandidatePairId ?? null };
}

// RTCPeerConnection.restartIce(), the offer that follows, and the wait for a pair of the new generation.
async function restart() {
  const before = await path();
  connection.restartIce();
  await offer();
  for (const end = performance.now() + 10000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const after = await path();
    if (after.remote !== before.remote && after.pair !== before.pair) return;
  }
  seen.failures.push('restartIce(): no other pair in 10 s');
}

// ---- other things that pages do in the middle of a call -------------------------------------------------------------------------------

// Another offer, and the wait for what is made of it.
async function renegotiate(what) {
  const answers = seen.answers;
  await offer();
  for (const end = performance.now() + 5000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (seen.answers > answers && connection.signalingState === 'stable') return;
  }
  seen.failures.push(`${what}: no answer in 5 s`);
}

// The transceiver of our picture, sending or not, and what it must be when it is agreed.
let pictureTrack = null;
async function turnCamera(direction) {
  const camera = connection.getTransceivers().find((t) => t.receiver.track.kind === 'video');
  pictureTrack ??= camera.sender.track;
  await camera.sender.replaceTrack(direction === 'sendrecv' ? pictureTrack : null);
  camera.direction = direction;
  await renegotiate(`the camera ${direction}`);
  if (camera.currentDirection !== direction) seen.failures.push(`the camera ${direction}: currentDirection is ${camera.currentDirection}`);
}

let second = null; // the transceiver of another picture
const acts = {
  cameraOff: () => turnCamera('recvonly'),
  cameraOn: () => turnCamera('sendrecv'),
  async addPicture() {
    second = connection.addTransceiver(document.getElementById('outgoing').captureStream(10).getVideoTracks()[0], { direction: 'sendonly' });
    await renegotiate('another picture');
    if (second.currentDirection !== 'sendonly') seen.failures.push(`another picture: currentDirection is ${second.currentDirection}`);
  },
  async removePicture() {
    connection.removeTrack(second.sender);
    await renegotiate('removeTrack');
    if (second.currentDirection !== 'inactive') seen.failures.push(`removeTrack: currentDirection is ${second.currentDirection}`);
  },
  async stopPicture() {
    second.stop();
    await renegotiate('stop');
    if (second.currentDirection !== 'stopped') seen.failures.push(`stop: currentDirection is ${second.currentDirection}`);
  },
  // Without fingerprints, against RFC 8122 section 5. The page has not set it: for the page nothing has happened.
  async offerBadly() {
    send({ type: 'offer', sdp: (await connection.createOffer()).sdp.replace(/^a=fingerprint:.*\r\n/gm, '') });
  },
  close: () => connection.close(),
};

// ---- what arrives --------------------------------------------------------------------------------------------------------

const picture = { frames: 0, stamps: [], size: null };
const sound = { peaksHz: [] };

// Every frame that the browser shows is drawn on a canvas, and the stamp is read from its pixels.
function watch() {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  const shown = () => {
    const width = remote.videoWidth, height = stampHeight(width);
    if (width > 0) {
      if (canvas.width !== width) [canvas.width, canvas.height] = [width, height];
      context.drawImage(remote, 0, 0, width, height, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      // BT.601, RGB 0..255 to luma 16..235
      const luma = (x, y) => {
        const at = 4 * (y * width + x);
        return 16 + (65.738 * data[at] + 129.057 * data[at + 1] + 25.064 * data[at + 2]) / 256;
      };
      const stamp = readStamp(luma, width);
      picture.frames++;
      picture.size = `${width}x${remote.videoHeight}`;
      if (stamp) picture.stamps.push({ ...stamp, delayMs: (Date.now() % 2 ** 32) - stamp.timeMs });
    }
    remote.requestVideoFrameCallback(shown);
  };
  remote.requestVideoFrameCallback(shown);
}

// The loudest frequency of what is heard, five times a second; silence gives none.
function listen(stream) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    let loudest = 1;
    for (let i = 2; i < bins.length; i++) if (bins[i] > bins[loudest]) loudest = i;
    if (bins[loudest] > -60) sound.peaksHz.push((loudest * context.sampleRate) / analyser.fftSize);
  }, 200);
}

async function statistics() {
  return [...(await connection.getStats()).values()];
}

// Everything that was measured since the page was opened; plain JSON.
async function measure() {
  return { seen, picture, sound, connectionState: connection.connectionState, stats: await statistics() };
}

// For a long call: what was seen and heard since the last glance, which is then forgotten.
async function glance() {
  return {
    atMs: Date.now(), connectionState: connection.connectionState, stamps: picture.stamps.splice(0), frames: picture.frames, peaksHz: sound.peaksHz.splice(0),
    inbound: (await statistics()).filter((s) => s.type === 'inbound-rtp'),
  };
}

window.interop = { join, measure, glance, path, restart, acts, seen };
