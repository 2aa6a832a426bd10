// make interop-timing: from the click on Join to the first decoded picture on each side, on one LAN: our page in Chromium with callee, with caller, and with
// our page in another Chromium. The three take turns, on the same server and with the same browsers; what counts are medians of the same run.
//
// Usage: test/interop/lab.sh lan node test/interop/timing.js [ROUNDS]      the other side is there and waits; who clicks is in hA, the other one in hB

import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { networks } from './networks.js';
import { browsers } from './page/browsers.js';
import { reads } from './page/play.js';
import { endOf, portAnswers, sleep, start, stopAll, withTimeout } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 10);
const PATIENCE_MS = 20000;
const build = process.env.INTEROP_BUILD ?? 'build/release', folder = join(process.env.INTEROP_OUTPUT ?? 'build/interop', 'timing');
const network = networks.mdns;
const clock = await readFile(new URL('page/clock.js', import.meta.url), 'utf8');

// The spans of one side, each from the end of the one before it.
const PARTS = { join: ['click', 'heard joined'], describe: ['heard joined', 'described'], ICE: ['described', 'ice'], DTLS: ['ice', 'dtls'], picture: ['dtls', 'picture'], all: ['click', 'picture'] };
const spansOf = (marks) => Object.fromEntries(Object.entries(PARTS).map(([name, [from, to]]) => [name, marks[to] - marks[from]]));
const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

const open = (browser, url) => browser.open(url, { ready: '#join:not(:disabled)', script: clock });
const hasPicture = async (page) => {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    const marks = await page.run(() => window.marks);
    if (marks.picture && marks.dtls) return marks;
  }
  throw new Error(`no picture: ${JSON.stringify(await page.run(() => window.marks))}, ${await page.text('#message')}`);
};

// ---- who waits in the room -------------------------------------------------------------------------------------------------------

async function pageWaits({ there, url }) {
  const page = await open(there, url);
  await page.press('#join');
  await reads(page, '#message', /Waiting for the other side/);
  return { marks: () => hasPicture(page), end: () => page.close() };
}

// Our program's events carry the time since it began; the first of them to be read at once says when that was.
const NAMES = { 'signalingstatechange stable': 'described', 'iceconnectionstatechange connected': 'ice', 'iceconnectionstatechange completed': 'ice', 'connectionstatechange connected': 'dtls', 'firstframe video': 'picture' };
const programWaits = (name) => async ({ url, number }) => {
  const log = join(folder, `${name}-${number}.log`);
  await rm(log, { force: true });
  const child = start([...network.ours.prefix, join(build, name), ...network.ours.flags, '--audio', 'tone:700', '--video', 'pattern', '--wait', '40', '--json', '-v', url.replace('http', 'ws')], log, { talks: true });
  const events = [];
  let began = Infinity, rest = '';
  child.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines.map((one) => JSON.parse(one))) {
      began = Math.min(began, Date.now() - line.t * 1000);
      events.push(line);
    }
  });
  for (const end = Date.now() + PATIENCE_MS; !/joined room/.test(existsSync(log) ? await readFile(log, 'utf8') : '');) {
    if (Date.now() > end) throw new Error(`${name} is not in the room`);
    await sleep(20);
  }
  return {
    async marks() {
      const marks = {};
      for (const end = Date.now() + PATIENCE_MS; Date.now() < end && !(marks.picture && marks.dtls); await sleep(50)) {
        for (const { t, event, state, kind } of events) {
          const mark = NAMES[`${event} ${state ?? kind}`];
          if (mark) marks[mark] ??= began + t * 1000;
        }
      }
      return marks;
    },
    async end() {
      child.kill('SIGINT');
      if ((await endOf(child, 5000)) === 'still running') throw new Error(`${name} does not end`);
    },
  };
};

const WAITERS = { 'another Chromium': pageWaits, callee: programWaits('callee'), caller: programWaits('caller') };

// ---- a round -----------------------------------------------------------------------------------------------------------------------

async function once(waits, given) {
  const other = await waits(given);
  const page = await open(given.here, given.url);
  await sleep(500); // the machine is at rest
  try {
    await page.press('#join');
    const here = await hasPicture(page);
    const there = await withTimeout(other.marks(), PATIENCE_MS, 'the other side\'s picture');
    return { here: spansOf(here), there: spansOf({ ...there, click: here.click, 'heard joined': here['heard joined'] }), marks: { here, there } };
  } finally {
    await page.close();
    await other.end();
  }
}

const rows = (results, side) => Object.entries(results).map(([name, rounds]) => {
  const values = Object.keys(PARTS).map((part) => median(rounds.map((round) => round[side][part])).toFixed(0));
  const all = rounds.map((round) => round[side].all).sort((a, b) => a - b);
  return `| ${[name, ...values, `${all[0].toFixed(0)} to ${all.at(-1).toFixed(0)}`].join(' | ')} |`;
});

async function main() {
  await mkdir(folder, { recursive: true });
  const there = resolve(folder, 'chromium-there');
  await writeFile(there, `#!/bin/sh\nexec ${network.ours.prefix.join(' ')} /usr/bin/chromium "$@"\n`);
  await chmod(there, 0o755);
  const server = await network.server();
  const address = `${server.address}:${server.port}`, secure = `http://${address}`;
  start([...server.prefix, join(build, 'signaling-server'), '--listen', address, ...server.flags], join(folder, 'signaling-server.log'));
  await portAnswers(server.address, server.port, 30000);
  const pair = [await browsers.chromium.launch({ secure }), await browsers.chromium.launch({ secure, executable: there })];
  const results = Object.fromEntries(Object.keys(WAITERS).map((name) => [name, []]));
  try {
    for (let number = -1; number < ROUNDS; number++) { // the first round warms up
      for (const [name, waits] of Object.entries(WAITERS)) {
        const round = await once(waits, { here: pair[0], there: pair[1], number, url: `${secure}/r/timing-${name.replace(/\W/g, '')}-${number + 1}` });
        if (number >= 0) results[name].push(round);
      }
    }
  } finally {
    await Promise.all(pair.map((browser) => browser.close()));
    await stopAll();
  }
  await writeFile(join(folder, 'timing.json'), JSON.stringify(results, null, 1));
  let slower = 0;
  for (const [side, title] of [['here', 'Where the click was, with'], ['there', 'At the other side, which is']]) {
    console.log([`| ${title} | ${Object.keys(PARTS).join(' | ')} | from, to |`, `|---|${'---|'.repeat(Object.keys(PARTS).length + 1)}`, ...rows(results, side)].join('\n'));
    const [theirs, ...ours] = Object.values(results).map((rounds) => median(rounds.map((round) => round[side].all)));
    console.log(`\nof two Chromiums' time: ${Object.keys(results).slice(1).map((name, i) => `${name} ${(ours[i] / theirs).toFixed(2)}`).join(', ')}\n`);
    if (Math.max(...ours) > theirs) slower++;
  }
  return slower === 0 ? 0 : 1;
}

process.exitCode = await main().catch(async (error) => {
  await stopAll();
  console.error(`timing: ${error.message}`);
  return 1;
});
