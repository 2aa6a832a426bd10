// caller --whip and --whep against servers of WHIP and WHEP that others wrote, with Debian's janus behind them:
//
//     caller --whip -> simple-whip-server (Debian) -> janus' video room -> janus-whep-server (npm) -> caller --whep --record
//                                                  \  RTP -> its streaming plugin   /
//
// What the second caller records is what the first one sent: by the stamps in its pictures and by its tone. The room's WHEP endpoint offers in its turn (406); the
// stream's answers our offer (201).

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { judgeStamps } from '../judge.js';
import { networks } from '../networks.js';
import { endOf, portAnswers, sleep, start, stopAll, withTimeout } from '../process.js';
import { recordedStamps, recordedTone } from '../recording.js';

const HOST = '127.0.0.1', LAN_HOST = '10.1.0.2'; // the runner's; where our callers find it: janus gathers nothing on loopback
const API_PORT = 18188, WHIP_PORT = 17080, WHEP_PORT = 17090;
const FEED = { audio: 15002, video: 15004, control: 15005 };
const ROOM = 1234, MOUNTPOINT = 7, TONE_HZ = 700, SECONDS = 5, TOKEN = 'a-token.of~the/endpoint=';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const MODULES = here('../node_modules');

// ---- janus -------------------------------------------------------------------------------------------------------------------------

const OTHERS = {
  plugins: ['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay', 'sip', 'textroom', 'videocall', 'voicemail'],
  transports: ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq'],
};
const libraries = (names) => names.map((name) => `libjanus_${name}.so`).join();

const configurations = (folder) => ({
  'janus.jcfg': `general: { configs_folder = "${folder}"; debug_colors = false }
plugins: { disable = "${libraries(OTHERS.plugins)}" }
transports: { disable = "${libraries(OTHERS.transports)}" }
`,
  'janus.transport.websockets.jcfg': `general: { ws = true; ws_ip = "${HOST}"; ws_port = ${API_PORT} }\n`,
  'janus.plugin.videoroom.jcfg': `room-${ROOM}: { publishers = 2; audiocodec = "opus"; videocodec = "vp8"; notify_joining = false }\n`,
  'janus.plugin.streaming.jcfg': `forwarded: { type = "rtp"; id = ${MOUNTPOINT}; audio = true; audioport = ${FEED.audio}; audiopt = 111; audiocodec = "opus";
 video = true; videoport = ${FEED.video}; videortcpport = ${FEED.control}; videopt = 96; videocodec = "vp8" }\n`,
});

async function startJanus(folder) {
  const own = join(folder, 'janus');
  await mkdir(own, { recursive: true });
  for (const [name, text] of Object.entries(configurations(resolve(own)))) await writeFile(join(own, name), text);
  start(['janus', '-F', own, '-C', join(own, 'janus.jcfg')], join(folder, 'janus.log'));
  await portAnswers(HOST, API_PORT, 10000);
}

// One request to a plugin, on a session of its own.
async function ask(plugin, body) {
  const socket = new WebSocket(`ws://${HOST}:${API_PORT}`, 'janus-protocol');
  await new Promise((done, failed) => socket.on('open', done).on('error', failed));
  const request = (message) => new Promise((done) => {
    socket.once('message', (data) => done(JSON.parse(data)));
    socket.send(JSON.stringify({ transaction: 'asked', ...message }));
  });
  const session_id = (await request({ janus: 'create' })).data.id;
  const handle_id = (await request({ janus: 'attach', session_id, plugin })).data.id;
  const reply = await request({ janus: 'message', session_id, handle_id, body });
  socket.close();
  return reply.plugindata?.data;
}

const publishers = async () => (await ask('janus.plugin.videoroom', { request: 'listparticipants', room: ROOM })).participants.filter((one) => one.publisher);

// ---- the servers --------------------------------------------------------------------------------------------------------------------

// Its configuration is a module beside it. Strict about entity tags: what does not name the ICE session is refused.
async function startWhip(folder, unpacked) {
  const own = join(folder, 'simple-whip-server');
  await cp(unpacked, own, { recursive: true });
  await rm(join(own, 'src/config.js'), { force: true }); // a link into /etc
  await writeFile(join(own, 'src/config.js'), `module.exports = ${JSON.stringify({
    janus: { address: `ws://${HOST}:${API_PORT}` }, port: WHIP_PORT, rest: '/whip', allowTrickle: true, strictETags: true, iceServers: [],
  })};\n`);
  start(['env', `NODE_PATH=${MODULES}`, 'DEBUG=whip:*', process.execPath, join(own, 'src/server.js')], join(folder, 'whip-server.log'));
  await portAnswers(HOST, WHIP_PORT, 10000);
  const created = await fetch(`http://${HOST}:${WHIP_PORT}/whip/create`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'demo', room: ROOM, token: TOKEN, recipient: { host: HOST, audioPort: FEED.audio, videoPort: FEED.video, videoRtcpPort: FEED.control } }),
  });
  if (!created.ok) throw new Error(`simple-whip-server makes no endpoint: ${created.status}`);
}

