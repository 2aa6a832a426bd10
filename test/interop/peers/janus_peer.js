// janus as a peer, on lines of JSON (peers/program.js says which): this program starts a janus of its own, and speaks its WebSocket API. As an answerer it is
// the echo test, which sends back what it receives; as an offerer the streaming plugin, fed with stamped.ivf and tone.ogg over RTP by ffmpeg.
// What janus counted is asked of its admin API, and said in the words of W3C.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import WebSocket from 'ws';
import { portAnswers } from '../process.js';
import { answerRequests, say } from './requests.js';

const API_PORT = 8188, ADMIN_PORT = 7188, FEED = { audio: 5002, video: 5004 }; // on 127.0.0.1 of the runner's namespace
const TYPES = { audio: 111, video: 96 };
const NAMES = { opus: 'opus', vp8: 'VP8', vp9: 'VP9', h264: 'H264', av1: 'AV1' }; // janus writes them small
const ADMIN_SECRET = 'interop', MOUNTPOINT = 1;
const KEEPALIVE_MS = 20000; // a session of which nothing is heard for 60 s is over

// ---- janus' own configuration: defaults, but for one transport, two plugins, and the room's STUN server ------------------------------

const OTHER_PLUGINS = ['audiobridge', 'duktape', 'lua', 'nosip', 'recordplay', 'sip', 'textroom', 'videocall', 'videoroom', 'voicemail'];
const OTHER_TRANSPORTS = ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq'];
const libraries = (names) => names.map((name) => `libjanus_${name}.so`).join();

function configurations(folder, stun, media) {
  const stream = {
    audio: `audio = true; audioport = ${FEED.audio}; audioiface = "127.0.0.1"; audiopt = ${TYPES.audio}; audiocodec = "opus"`,
    video: `video = true; videoport = ${FEED.video}; videoiface = "127.0.0.1"; videopt = ${TYPES.video}; videocodec = "vp8"`,
  };
  return {
    'janus.jcfg': `general: { configs_folder = "${folder}"; admin_secret = "${ADMIN_SECRET}"; debug_colors = false }
nat: { ${stun ? `stun_server = "${stun.host}"; stun_port = ${stun.port}` : ''} }
plugins: { disable = "${libraries(OTHER_PLUGINS)}" }
transports: { disable = "${libraries(OTHER_TRANSPORTS)}" }
`,
    'janus.transport.websockets.jcfg': `general: { ws = true; ws_ip = "127.0.0.1"; ws_port = ${API_PORT} }
admin: { admin_ws = true; admin_ws_ip = "127.0.0.1"; admin_ws_port = ${ADMIN_PORT} }
`,
    'janus.plugin.echotest.jcfg': 'general: {}\n',
    'janus.plugin.streaming.jcfg': `canned: { type = "rtp"; id = ${MOUNTPOINT}; ${media.map((kind) => stream[kind]).join('; ')} }\n`,
  };
}

// ---- its API: requests with a transaction, events without ----------------------------------------------------------------------------

async function connect(port, protocol, onEvent) {
  await portAnswers('127.0.0.1', port, 30000);
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, protocol);
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  const waiting = new Map();
  let next = 1;
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    // A plugin acknowledges first; what it has to say comes as an event of the same transaction.
    if (message.janus === 'ack') return;
    const { resolve, reject } = waiting.get(message.transaction) ?? {};
    waiting.delete(message.transaction);
    const error = message.error?.reason ?? message.plugindata?.data.error;
    if (!resolve) onEvent(message);
    else if (error) reject(new Error(`janus: ${error}`));
    else resolve(message);
  });
  return {
    request(what, members) {
      const transaction = String(next++);
      const reply = new Promise((resolve, reject) => waiting.set(transaction, { resolve, reject }));
      socket.send(JSON.stringify({ janus: what, transaction, ...members }));
      return reply;
    },
    // Answered with an acknowledgement, and nothing more.
    tell: (what, members) => socket.send(JSON.stringify({ janus: what, transaction: `told-${next++}`, ...members })),
    close: () => socket.close(),
  };
}

let given = null, api = null, admin = null, handle = null, keepAlive = null;
const children = [];

function run(command, log) {
  const file = openSync(log, 'a');
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', file, file] });
  closeSync(file);
  children.push({ child, ended: new Promise((resolve) => child.on('exit', resolve).on('error', resolve)) });
}

// From the moment that media can flow: whoever watches sees the stream from its first frame.
function feed() {
  const input = (kind) => ['-re', '-i', given.canned[kind]];
  const output = (kind, i) => ['-map', `${i}:0`, '-c', 'copy', '-payload_type', TYPES[kind], '-f', 'rtp', `rtp://127.0.0.1:${FEED[kind]}`];
  run(['ffmpeg', '-v', 'error', '-nostdin', ...given.media.flatMap(input), ...given.media.flatMap(output)].map(String), join(given.folder, 'feed.log'));
}

