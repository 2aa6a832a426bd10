// caller --whip and --whep against servers of WHIP and WHEP that others wrote, with Debian's janus behind them:
//
//     caller --whip -> simple-whip-server (Debian) -> janus' video room -> janus-whep-server (npm) -> caller --whep --record
//
// What the second caller records is what the first one sent: by the stamps in its pictures and by its tone. The room's WHEP endpoint offers in its turn (406).
//
// The endpoint of janus' streaming plugin answers our offer (201), but with a=setup:actpass, which RFC 8842 section 5.3 forbids: janus 1.1.2. Browsers refuse
// that answer, and so do we; the case is how.

import { existsSync, readFileSync } from 'node:fs';
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
  'janus.plugin.streaming.jcfg': `empty: { type = "rtp"; id = ${MOUNTPOINT}; audio = true; audioport = 15002; audiopt = 111; audiocodec = "opus"; video = true; videoport = 15004; videopt = 96; videocodec = "vp8" }\n`,
});

async function startJanus(folder) {
  const own = join(folder, 'janus');
  await mkdir(own, { recursive: true });
  for (const [name, text] of Object.entries(configurations(resolve(own)))) await writeFile(join(own, name), text);
  start(['janus', '-F', own, '-C', join(own, 'janus.jcfg')], join(folder, 'janus.log'));
  await portAnswers(HOST, API_PORT, 30000);
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
  await portAnswers(HOST, WHIP_PORT, 30000);
  const created = await fetch(`http://${HOST}:${WHIP_PORT}/whip/create`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'demo', room: ROOM, token: TOKEN }),
  });
  if (!created.ok) throw new Error(`simple-whip-server makes no endpoint: ${created.status}`);
}

async function startWhep(folder, feed) {
  start([process.execPath, here('whep_server.js'), ...[WHEP_PORT, `ws://${HOST}:${API_PORT}`, ROOM, feed, MOUNTPOINT, TOKEN].map(String)], join(folder, 'whep-server.log'));
  await portAnswers(HOST, WHEP_PORT, 30000);
}

// ---- the case -----------------------------------------------------------------------------------------------------------------------------

const versionOf = (name) => JSON.parse(readFileSync(join(MODULES, name, 'package.json'), 'utf8')).version;

function caller(network, build, folder, name, flags) {
  const token = join(folder, 'token');
  const child = start([...network.ours.prefix, join(build, 'caller'), ...network.ours.flags, '--token-file', token, '--wait', '20', `--json=${join(folder, `${name}.json`)}`, process.env.INTEROP_VERBOSITY ?? '-v', ...flags], join(folder, `${name}.log`));
  return { child, words: () => readFile(join(folder, `${name}.log`), 'utf8') };
}

async function until(what, test, ms = 20000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const result = await test();
    if (result) return result;
  }
  throw new Error(`${what}: not within ${ms / 1000} s`);
}

const whepUrl = (endpoint) => `http://${LAN_HOST}:${WHEP_PORT}/whep/endpoint/${endpoint}`;

async function playRoom({ network, folder, build, complain }) {
  const url = `http://${LAN_HOST}:${WHIP_PORT}/whip/endpoint/demo`;
  await startWhip(folder, process.env.INTEROP_WHIP_SERVER ?? 'build/interop/simple-whip-server');
  const refused = start([...network.ours.prefix, join(build, 'caller'), '--whip', url, '--wait', '5'], join(folder, 'refused.log'));
  if ((await endOf(refused, 8000)) !== 76) complain('without a token we are not refused with exit code 76');
  const publisher = caller(network, build, folder, 'publisher', ['--whip', url, '--audio', `tone:${TONE_HZ}`, '--video', 'pattern', '--duration', String(SECONDS + 25)]);
  const [feed] = await until('the publisher in the room', async () => { const there = await publishers(); return there.length > 0 && there; });
  await until('the publisher is connected', async () => / connected\n/.test(await publisher.words()));
  await startWhep(folder, feed.id);
  const record = join(folder, 'received');
  const player = caller(network, build, folder, 'player', ['--whep', whepUrl('room'), '--record', record, '--duration', String(SECONDS)]);
  const played = await endOf(player.child, 40000);
  if (played !== 0) complain(`caller --whep: exit code ${played}`);
  publisher.child.kill('SIGINT');
  const published = await endOf(publisher.child, 10000);
  if (published !== 130) complain(`caller --whip, interrupted: exit code ${published}`);
  if ((await publishers()).length !== 0) complain('after DELETE the publisher is in the room still');
  const video = await recordedStamps(`${record}-video.ivf`), audio = await recordedTone(`${record}-audio.ogg`, TONE_HZ);
  judgeStamps('what was played', video.stamps, video.frames, SECONDS).forEach(complain);
  if (!(audio.seconds > 0.8 * SECONDS && audio.share > 0.6)) complain(`of the sound ${audio.seconds.toFixed(1)} s came, ${(100 * audio.share).toFixed(0)} % of it the tone`);
  await judgeRequests('publisher', publisher, /^POST 201(, PATCH 204)+, DELETE (200|404)$/, complain);
  await judgeRequests('player', player, /^POST 406(, PATCH 204)+, DELETE (200|404)$/, complain);
  return `${video.stamps.length} of ${video.frames} pictures read, ${(100 * audio.share).toFixed(0)} % tone`;
}

// As the log has them. 404: our close_notify was there first.
async function judgeRequests(who, { words }, wanted, complain) {
  const asked = [...(await words()).matchAll(/(POST|PATCH|DELETE) https?:\S+[^]*?the endpoint answers (\d+)/g)].map(([, method, status]) => `${method} ${status}`).join(', ');
  if (!wanted.test(asked)) complain(`the ${who}'s requests: ${asked}`);
}

async function playStream({ network, folder, build, complain }) {
  await startWhep(folder, 1);
  const player = caller(network, build, folder, 'player', ['--whep', whepUrl('stream')]);
  const played = await endOf(player.child, 20000);
  if (played !== 14) complain(`caller --whep: exit code ${played}`);
  if (!/why: a=setup leaves nobody to begin DTLS/.test(await player.words())) complain('caller --whep does not say what is wrong with the answer');
  await judgeRequests('player', player, /^POST 201, DELETE 200$/, complain);
  return 'refused, and deleted';
}

async function playWhip(c, folder, { build }) {
  const complaints = [];
  let facts = '', version = '';
  try {
    if (!existsSync('/usr/bin/janus')) throw new Error('janus is not installed');
    await writeFile(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
    await startJanus(folder);
    version = `janus-whep-server/${versionOf('janus-whep-server')}`;
    facts = await withTimeout({ room: playRoom, stream: playStream }[c.endpoint]({ network: networks[c.network], folder, build, complain: (what) => complaints.push(what) }), 150000, 'the case');
  } catch (error) {
    complaints.push(error.message.split('\n')[0]);
  } finally {
    await stopAll();
  }
  return { complaints, facts, version };
}

const case_ = (endpoint, smoke) => ({ peer: 'janus', role: 'whip+whep', endpoint, network: 'lan', smoke, words: [endpoint, 'lan'], play: playWhip, missing: networks.lan.missing });

export const whipCases = [case_('room', true), case_('stream', false)];
