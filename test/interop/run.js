// Our programs against other people's WebRTC: the table of cases (cases.js), one line for each.
//
// Usage: node run.js [--smoke] [--labs] [WORD]...
//   WORD     only the cases whose name has every WORD in it;   --smoke: only those that CI plays
//   --itself the browser with itself, in the negotiations: what the tables want is then true of a browser
//   --labs   prints the laboratories that these cases want, one a line, and plays nothing
// What came of each case is kept for docs/interop.md (report.js).
// Environment: INTEROP_BUILD     folder of signaling-server, caller, callee
//              INTEROP_OUTPUT    folder for logs, summaries, recordings, getStats(); "counts" there gets a line "PASSED FAILED SKIPPED"
//              INTEROP_LAB       prefix of the lab's namespaces; without it the cases that need a lab are skipped
//              INTEROP_LAB_KIND  which lab it is: only the cases that want it are played
//              INTEROP_LAB_LOG   its folder, absolute: coturn's configuration, certificates

import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cases, nameOf } from './cases.js';
import { aiortc } from './peers/aiortc.js';
import { gstreamer } from './peers/gstreamer.js';
import { janus } from './peers/janus.js';
import { pion } from './peers/pion.js';
import { werift } from './peers/werift.js';
import { wrtc } from './peers/wrtc.js';
import { chromium } from './chromium.js';
import { events } from './events.js';
import { firefox } from './firefox.js';
import { AUDIO_PACKETS_PER_SECOND, FRAMES_PER_SECOND, OUR_TONE_HZ, PEER_TONE_HZ, describe, judge, toneToUs } from './judge.js';
import { networks } from './networks.js';
import { dropBrowser, keptBrowser, sameBrowser } from './pages.js';
import { playItself, playNegotiation } from './negotiation/play.js';
import { endOf, portAnswers, sleep, start, stop, stopAll, succeeds, withTimeout } from './process.js';
import { recordedStamps, recordedTone } from './recording.js';
import { remember } from './report.js';

const peers = { chromium, firefox, aiortc, gstreamer, pion, janus, werift, wrtc };

const isSmoke = process.argv.includes('--smoke');
const SECONDS = isSmoke ? 5 : 8; // measured, from the first media on; an event may need more
const NOTICE_MS = 1000; // a call that the peer has ended
const MARGIN_SECONDS = 3; // the call goes on while media begins, and while the peer is asked what it measured
const PATIENCE_MS = 10000; // for what is a matter of moments, on a machine that has other things to do
const INTERRUPTED = 130; // the exit code of our program after SIGINT
const build = process.env.INTEROP_BUILD ?? 'build/release';
const verbosity = process.env.INTEROP_VERBOSITY ?? '-v'; // -vv: descriptions in ours.log
const output = process.env.INTEROP_OUTPUT ?? 'build/interop';

const secondsOf = (c) => events[c.event]?.seconds ?? SECONDS;

// Why it cannot be played here: the network's reason is a skip, the peer's a failure.
function missingFor(c) {
  if (c.missing) return c.missing() ?? networks[c.network].missing();
  const program = { answerer: 'caller', offerer: 'callee' }[c.role];
  for (const needed of c.media ? ['signaling-server', program] : ['test/interop/negotiation/peer_driver']) {
    if (!existsSync(join(build, needed))) throw new Error(`${build}/${needed} is not built`);
  }
  return networks[c.network].missing();
}

function ourCommand(c, network, url, folder) {
  return [
    ...network.ours.prefix, join(build, c.role === 'answerer' ? 'caller' : 'callee'), ...network.ours.flags,
    '--audio', c.flow !== 'to-us' && c.media.includes('audio') ? `tone:${OUR_TONE_HZ}` : 'none',
    '--video', c.flow !== 'to-us' && c.media.includes('video') ? 'pattern' : 'none',
    ...(c.codecs ? ['--codec', Object.values(c.codecs).join(',').toLowerCase()] : []),
    ...(c.flags ?? []), '--record', join(folder, 'received'), ...(isSmoke ? [] : ['--duration', String(secondsOf(c) + MARGIN_SECONDS)]), '--wait', '40',
    `--json=${join(folder, 'ours.json')}`, verbosity, url,
  ];
}

