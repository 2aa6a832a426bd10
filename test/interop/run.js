// Our programs against other people's WebRTC: one table of cases, one line for each, and a closing line.
//
// Usage: node run.js [WORD]...    only the cases whose name has every WORD in it
// Environment: INTEROP_BUILD   folder of signaling-server, caller, callee
//              INTEROP_OUTPUT  folder for logs, summaries, recordings, getStats()
//              INTEROP_LAB     prefix of the lab's namespaces; without it the cases that need a lab are skipped

import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from './chromium.js';
import { OUR_TONE_HZ, PEER_TONE_HZ, describe, judge } from './judge.js';
import { networks } from './networks.js';
import { endOf, portAnswers, sleep, start, stop, stopAll, succeeds, withTimeout } from './process.js';
import { recordedStamps, recordedTone } from './recording.js';

const peers = { chromium };
const both = ['audio', 'video'];

// The peer's role; ours is the other one: an answerer is called by `caller`, an offerer calls `callee`.
const cases = [
  { peer: 'chromium', role: 'answerer', media: both, network: 'loopback' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'loopback' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'lan' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'lan' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'nat' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'nat' },
  { peer: 'chromium', role: 'answerer', media: ['audio'], network: 'lan' },
  { peer: 'chromium', role: 'offerer', media: ['video'], network: 'lan' },
];

const SECONDS = 8; // measured, from connected on
const MARGIN_SECONDS = 3; // the call goes on while the peer is asked what it measured
const build = process.env.INTEROP_BUILD ?? 'build/release';
const output = process.env.INTEROP_OUTPUT ?? 'build/interop';

const nameOf = (c) => `${c.peer} ${c.role} ${c.media.join('+')} ${c.network}`;

function missingFor(c) {
  const program = { answerer: 'caller', offerer: 'callee' }[c.role];
  for (const needed of ['signaling-server', program]) {
    if (!existsSync(join(build, needed))) throw new Error(`${build}/${needed} is not built`);
  }
  return peers[c.peer].missing() ?? networks[c.network].missing();
}

function ourCommand(c, network, url, folder) {
  return [
    ...network.ours.prefix, join(build, c.role === 'answerer' ? 'caller' : 'callee'), ...network.ours.flags,
    '--audio', c.media.includes('audio') ? `tone:${OUR_TONE_HZ}` : 'none',
    '--video', c.media.includes('video') ? 'pattern' : 'none',
    '--record', join(folder, 'received'), '--duration', String(SECONDS + MARGIN_SECONDS), '--wait', '40',
    `--json=${join(folder, 'ours.json')}`, '-v', url,
  ];
}

// The summary is the last line of --json.
async function readSummary(file) {
  const lines = existsSync(file) ? (await readFile(file, 'utf8')).trim().split('\n') : [];
  const last = lines.length > 0 && lines.at(-1) !== '' ? JSON.parse(lines.at(-1)) : null;
  return last?.event === 'summary' ? last : null;
}

// A recording that cannot be decoded is an empty one, with the reason.
async function readRecording(c, prefix) {
  const unreadable = (empty) => (error) => ({ ...empty, error: error.message });
  return {
    video: c.media.includes('video') ? await recordedStamps(`${prefix}-video.ivf`).catch(unreadable({ frames: 0, stamps: [] })) : null,
    audio: c.media.includes('audio') ? await recordedTone(`${prefix}-audio.ogg`, PEER_TONE_HZ).catch(unreadable({ seconds: 0, share: 0 })) : null,
  };
}

// The call itself. Gives what both sides measured.
async function call(c, network, folder, peer) {
  const server = await network.server();
  const address = `${server.address}:${server.port}`;
  const url = `ws://${address}/r/interop`;
  start([...server.prefix, join(build, 'signaling-server'), '--listen', address, ...server.flags, '-v'], join(folder, 'signaling-server.log'));
  await portAnswers(server.address, server.port, 10000);
  for (const [i, service] of network.services.entries()) {
    start(service.command, join(folder, `service-${i}.log`));
    await succeeds(service.ready, join(folder, `service-${i}-ready.log`), 10000);
  }
  const program = start(ourCommand(c, network, url, folder), join(folder, 'ours.log'));
  const joined = peer.join({ url, role: c.role, media: c.media, toneHz: PEER_TONE_HZ });
  joined.catch(() => {}); // if our program ends first, that is the news
  const early = program.ended.then(async (code) => {
    const failure = (await readSummary(join(folder, 'ours.json')))?.failure;
    throw new Error(`our program ended before the call, exit code ${code}${failure ? `: ${failure.what} ${failure.why}` : ''}`);
  });
  early.catch(() => {});
  await withTimeout(Promise.race([joined, early]), 40000, 'joining and connecting');
  await sleep(SECONDS * 1000);
  const measured = await withTimeout(peer.measure(), 10000, 'the peer\'s measurements');
  const exitCode = await endOf(program, (MARGIN_SECONDS + 15) * 1000);
  await sleep(200); // our bye is on its way
  measured.seen.goodbye = (await withTimeout(peer.measure(), 10000, 'the peer\'s measurements')).seen.goodbye;
  return { ours: { exitCode, summary: await readSummary(join(folder, 'ours.json')) }, peer: measured };
}

async function play(c, folder) {
  const network = networks[c.network];
  const messages = [];
  let peer = null;
  try {
    peer = await peers[c.peer].open({ folder, ...network.browser, onConsole: (text) => messages.push(text) });
    const measured = await call(c, network, folder, peer);
    await writeFile(join(folder, 'peer.json'), JSON.stringify(measured.peer, null, 1));
    const recording = await readRecording(c, join(folder, 'received'));
    const test = { media: c.media, pairTypes: network.pairTypes, seconds: SECONDS };
    return { complaints: judge(test, { ...measured, recording }), facts: describe(test, { ...measured, recording }), version: peer.version };
  } catch (error) {
    if (peer !== null) {
      const seen = await peer.measure().catch((e) => ({ unmeasured: String(e) }));
      await writeFile(join(folder, 'peer.json'), JSON.stringify(seen, null, 1));
    }
    return { complaints: [error.message.split('\n')[0]], facts: '', version: '' };
  } finally {
    await writeFile(join(folder, 'console.log'), messages.join('\n'));
    if (peer !== null) await peer.close();
    await stopAll();
  }
}

async function main(words) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const c of cases.filter((one) => words.every((word) => nameOf(one).includes(word)))) {
    const reason = missingFor(c);
    if (reason !== null) {
      counts.skipped++;
      console.log(`SKIP: ${nameOf(c)}: ${reason}`);
      continue;
    }
    const folder = join(output, nameOf(c).replace(/[^a-z0-9]+/g, '-'));
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const { complaints, facts, version } = await play(c, folder);
    counts[complaints.length === 0 ? 'passed' : 'failed']++;
    console.log(`${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${[nameOf(c), [version, facts].filter(Boolean).join('; ')].filter(Boolean).join(': ')}`);
    for (const complaint of complaints) console.log(`       ${complaint}`);
    if (complaints.length > 0) console.log(`       logs: ${folder}`);
  }
  console.log(`interop: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => stopAll().finally(() => process.exit(130)));
}
process.exitCode = await main(process.argv.slice(2)).catch(async (error) => {
  await stopAll();
  console.error(`interop: ${error.message}`);
  return 1;
});