function onEvent(message) {
  if (message.janus === 'webrtcup') {
    if (given.role === 'offerer') feed();
    say({ event: 'state', state: 'connected' });
  }
  if (message.janus === 'hangup') say({ event: 'state', state: 'closed', reason: message.reason });
}

// ---- what it measured --------------------------------------------------------------------------------------------------------------------

// "10.1.0.2:41234 [host,udp] <-> 203.0.113.10:50000 [prflx,udp]"
function readPair(pair) {
  const ends = [...(pair ?? '').matchAll(/(\S+):(\d+) \[(\w+),(\w+)\]/g)];
  return ends.length !== 2 ? [] : [
    ...ends.map(([, address, port, candidateType, protocol], i) => ({ type: `${['local', 'remote'][i]}-candidate`, id: `end-${i}`, address, port: Number(port), candidateType, protocol })),
    { type: 'candidate-pair', id: 'pair', nominated: true, localCandidateId: 'end-0', remoteCandidateId: 'end-1' },
  ];
}

// One section. Of RTCP janus tells what was lost, and nothing by which a report of ours could be known.
function readMedium({ mid, type: kind, codecs, direction, stats, rtcp }) {
  const codecId = `codec-${mid}`;
  return [
    { type: 'codec', id: codecId, mimeType: `${kind}/${NAMES[codecs?.codec] ?? codecs?.codec}` },
    ...(direction.recv ? [{ type: 'inbound-rtp', id: `in-${mid}`, kind, codecId, packetsReceived: stats.in.packets, packetsLost: rtcp.main.lost }] : []),
    ...(direction.send ? [{ type: 'outbound-rtp', id: `out-${mid}`, kind, codecId, packetsSent: stats.out.packets }] : []),
  ];
}

// What is not there while there is no connection is not there here.
function readInfo({ webrtc }) {
  const transport = { type: 'transport', id: 'transport', selectedCandidatePairId: 'pair', srtpCipher: webrtc?.dtls?.['srtp-profile'] };
  return [transport, ...readPair(webrtc?.ice?.['selected-pair']), ...Object.values(webrtc?.media ?? {}).flatMap(readMedium)];
}

const acts = {
  async open(request) {
    given = request;
    const folder = join(request.folder, 'janus');
    await mkdir(folder, { recursive: true });
    const stun = request.iceServers.flatMap((server) => server.urls).map((url) => url.match(/^stun:(.*):(\d+)$/)).find(Boolean);
    const files = configurations(folder, stun && { host: stun[1], port: stun[2] }, request.media);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    run(['janus', '-F', folder, '-C', join(folder, 'janus.jcfg')], join(request.folder, 'janus.log'));
    api = await connect(API_PORT, 'janus-protocol', onEvent);
    admin = await connect(ADMIN_PORT, 'janus-admin-protocol', () => {});
    const session_id = (await api.request('create')).data.id;
    const plugin = request.role === 'offerer' ? 'janus.plugin.streaming' : 'janus.plugin.echotest';
    const handle_id = (await api.request('attach', { session_id, plugin })).data.id;
    handle = { session_id, handle_id };
    keepAlive = setInterval(() => api.tell('keepalive', { session_id }), KEEPALIVE_MS);
  },
  async offer() {
    const { jsep } = await api.request('message', { ...handle, body: { request: 'watch', id: MOUNTPOINT } });
    return { sdp: jsep.sdp };
  },
  async answer({ sdp }) {
    if (given.role === 'offerer') throw new Error('the streaming plugin takes no offer');
    const body = Object.fromEntries(['audio', 'video'].map((kind) => [kind, given.media.includes(kind)]));
    const { jsep } = await api.request('message', { ...handle, body, jsep: { type: 'offer', sdp } });
    return { sdp: jsep.sdp };
  },
  async accept({ sdp }) {
    await api.request('message', { ...handle, body: { request: 'start' }, jsep: { type: 'answer', sdp } });
  },
  candidate({ candidate }) {
    const { candidate: line, sdpMid, sdpMLineIndex } = candidate ?? {};
    api.tell('trickle', { ...handle, candidate: line ? { candidate: line, sdpMid, sdpMLineIndex } : { completed: true } });
  },
  async measure() {
    const { info } = await admin.request('handle_info', { ...handle, admin_secret: ADMIN_SECRET });
    return { stats: readInfo(info), lacks: ['content', 'reports', ...(given.role === 'offerer' ? ['inbound'] : [])] };
  },
  async close() {
    clearInterval(keepAlive);
    api?.close();
    admin?.close();
    for (const { child, ended } of children) {
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), 1500);
      await ended;
      clearTimeout(killing);
    }
  },
};

process.on('exit', () => children.forEach(({ child }) => child.kill('SIGKILL')));
const [, version] = execFileSync('janus', ['--help'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).match(/\((\d[\d.]+)\)/);
await answerRequests(`janus/${version}`, acts);
await acts.close();
process.exit(0);