// The lines of --json: statistics once a second, and the summary, which is the last one.
async function readJson(file) {
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  const lines = text.split('\n').slice(0, -1).map((line) => JSON.parse(line)); // a last line may be half written
  return {
    summary: lines.at(-1)?.event === 'summary' ? lines.at(-1) : null,
    reports: lines.filter((line) => line.event === 'stats').map((line) => Object.values(line.stats)),
  };
}

// A server that a case needs; an event may kill it and start another one.
function newService(service, log) {
  let child = null;
  return {
    async start() {
      child = start(service.command, log);
      await succeeds(service.ready, `${log}-ready`, 30000);
    },
    async kill() {
      child.kill('SIGKILL');
      await child.ended;
    },
  };
}

// A recording that cannot be decoded is an empty one, with the reason.
async function readRecording(c, prefix) {
  const unreadable = (empty) => (error) => ({ ...empty, error: error.message });
  const sound = c.codecs?.audio.startsWith('PCM') ? 'wav' : 'ogg';
  return {
    video: c.media.includes('video') ? await recordedStamps(`${prefix}-video.ivf`).catch(unreadable({ frames: 0, stamps: [] })) : null,
    audio: c.media.includes('audio') ? await recordedTone(`${prefix}-audio.${sound}`, toneToUs(c.flow)).catch(unreadable({ seconds: 0, share: 0 })) : null,
  };
}

// What the judge wants has come, the peer says: as much media, and RTCP of all of it both ways, whose first reports take up to some seconds (RFC 3550 section 6.2).
// Some peers can tell only at the end.
const peerHasEnough = ({ stats, lacks, picture }, media) => lacks?.includes('reports') || media.every((kind) => {
  const isThere = (type) => stats.some((s) => s.type === type && s.kind === kind);
  const isMuch = kind === 'audio' ? (s) => s.packetsReceived >= AUDIO_PACKETS_PER_SECOND * SECONDS
    : (s) => (s.framesDecoded ?? picture.frames) >= FRAMES_PER_SECOND * SECONDS && new Set(picture.stamps.map((stamp) => stamp.number)).size >= FRAMES_PER_SECOND * SECONDS;
  return isThere('remote-outbound-rtp') && isThere('remote-inbound-rtp') && stats.some((s) => s.type === 'inbound-rtp' && s.kind === kind && isMuch(s));
});

// The same, as we count it. What is still not enough when patience is over is for the judge.
async function untilWeHaveEnough(c, file) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    const last = (await readJson(file)).reports.at(-1) ?? [];
    const enough = c.media.every((kind) => last.some((s) => s.type === 'inbound-rtp' && s.kind === kind
      && (kind === 'audio' ? s.packetsReceived >= AUDIO_PACKETS_PER_SECOND * SECONDS : s.framesDecoded >= FRAMES_PER_SECOND * SECONDS)));
    if (enough) return;
  }
}

// Of a browser: each medium has come and gone once. How long a busy machine takes from there to its first picture is not what a case is about.
const hasBegun = ({ stats }, media) => media.every((kind) => ['inbound-rtp', 'outbound-rtp'].every((type) => stats.some((s) => s.type === type && s.kind === kind
  && (s.packetsReceived ?? s.packetsSent) > 0)));

// What the peer has measured, once it is enough; or whatever it is when patience is over: that is for the judge.
async function measuredBy(peer, c, isEnough) {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(50)) {
    const measured = await withTimeout(peer.measure(), PATIENCE_MS, 'the peer\'s measurements');
    if (isEnough(measured) || Date.now() > end) return measured;
  }
}

