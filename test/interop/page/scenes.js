// The scenes of our page. Each plays itself out on a stage (play.js) and complains of what is not as it must be; what it returns is worth a line.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { judgeStamps, median } from '../judge.js';
import { sleep } from '../process.js';
import { recordedStamps, recordedTone } from '../recording.js';
import { controls } from './controls.js';
import { odd } from './odd.js';
import { attend, enter, flows, reads, seenBy, watch } from './play.js';

const PAGE_TONE_HZ = 440; // the page's own; ours must be another one
const OUR_TONE_HZ = 700;
const SECONDS = 6;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

// ---- what must be true of a page ---------------------------------------------------------------------------------------------

async function judgeLamps(page, complain) {
  for (const lamp of ['signaling', 'ice', 'dtls', 'media']) {
    const state = await page.run((id) => document.getElementById(id).dataset.state, `lamp-${lamp}`);
    if (state !== 'good') complain(`the lamp of ${lamp} is ${state}: ${await page.text(`#lamp-${lamp}`)}`);
  }
}

// What it shows and plays, by content.
function judgeSeen(who, seen, toneHz, complain) {
  judgeStamps(who, seen.stamps, seen.frames, SECONDS).forEach(complain);
  const heard = median(seen.peaksHz);
  if (!(Math.abs(heard - toneHz) < 12)) complain(`${who}: heard ${Number.isNaN(heard) ? 'silence' : `${heard.toFixed(0)} Hz`}, not ${toneHz} Hz`);
}

async function judgeTables(page, complain) {
  const shown = await page.run(() => ({
    rows: [...document.querySelectorAll('#candidates tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent)),
    selected: document.querySelectorAll('#candidates tr.selected').length,
    path: document.getElementById('path').textContent,
    charts: [...document.querySelectorAll('.chart')].map((chart) => [chart.innerText, chart.querySelector('path').getAttribute('d').length]),
    isWide: document.documentElement.scrollWidth > innerWidth,
  }));
  for (const side of ['ours', 'theirs']) {
    if (!shown.rows.some((row) => row[1] === side && row[2] === 'host' && Number(row[6]) > 0)) complain(`no candidate of ${side} in the table`);
  }
  if (shown.selected === 0) complain('no candidate is marked as selected');
  if (!/^(Direct|Through a relay): .* to .* over (udp|tcp|tls).*priority/.test(shown.path)) complain(`the path is "${shown.path}"`);
  if (shown.charts.length !== 4) complain(`${shown.charts.length} charts`);
  for (const [text, length] of shown.charts) if (length < 10 || /nothing yet|NaN/.test(text)) complain(`a chart without a line: ${text}`);
  if (shown.isWide) complain('the page is wider than its window');
}

async function judgeAccess(page, moment, complain) {
  await page.run(await readFile(AXE, 'utf8'));
  const { violations, passes } = await page.run(async () => {
    const result = await window.axe.run();
    return { violations: result.violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`), passes: result.passes.length };
  });
  if (passes < 20) complain(`axe-core, ${moment}: only ${passes} rules had something to look at`);
  for (const violation of violations) complain(`axe-core, ${moment}: ${violation}`);
}

async function judgeDownload(page, complain) {
  const download = await page.download('#download');
  const reports = JSON.parse(download.text);
  const types = new Set(reports.flatMap((report) => Object.values(report.stats).map((entry) => entry.type)));
  if (download.name !== 'page-statistics.json') complain(`the statistics are called ${download.name}`);
  for (const type of ['inbound-rtp', 'outbound-rtp', 'candidate-pair']) if (!types.has(type)) complain(`the statistics have no ${type}`);
}

async function judgeRecording(program, complain) {
  const { frames, stamps } = await recordedStamps(`${program.record}-video.ivf`);
  judgeStamps('our recording', stamps, frames, SECONDS).forEach(complain);
  const { seconds, share } = await recordedTone(`${program.record}-audio.ogg`, PAGE_TONE_HZ);
  if (seconds < 0.8 * SECONDS || share < 0.6) complain(`our recording: ${seconds.toFixed(1)} s of sound, of which ${Math.round(100 * share)} % is the page's tone`);
}

// ---- calls ---------------------------------------------------------------------------------------------------------------------

// One of our programs and the page; the person then leaves, which our program must notice.
const withProgram = (name) => async ({ stage, peer, complain }) => {
  const page = await stage.open(peer);
  await judgeAccess(page, 'before the call', complain);
  const program = stage.program(name, OUR_TONE_HZ);
  await enter(page);
  await flows(page);
  await watch(page);
  await attend(SECONDS, [page], program);
  judgeSeen('the page', await seenBy(page), OUR_TONE_HZ, complain);
  await judgeLamps(page, complain);
  await judgeTables(page, complain);
  await judgeDownload(page, complain);
  for (const scheme of page.paint ? ['light', 'dark'] : ['light']) {
    await page.paint?.(scheme);
    await judgeAccess(page, `in the call, ${scheme}`, complain);
  }
  await page.press('#join');
  await reads(page, '#message', /You have left/, 2000);
  const code = await program.end(2000);
  if (code !== 0) complain(`${name} after the page has left: ${code}`);
  else await judgeRecording(program, complain);
  return `${(await seenBy(page)).stamps.length} pictures read back`;
};

const withPage = (otherPeer) => async ({ stage, peer, complain }) => {
  const first = await stage.open(peer), second = await stage.open(otherPeer ?? peer, { phone: true });
  await enter(first);
  await reads(first, '#message', /Waiting for the other side/);
  await enter(second);
  for (const page of [first, second]) {
    await flows(page);
    await watch(page);
  }
  await attend(SECONDS, [first, second]);
  for (const [i, page] of [first, second].entries()) {
    judgeSeen(`page ${i}`, await seenBy(page), PAGE_TONE_HZ, complain);
    await judgeLamps(page, complain);
    await judgeTables(page, complain);
  }
  await judgeAccess(second, 'on a phone', complain);
  await second.press('#join');
  await reads(first, '#message', /The other side has (left|ended the call)/, 2000);
};

// ---- the chat ------------------------------------------------------------------------------------------------------------------

const say = async (page, text) => {
  await page.run((value) => (document.querySelector('#say input').value = value), text);
  await page.press('#say button');
};
const isOpen = async (page, wanted, ms = 10000) => {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) if ((await page.run(() => !document.querySelector('#say input').disabled)) === wanted) return;
  throw new Error(`the chat is not ${wanted ? 'open' : 'closed'} after ${ms / 1000} s`);
};
const shows = async (page, lines, complain) => {
  await reads(page, '#said', new RegExp(`${lines.at(-1).replace(/[^\w ]/g, '.')}$`), 5000).catch((error) => complain(error.message));
  const shown = await page.run(() => [...document.querySelectorAll('#said li')].map((line) => line.textContent));
  if (JSON.stringify(shown) !== JSON.stringify(lines)) complain(`the chat shows ${JSON.stringify(shown)}, not ${JSON.stringify(lines)}`);
};

// With callee and caller, whose stdin and stdout are the other end; then page and page. Markup is text, and an end of stdin closes the chat but not the call.
async function chat({ stage, peer, complain }) {
  for (const name of ['callee', 'caller']) {
    const page = await stage.open(peer);
    const program = stage.program(name, OUR_TONE_HZ, ['--data', 'chat'], { talks: true });
    await enter(page);
    await flows(page);
    await isOpen(page, true);
    await say(page, '<b>Grüße</b> von hier');
    program.say('a first line\n<i>and</i> a sec');
    program.say('ond\n');
    await shows(page, ['you: <b>Grüße</b> von hier', 'they: a first line', 'they: <i>and</i> a second'], complain);
    for (let i = 0; i < 50 && !program.said().endsWith('\n'); i++) await sleep(100);
    if (program.said() !== '<b>Grüße</b> von hier\n') complain(`${name} wrote ${JSON.stringify(program.said())}`);
    await judgeAccess(page, 'in the chat', complain);
    program.hush();
    await isOpen(page, false);
    await sleep(1000);
    await reads(page, '#lamp-media', /flowing/, 1000);
    await page.press('#join');
    const code = await program.end(3000);
    if (code !== 0) complain(`${name} after the page has left: ${code}`);
    page.errors.forEach((error) => complain(`the console with ${name}: ${error}`));
    await page.close();
    stage.pages.splice(0);
  }
  const first = await stage.open(peer), second = await stage.open(peer, { phone: true });
  await enter(first);
  await reads(first, '#message', /Waiting for the other side/);
  await enter(second);
  for (const page of [first, second]) await isOpen(page, true, 20000);
  await say(first, 'one');
  await shows(second, ['they: one'], complain);
  await say(second, 'two');
  await shows(first, ['you: one', 'they: two'], complain);
  await second.press('#join');
  await isOpen(first, false);
}

// ---- troubles ------------------------------------------------------------------------------------------------------------------

// The page is loaded anew in mid-call: the other side is told, and there can be another call.
async function reload({ stage, peer, complain }) {
  const first = await stage.open(peer), second = await stage.open(peer);
  await enter(first);
  await enter(second);
  await flows(first);
  await second.reload();
  await reads(first, '#message', /The other side has (left|ended the call)/, 3000);
  await reads(second, '#message', /Nobody can see or hear you yet/, 1000);
  await enter(second);
  for (const page of [first, second]) {
    await reads(page, '#message', /^Connected/);
    await flows(page);
  }
  await first.press('#join');
  const program = stage.program('callee', OUR_TONE_HZ);
  await reads(second, '#message', /^Connected/);
  await flows(second);
  await second.reload();
  const code = await program.end(3000);
  if (code !== 0) complain(`callee after the page was loaded anew: ${code}`);
  if (!/bye|ended|left/.test(await program.words())) complain('callee does not say why the call is over');
}

async function full({ stage, peer, complain }) {
  const [first, second, third] = [await stage.open(peer), await stage.open(peer), await stage.open(peer)];
  await enter(first);
  await enter(second);
  await flows(first);
  await enter(third);
  await reads(third, '#message', /The room is full/, 3000);
  if ((await third.text('#join')) !== 'Join') complain(`the button of the third one says ${await third.text('#join')}`);
  const program = stage.program('callee', OUR_TONE_HZ);
  const code = await program.end(5000);
  if (code !== 16) complain(`callee in a full room: ${code}`);
  await second.press('#join');
  await enter(third);
  await reads(third, '#message', /^Connected/);
  await flows(first);
}

// Whatever anybody may say in a room.
const GARBAGE = [
  'not json', '[]', '{}', '{"type":"nonsense"}', '{"type":"ready","role":7}', '{"type":"ready"}', '{"type":"answer","sdp":"v=0"}',
  '{"type":"offer","sdp":""}', '{"type":"offer","sdp":"v=0\\r\\no=- 1 1 IN IP4 0.0.0.0\\r\\ns=-\\r\\nt=0 0\\r\\nm=video nonsense\\r\\n"}', '{"type":"candidate","candidate":{"candidate":"candidate:1 1 udp 1 nowhere"}}',
  '{"type":"candidate","candidate":{"candidate":"candidate:1 1 udp 1 256.1.1.1 99999 typ x","sdpMid":"9"}}', '{"type":"candidate","candidate":null}', '{"type":"bye"}',
];

// Somebody who says only that, from a page that has not joined; then a good call with the same.
async function garbage({ stage, peer, complain }) {
  const page = await stage.open(peer), vandal = await stage.open(peer);
  await enter(page);
  await reads(page, '#message', /Waiting/);
  const spoil = () => vandal.run((lines) => new Promise((done, failed) => {
    const socket = new WebSocket(location.href.replace('http', 'ws'));
    const codes = [];
    socket.onmessage = ({ data }) => codes.push(JSON.parse(data).code);
    socket.onerror = () => failed(new Error('no WebSocket'));
    socket.onopen = () => {
      lines.forEach((line) => socket.send(line));
      setTimeout(() => {
        socket.close();
        done(codes.filter(Boolean));
      }, 1500);
    };
  }), GARBAGE);
  const codes = await spoil();
  for (const code of ['bad-json', 'unknown-type']) if (!codes.includes(code)) complain(`the server does not tell the vandal ${code}`);
  await reads(page, '#message', /The other side has left|Waiting/, 3000);
  // An offer that nothing can be made of ends our program, with the reason.
  await page.press('#join');
  const spoilt = stage.program('callee', OUR_TONE_HZ);
  await sleep(500);
  await spoil();
  const end = await spoilt.end(3000);
  if (end !== 14) complain(`callee with the vandal: ${end}`);
  if (!/offer cannot be accepted[^]*RFC 8866/.test(await spoilt.words())) complain('callee does not say what is wrong with the offer');
  const program = stage.program('callee', OUR_TONE_HZ);
  await enter(page);
  await reads(page, '#message', /^Connected/);
  await flows(page);
  await page.press('#join');
  const code = await program.end(3000);
  if (code !== 0) complain(`callee after the vandal and the page: ${code}`);
}

// The page comes over plain http from another host: it says so, and sends what it can.
async function plain({ stage, peer, complain }) {
  const page = await stage.open(peer);
  await reads(page, '#source-note', /plain http.*tone and a drawn picture/, 1000);
  const program = stage.program('callee', OUR_TONE_HZ);
  await enter(page, { drawn: false });
  await flows(page);
  await watch(page);
  await attend(SECONDS, [page], program);
  judgeSeen('the page', await seenBy(page), OUR_TONE_HZ, complain);
  await page.press('#join');
  const code = await program.end(2000);
  if (code !== 0) complain(`callee after the page has left: ${code}`);
  else await judgeRecording(program, complain);
}

const AWAY_MS = 20000;

// Nothing comes through for 20 s, signaling included.
// ---- not our page ---------------------------------------------------------------------------------------------------------------

// Pages of somebody else on a 127.0.0.1 of their own, that only signal by our server. files: path -> file.
async function serve(files) {
  const server = createServer(async (request, response) => {
    const file = files[request.url.split('?')[0]];
    if (!file) return response.writeHead(204).end();
    response.writeHead(200, { 'content-type': String(file).endsWith('js') ? 'text/javascript' : 'text/html' }).end(await readFile(file));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections?.();
      server.close();
    },
  };
}

const here = (name) => new URL(name, import.meta.url);
const MODULES = createRequire(import.meta.url).resolve('axe-core/package.json').replace(/axe-core.*/, '');

async function colourMoves(page, complain, who) {
  await sleep(SECONDS * 1000);
  const seen = await seenBy(page);
  if (seen.frames < 10 * SECONDS || new Set(seen.colours).size < 2) complain(`${who} sees ${seen.frames} pictures, ${new Set(seen.colours).size} colours in the middle of them`);
}

// With callee, which starts first or last, candidates nested or flat; then two of them with each other.
async function tutorial({ stage, peer, complain }) {
  const server = await serve({ '/': here('tutorial.html'), '/tutorial.js': here('tutorial.js') });
  const open = (more = '') => stage.open(peer, { url: `${server.url}?room=${encodeURIComponent(stage.room)}${more}`, ready: '#startButton' });
  const shows = (page) => page.run(async () => {
    const remote = document.getElementById('remote');
    for (let i = 0; i < 200 && !(remote.videoWidth > 0); i++) await new Promise((later) => setTimeout(later, 100));
    if (!(remote.videoWidth > 0)) throw new Error('the classic client shows no picture');
  });
  try {
    for (const [more, isFirst] of [['', true], ['&flat', false]]) {
      let page = isFirst ? await open(more) : null;
      const program = stage.program('callee', OUR_TONE_HZ);
      await sleep(1000);
      page ??= await open(more);
      await sleep(500);
      await page.press('#startButton');
      await shows(page);
      await watch(page);
      await attend(SECONDS, [page], program);
      judgeSeen('the classic client', await seenBy(page), OUR_TONE_HZ, complain);
      await page.press('#hangupButton');
      const code = await program.end(2000);
      if (code !== 0) complain(`callee after the classic client's bye: ${code}`);
      const { frames } = await recordedStamps(`${program.record}-video.ivf`);
      if (frames < 10 * SECONDS) complain(`callee has recorded ${frames} pictures`);
      page.errors.forEach((error) => complain(`the console of the classic client: ${error}`));
      await page.close();
      stage.pages.splice(0);
    }
    const first = await open(), second = await open();
    await first.press('#startButton');
    await sleep(1000);
    await second.press('#startButton');
    for (const page of [first, second]) {
      await shows(page);
      await watch(page);
    }
    await Promise.all([first, second].map((page, i) => colourMoves(page, complain, `classic client ${i}`)));
  } finally {
    server.close();
  }
}

// The clients of npm's whip-whep against POST /whip/ROOM and /whep/ROOM, with a bearer token; at the other end of the room is callee.
async function whip({ stage, peer, complain }) {
  const server = await serve({ '/': here('whip.html'), '/whip.js': `${MODULES}whip-whep/whip.js`, '/whep.js': `${MODULES}whip-whep/whep.js` });
  const token = 'a-token-of-the-room';
  try {
    for (const verb of ['publish', 'view']) {
      const page = await stage.open(peer, { url: server.url, ready: '#ready' });
      const url = stage.room.replace('ws:', 'http:').replace('/r/', verb === 'publish' ? '/whip/' : '/whep/');
      const refused = await page.run(([v, u]) => window[v](u, 'another').then(() => 'accepted', (error) => error.message), [verb, url]);
      if (!/401/.test(refused)) complain(`with another token: ${refused}`);
      const before = verb === 'publish' ? 0 : 1; // the log goes on
      const program = stage.program('callee', OUR_TONE_HZ);
      while ((await program.words()).split('waiting for the other side').length - 2 < before) await sleep(100);
      await page.run(([v, u, t]) => window[v](u, t), [verb, url, token]);
      if (verb === 'view') {
        await watch(page);
        await attend(SECONDS, [page]);
        judgeSeen('the WHEP client', await seenBy(page), OUR_TONE_HZ, complain);
      } else {
        await attend(SECONDS, [], program);
      }
      await page.run(() => window.client.stop());
      const code = await program.end(3000);
      if (code !== 0) complain(`callee after DELETE: ${code}`);
      if (verb === 'publish') {
        const { frames } = await recordedStamps(`${program.record}-video.ivf`);
        if (frames < 10 * SECONDS) complain(`callee has recorded ${frames} pictures of the WHIP client`);
      }
      await page.close();
      stage.pages.splice(0);
    }
  } finally {
    server.close();
  }
}

// The browser's own reports of these are expected.
const complainNot = (page, expected) => page.errors.splice(0, Infinity, ...page.errors.filter((error) => !expected.test(error)));

async function lost({ stage, peer, complain }) {
  const page = await stage.open(peer);
  const program = stage.program('callee', OUR_TONE_HZ);
  await enter(page, { drawn: false }); // no https: it draws by itself
  await flows(page);
  await sleep(2000);
  await stage.cut();
  const began = Date.now();
  await reads(page, '#message', /Nothing comes from the other side|The path was lost/, AWAY_MS);
  const noticed = Date.now() - began;
  await reads(page, '#lamp-media', /stopped/, AWAY_MS);
  await sleep(AWAY_MS - (Date.now() - began));
  await stage.mend();
  const mended = Date.now();
  await reads(page, '#message', /^Connected/, 30000);
  await flows(page);
  const back = Date.now() - mended;
  await watch(page);
  await attend(SECONDS, [page], program);
  judgeSeen('the page', await seenBy(page), OUR_TONE_HZ, complain);
  await page.press('#join');
  const code = await program.end(3000);
  if (code !== 0) complain(`callee after the page has left: ${code}`);
  if (!/the path may be lost/.test(await program.words())) complain('callee does not say that the path may be lost');
  complainNot(page, /ws:|ICE/); // Firefox's own words for what was done to it
  return `noticed after ${(noticed / 1000).toFixed(1)} s, media again ${(back / 1000).toFixed(1)} s after the network`;
}

export const scenes = {
  callee: withProgram('callee'), caller: withProgram('caller'), page: withPage(), 'other-page': withPage('chromium'), reload, full, garbage, plain, lost,
  tutorial, whip, chat, ...controls, ...odd,
};