async function startWhep(folder, feed) {
  start([process.execPath, here('whep_server.js'), ...[WHEP_PORT, `ws://${HOST}:${API_PORT}`, ROOM, feed, MOUNTPOINT, TOKEN].map(String)], join(folder, 'whep-server.log'));
  await portAnswers(HOST, WHEP_PORT, 10000);
}

// ---- the case -----------------------------------------------------------------------------------------------------------------------------

const versionOf = (name) => JSON.parse(execFileSync('cat', [join(MODULES, name, 'package.json')], { encoding: 'utf8' })).version;

function caller(network, build, folder, name, flags) {
  const token = join(folder, 'token');
  const child = start([...network.ours.prefix, join(build, 'caller'), ...network.ours.flags, '--token-file', token, '--wait', '20', `--json=${join(folder, `${name}.json`)}`, '-v', ...flags], join(folder, `${name}.log`));
  return { child, words: () => readFile(join(folder, `${name}.log`), 'utf8') };
}

async function until(what, test, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const result = await test();
    if (result) return result;
  }
  throw new Error(`${what}: not within ${ms / 1000} s`);
}

// The requests of a caller, as its log has them: [method, status].
const requestsIn = (words) => [...words.matchAll(/(POST|PATCH|DELETE) \/\S+[^]*?the endpoint answers (\d+)/g)].map(([, method, status]) => `${method} ${status}`);

async function playChain(c, folder, build, complain) {
  const network = networks[c.network], whip = `http://${LAN_HOST}:${WHIP_PORT}/whip/endpoint/demo`;
  await writeFile(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
  await startJanus(folder);
  await startWhip(folder, process.env.INTEROP_WHIP_SERVER ?? 'build/interop/simple-whip-server');
  const refused = start([...network.ours.prefix, join(build, 'caller'), '--whip', whip, '--wait', '5'], join(folder, 'refused.log'));
  if ((await endOf(refused, 8000)) !== 76) complain('without a token we are not refused with exit code 76');
  const publisher = caller(network, build, folder, 'publisher', ['--whip', whip, '--audio', `tone:${TONE_HZ}`, '--video', 'pattern', '--duration', String(SECONDS + 15)]);
  const [feed] = await until('the publisher in the room', async () => { const there = await publishers(); return there.length > 0 && there; });
  await until('the publisher is connected', async () => / connected\n/.test(await publisher.words()));
  await startWhep(folder, feed.id);
  const record = join(folder, 'received');
  const player = caller(network, build, folder, 'player', ['--whep', `http://${LAN_HOST}:${WHEP_PORT}/whep/endpoint/${c.endpoint}`, '--record', record, '--duration', String(SECONDS)]);
  const played = await endOf(player.child, 40000);
  if (played !== 0) complain(`caller --whep: exit code ${played}`);
  publisher.child.kill('SIGINT');
  const published = await endOf(publisher.child, 10000);
  if (published !== 130) complain(`caller --whip, interrupted: exit code ${published}`);
  if ((await publishers()).length !== 0) complain('after DELETE the publisher is in the room still');
  const video = await recordedStamps(`${record}-video.ivf`), audio = await recordedTone(`${record}-audio.ogg`, TONE_HZ);
  judgeStamps('what was played', video.stamps, video.frames, SECONDS).forEach(complain);
  if (!(audio.seconds > 0.8 * SECONDS && audio.share > 0.6)) complain(`of the sound ${audio.seconds.toFixed(1)} s came, ${(100 * audio.share).toFixed(0)} % of it the tone`);
  const asked = { publisher: requestsIn(await publisher.words()), player: requestsIn(await player.words()) };
  const wanted = { publisher: /^POST 201(, PATCH 204)+, DELETE 200$/, player: c.endpoint === 'room' ? /^POST 406(, PATCH 204)+, DELETE 200$/ : /^POST 201(, PATCH 204)+, DELETE 200$/ };
  for (const who of Object.keys(wanted)) if (!wanted[who].test(asked[who].join(', '))) complain(`the ${who}'s requests: ${asked[who].join(', ')}`);
  return `${video.stamps.length} of ${video.frames} pictures read, ${(100 * audio.share).toFixed(0)} % tone; ${asked.player[0]}`;
}

async function playWhip(c, folder, { build }) {
  const complaints = [];
  let facts = '', version = '';
  try {
    if (!existsSync('/usr/bin/janus')) throw new Error('janus is not installed');
    version = `janus-whep-server/${versionOf('janus-whep-server')}`;
    facts = await withTimeout(playChain(c, folder, build, (what) => complaints.push(what)), 90000, 'the case');
  } catch (error) {
    complaints.push(error.message.split('\n')[0]);
  } finally {
    await stopAll();
  }
  return { complaints, facts, version };
}

const case_ = (endpoint, smoke) => ({ peer: 'janus', role: 'whip+whep', endpoint, network: 'lan', smoke, words: [endpoint, 'lan'], play: playWhip, missing: networks.lan.missing });

export const whipCases = [case_('room', true), case_('stream', false)];