// The call itself. Gives what both sides measured.
async function call(c, network, folder, peer) {
  const server = await network.server();
  const address = `${server.address}:${server.port}`;
  const url = `ws://${address}/r/interop`;
  start([...server.prefix, join(build, 'signaling-server'), '--listen', address, ...server.flags, '-v'], join(folder, 'signaling-server.log'));
  await portAnswers(server.address, server.port, 30000);
  const services = network.services.map((service, i) => newService(service, join(folder, `service-${i}.log`)));
  for (const service of services) await service.start();
  const program = start(ourCommand(c, network, url, folder), join(folder, 'ours.log'));
  const joined = peer.join({ url, role: c.role, media: c.media, toneHz: PEER_TONE_HZ, camera: network.browser.camera, iceServers: network.browser.iceServers });
  joined.catch(() => {}); // if our program ends first, that is the news
  const early = program.ended.then(async (code) => {
    const failure = (await readJson(join(folder, 'ours.json'))).summary?.failure;
    throw new Error(`our program ended before the call, exit code ${code}${failure ? `: ${failure.what} ${failure.why}` : ''}`);
  });
  early.catch(() => {});
  await withTimeout(Promise.race([joined, early]), 40000, 'joining and connecting');
  if (peers[c.peer].browser) await measuredBy(peer, c, (m) => hasBegun(m, c.media));
  const end = Date.now() + secondsOf(c) * 1000;
  const before = await peer.path();
  const event = events[c.event];
  const window = event?.happen ? await event.happen({ peer, services }) : null;
  await sleep(Math.max(0, end - Date.now()));
  const after = window && { ...window, before, untilMs: Date.now(), path: await peer.path() };
  if (isSmoke) await untilWeHaveEnough(c, join(folder, 'ours.json'));
  const measured = await measuredBy(peer, c, isSmoke ? (m) => peerHasEnough(m, c.media) : () => true);
  const finished = Date.now();
  if (event?.finish) await event.finish({ peer });
  else if (isSmoke) program.kill('SIGINT');
  const exitCode = await endOf(program, (MARGIN_SECONDS + 15) * 1000);
  if (event?.finish && Date.now() - finished > NOTICE_MS) measured.seen.failures.push(`it had ended the call ${Date.now() - finished} ms before we did`);
  measured.seen.goodbye = (await measuredBy(peer, c, ({ seen }) => seen.goodbye !== null)).seen.goodbye;
  return { ours: { exitCode, ...(await readJson(join(folder, 'ours.json'))) }, peer: measured, window: after };
}

async function play(c, folder) {
  const network = networks[c.network];
  const messages = [];
  let peer = null;
  try {
    const home = peers[c.peer].browser ? join(output, sameBrowser(c.peer, network.browser).replaceAll(' ', '-')) : folder;
    peer = await peers[c.peer].open({ folder: home, ...network.browser, onConsole: (text) => messages.push(text) });
    const measured = await call(c, network, folder, peer);
    await writeFile(join(folder, 'peer.json'), JSON.stringify(measured.peer, null, 1));
    const recording = await readRecording(c, join(folder, 'received'));
    const test = { media: c.media, codecs: c.codecs, flow: c.flow, path: network.path, seconds: SECONDS, lossless: true, ...events[c.event] };
    test.seconds = SECONDS;
    if (isSmoke && !events[c.event]?.finish) test.exitCode = INTERRUPTED;
    return { complaints: judge(test, { ...measured, recording }), facts: describe(test, { ...measured, recording }), version: peer.version };
  } catch (error) {
    if (peer !== null) {
      const seen = await peer.measure().catch((e) => ({ unmeasured: String(e) }));
      await writeFile(join(folder, 'peer.json'), JSON.stringify(seen, null, 1));
    }
    return { complaints: [error.message.split('\n')[0]], facts: '', version: '' };
  } finally {
    await writeFile(join(folder, 'console.log'), messages.join('\n'));
    if (peer !== null) await peer.close().catch(() => {}); // of a browser that is no more
    await stopAll();
  }
}

