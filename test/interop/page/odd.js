// Scenes with browsers that offer less than a call, or other things. Who offers is a script in the browser, not our page; callee must do what can be done, say
// what cannot, and end well.

import { sleep } from '../process.js';
import { flows, enter, reads } from './play.js';

const OUR_TONE_HZ = 700;

// In the page: joins the room and makes its one offer. what: data, audio or H264.
async function offer(what) {
  const odd = (window.odd = { said: [], channel: null, ended: null });
  await navigator.mediaDevices.getUserMedia({ audio: true, video: true }).then((stream) => (odd.held = stream)); // its addresses are shown
  const connection = (odd.connection = new RTCPeerConnection());
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 }), context = canvas.getContext('2d');
  let hue = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(hue += 5)} 60% 50%)`;
    context.fillRect(0, 0, 320, 240);
  }, 50);
  if (what === 'data') {
    odd.channel = connection.createDataChannel('something');
  } else if (what === 'audio') {
    connection.addTrack(odd.held.getAudioTracks()[0]);
  } else {
    const { codecs } = RTCRtpReceiver.getCapabilities('video');
    connection.addTransceiver(canvas.captureStream(20).getVideoTracks()[0]).setCodecPreferences(codecs.filter((codec) => codec.mimeType === 'video/H264'));
  }
  const socket = (odd.socket = new WebSocket(location.href.replace('http', 'ws'), 'strata.v1'));
  const send = (message) => socket.send(JSON.stringify(message));
  connection.onicecandidate = ({ candidate }) => send({ type: 'candidate', candidate: candidate?.candidate ? candidate.toJSON() : null });
  let isOffered = false;
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    odd.said.push(message.type);
    if (message.type === 'joined') send({ type: 'ready' });
    if (message.type === 'ready' && !isOffered) {
      isOffered = true;
      await connection.setLocalDescription();
      send({ type: 'offer', sdp: connection.localDescription.sdp });
    }
    if (message.type === 'answer') await connection.setRemoteDescription(message);
    if (message.type === 'candidate') await connection.addIceCandidate(message.candidate ?? undefined).catch(() => {}); // of a section that was refused
  };
}

const state = (page) => page.run(async () => ({
  connection: window.odd.connection.connectionState, channel: window.odd.channel?.readyState, said: window.odd.said,
  inbound: [...(await window.odd.connection.getStats()).values()].filter((s) => s.type === 'inbound-rtp').map((s) => [s.kind, s.packetsReceived]),
  outbound: [...(await window.odd.connection.getStats()).values()].filter((s) => s.type === 'outbound-rtp').map((s) => [s.kind, s.packetsSent]),
}));

async function until(page, holds, what, ms = 20000) {
  let now = null;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    now = await state(page);
    if (holds(now)) return now;
  }
  throw new Error(`${what}: ${JSON.stringify(now)}`);
}

// words: what callee must have said; holds: what the browser must see of the call, or null: there can be none; code: with what callee ends, once the browser has closed
// its connection or by itself.
const oddOffer = (what, { flags = [], words, holds, code }) => async ({ stage, peer, complain }) => {
  const page = await stage.open(peer);
  const program = stage.program('callee', OUR_TONE_HZ, flags);
  await page.run(offer, what);
  if (holds) {
    await until(page, (now) => now.connection === 'connected' && holds(now), `a browser that offers ${what} only`);
    await sleep(1000);
    await page.run(() => window.odd.connection.close());
  }
  const ended = await program.end(10000);
  const said = await program.words();
  if (ended !== code) complain(`callee ends with ${ended}`);
  for (const word of words) if (!word.test(said)) complain(`callee does not say ${word}`);
  if (!holds) await until(page, (now) => now.said.includes('peer-left') || now.said.includes('bye'), 'the browser is not told that callee has left', 3000);
  // The room is free again, and the page's own call works.
  await page.run(() => window.odd.socket.close());
  const another = stage.program('callee', OUR_TONE_HZ);
  await enter(page);
  await reads(page, '#message', /^Connected/);
  await flows(page);
  await page.press('#join');
  if ((await another.end(5000)) !== 0) complain('callee after our page has left did not end well');
};

const isFlowing = (list, kind) => list.some(([k, packets]) => k === kind && packets > 20);

export const odd = {
  'data-only': oddOffer('data', { words: [/connected/], holds: (now) => now.channel === 'closed', code: 0 }),
  'audio-only': oddOffer('audio', { words: [/first sound/], holds: (now) => isFlowing(now.inbound, 'audio') && isFlowing(now.outbound, 'audio'), code: 0 }),
  'h264-only': oddOffer('H264', { words: [/Nothing could be agreed/, /no codec in common/], holds: null, code: 14 }),
  'h264-taken': oddOffer('H264', {
    flags: ['--codec', 'opus,h264'], words: [/No video is sent: H264 was agreed/, /no decoder/], holds: (now) => isFlowing(now.outbound, 'video'), code: 0,
  }),
};