// A negotiation has no programs and no signaling-server: a page of a browser that all of them share, and our PeerConnection.
const browserOf = (c) => keptBrowser(peers[c.peer].browser, { folder: join(output, sameBrowser(c.peer, networks[c.network].browser).replaceAll(' ', '-')), ...networks[c.network].browser });
async function negotiate(c, folder) {
  const messages = [], pages = [];
  try {
    const { version, page } = await browserOf(c);
    const newPage = async () => {
      pages.push(await page('/negotiation/', 'party', (text) => messages.push(text)));
      return pages.at(-1);
    };
    const playIt = c.itself ? playItself : playNegotiation;
    const played = await withTimeout(playIt(c, { newPage, build, folder, frames: join(output, 'frames') }), 120000, 'the negotiation');
    return { ...played, version };
  } catch (error) {
    return { complaints: [error.message.split('\n')[0]], facts: '', version: '' };
  } finally {
    await writeFile(join(folder, 'console.log'), messages.join('\n'));
    for (const page of pages) await page.close().catch(() => {});
  }
}

// The browser that is kept for a case, or null: it has none, or one of its own, as those of our page have.
const browserKept = (c) => ((!c.play || c.dataScene) && peers[c.peer]?.browser ? sameBrowser(c.peer, networks[c.network].browser) : null);

// Those that want the same browser are played one after another.
function inOrder(chosen) {
  const keyOf = (c) => browserKept(c) ?? (c.play ? 'page' : c.peer);
  const keys = [...new Set(chosen.map(keyOf))];
  return chosen.map((c) => [keys.indexOf(keyOf(c)), c]).sort(([a], [b]) => a - b).map(([, c]) => c);
}

async function main(given) {
  const flags = given.filter((word) => word.startsWith('--')), words = given.filter((word) => !word.startsWith('--'));
  const unknown = flags.find((flag) => !['--smoke', '--labs', '--itself'].includes(flag));
  if (unknown) throw new Error(`there is no option ${unknown}`);
  let chosen = cases.filter((c) => words.every((word) => nameOf(c).includes(word)) && (c.smoke || !flags.includes('--smoke')));
  if (flags.includes('--itself')) chosen = chosen.filter((c) => !c.media && !c.play && c.role === 'offerer').map((c) => ({ ...c, itself: true }));
  if (flags.includes('--labs')) {
    for (const kind of new Set(chosen.map((c) => networks[c.network].lab))) console.log(kind);
    return 0;
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const c of inOrder(chosen.filter((one) => !process.env.INTEROP_LAB_KIND || networks[one.network].lab === process.env.INTEROP_LAB_KIND))) {
    const reason = c.itself ? null : missingFor(c);
    if (reason !== null) {
      counts.skipped++;
      console.log(`SKIP: ${nameOf(c)}: ${reason}`);
      continue;
    }
    const folder = join(output, nameOf(c).toLowerCase().replace(/[^a-z0-9]+/g, '-'));
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const absent = c.play ? null : peers[c.peer].missing(), began = Date.now();
    if (browserKept(c) === null) await dropBrowser();
    const { complaints, facts, version } = absent ? { complaints: [absent] } : await (c.play ?? (c.media ? play : negotiate))(c, folder, { build, browserOf });
    if (!c.itself) await remember(output, nameOf(c), { complaints, version });
    counts[complaints.length === 0 ? 'passed' : 'failed']++;
    if (complaints.length > 0) await dropBrowser();
    console.log(`${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${[nameOf(c), [version, facts, `${((Date.now() - began) / 1000).toFixed(1)} s`].filter(Boolean).join('; ')].join(': ')}`);
    for (const complaint of complaints) console.log(`       ${complaint}`);
    if (complaints.length > 0) console.log(`       logs: ${folder}`);
  }
  await dropBrowser();
  await appendFile(join(output, 'counts'), `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => Promise.all([stopAll(), dropBrowser()]).finally(() => process.exit(130)));
}
process.exitCode = await main(process.argv.slice(2)).catch(async (error) => {
  await Promise.all([stopAll(), dropBrowser()]);
  console.error(`interop: ${error.message}`);
  return 1;
});
