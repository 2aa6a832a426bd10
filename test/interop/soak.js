// make interop-soak MINUTES=30: callee in a long call with Chromium, audio and video both ways on a network that loses nothing. Every ten seconds both sides are
// looked at; at the end: no growth in memory or descriptors of ours, sound and picture in step, no freeze.
//
// Usage: [test/interop/lab.sh port-restricted] node test/interop/soak.js [MINUTES]      without a laboratory: 127.0.0.1

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from './chromium.js';
import { OUR_TONE_HZ, PEER_TONE_HZ, longestPause } from './judge.js';
import { networks } from './networks.js';
import { endOf, portAnswers, sleep, start, stopAll, withTimeout } from './process.js';

const MINUTES = Number(process.argv[2] ?? 30);
const LOOK_MS = 10000;
const WARM_UP = 3; // looks before memory has to stand still: buffers fill, the browser finds its bitrate
const STEP_MS = 45; // between sound and picture
const GROWTH_KIB = 512;
const EPOCH_MS = 2208988800000; // from NTP's to UNIX's
const build = process.env.INTEROP_BUILD ?? 'build/release', folder = join(process.env.INTEROP_OUTPUT ?? 'build/interop', 'soak');
const network = process.env.INTEROP_LAB ? networks.lan : networks.loopback;

const median = (values) => (values.length === 0 ? NaN : [...values].sort((a, b) => a - b)[values.length >> 1]);
const share = (values, holds) => values.filter(holds).length / values.length;

// ---- our process ---------------------------------------------------------------------------------------------------------------

async function resources(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { kib: Number(status.match(/^VmRSS:\s+(\d+)/m)[1]), threads: Number(status.match(/^Threads:\s+(\d+)/m)[1]), descriptors: (await readdir(`/proc/${pid}/fd`)).length };
}

// What one look of the page says. The step is positive when the sound is behind the picture.
//   stepMs         by the clock of our sender reports (RFC 3550 section 6.4.1): the capture times of what is played just now, as the browser estimates them
//   stampedStepMs  the age of the sound by the same, the age of the picture by the stamp in its pixels
function readLook(look) {
  const of = (kind) => look.inbound.find((s) => s.kind === kind) ?? {};
  const audio = of('audio'), video = of('video');
  const ages = look.stamps.map((stamp) => stamp.delayMs);
  return {
    stepMs: video.estimatedPlayoutTimestamp - audio.estimatedPlayoutTimestamp,
    stampedStepMs: look.atMs - (audio.estimatedPlayoutTimestamp - EPOCH_MS) - median(ages),
    pictureAgeMs: median(ages), pauseMs: longestPause(look.stamps.map((s) => s.timeMs + s.delayMs), look.stamps[0]?.timeMs + look.stamps[0]?.delayMs, look.stamps.at(-1)?.timeMs + look.stamps.at(-1)?.delayMs),
    freezes: video.freezeCount, lost: (audio.packetsLost ?? 0) + (video.packetsLost ?? 0), concealed: audio.concealedSamples / audio.totalSamplesReceived,
    framesPerSecond: look.stamps.length / (LOOK_MS / 1000), hertz: median(look.peaksHz),
  };
}

// ---- the verdict ---------------------------------------------------------------------------------------------------------------

export function judgeSoak(looks, ours) {
  const complaints = [];
  const steady = looks.slice(WARM_UP), quarter = Math.max(1, steady.length >> 2);
  const first = steady.slice(0, quarter), last = steady.slice(-quarter);
  const grown = median(last.map((l) => l.kib)) - median(first.map((l) => l.kib));
  if (grown > GROWTH_KIB) complaints.push(`memory has grown by ${grown} KiB`);
  if (median(last.map((l) => l.descriptors)) > median(first.map((l) => l.descriptors))) complaints.push(`descriptors have grown from ${first[0].descriptors} to ${last.at(-1).descriptors}`);
  if (median(last.map((l) => l.threads)) > median(first.map((l) => l.threads))) complaints.push('threads have grown');
  for (const what of ['stepMs', 'stampedStepMs']) {
    const steps = steady.map((l) => l[what]);
    if (!(Math.abs(median(steps)) <= STEP_MS) || share(steps, (s) => Math.abs(s) <= STEP_MS) < 0.95) complaints.push(`${what}: ${median(steps).toFixed(0)}, ${Math.round(100 * share(steps, (s) => Math.abs(s) <= STEP_MS))} % within ${STEP_MS} ms`);
  }
  const freezes = looks.at(-1).freezes - looks[WARM_UP - 1].freezes;
  if (freezes > 0) complaints.push(`the browser counts ${freezes} freezes`);
  if (ours.freezeCount > 0) complaints.push(`we count ${ours.freezeCount} freezes`);
  if (looks.at(-1).lost > 0) complaints.push(`${looks.at(-1).lost} packets to the browser are lost`);
  if (ours.packetsLost > 0) complaints.push(`${ours.packetsLost} packets to us are lost`);
  if (!(Math.abs(median(steady.map((l) => l.hertz)) - OUR_TONE_HZ) < 12)) complaints.push('the browser does not hear our tone');
  return complaints;
}

const row = (look, minute) => `| ${[minute.toFixed(1), look.kib, look.descriptors, look.threads, look.stepMs.toFixed(0), look.stampedStepMs.toFixed(0), look.pictureAgeMs, look.pauseMs, look.freezes, look.lost,
  look.framesPerSecond.toFixed(1), look.hertz?.toFixed(0)].join(' | ')} |`;

async function main() {
  await mkdir(folder, { recursive: true });
  const server = await network.server();
  const address = `${server.address}:${server.port}`, url = `ws://${address}/r/soak`, json = join(folder, 'ours.json');
  start([...server.prefix, join(build, 'signaling-server'), '--listen', address, ...server.flags], join(folder, 'signaling-server.log'));
  await portAnswers(server.address, server.port, 30000);
  const program = start([
    ...network.ours.prefix, join(build, 'callee'), ...network.ours.flags, '--audio', `tone:${OUR_TONE_HZ}`, '--video', 'pattern', '--wait', '40', `--json=${json}`, '-v', url,
  ], join(folder, 'ours.log'));
  const browser = await chromium.browser({ folder: join(folder, 'chromium'), ...network.browser });
  const looks = [];
  try {
    const page = await browser.page('/', 'interop', () => {});
    await withTimeout(page.evaluate((given) => window.interop.join(given), {
      url, role: 'offerer', media: ['audio', 'video'], toneHz: PEER_TONE_HZ, camera: network.browser.camera, iceServers: network.browser.iceServers,
    }), 40000, 'joining and connecting');
    await page.evaluate(() => window.interop.glance());
    console.log('| minute | KiB | descriptors | threads | step ms | by the stamp | picture ms old | longest pause | freezes | lost | pictures/s | Hz |\n|---|---|---|---|---|---|---|---|---|---|---|---|');
    const began = Date.now();
    for (let next = began + LOOK_MS; next <= began + MINUTES * 60000; next += LOOK_MS) {
      await sleep(Math.max(0, next - Date.now()));
      if ((await endOf(program, 0)) !== 'still running') throw new Error('our program has ended');
      const seen = await page.evaluate(() => window.interop.glance());
      if (seen.connectionState !== 'connected') throw new Error(`the browser says: ${seen.connectionState}`);
      looks.push({ ...readLook(seen), ...(await resources(program.pid)) });
      if (looks.length % 6 === 1 || MINUTES < 5) console.log(row(looks.at(-1), (Date.now() - began) / 60000));
    }
    program.kill('SIGINT');
    await endOf(program, 5000);
  } finally {
    await browser.close();
    await stopAll();
    await writeFile(join(folder, 'looks.json'), JSON.stringify(looks, null, 1));
  }
  const reports = (await readFile(json, 'utf8')).trim().split('\n').map((line) => JSON.parse(line)).filter((line) => line.event === 'stats').map((line) => Object.values(line.stats).filter((s) => s.type === 'inbound-rtp'));
  const sum = (report, member) => report.reduce((total, s) => total + (s[member] ?? 0), 0);
  const ours = { freezeCount: sum(reports.at(-1), 'freezeCount') - sum(reports[Math.min(30, reports.length - 1)], 'freezeCount'), packetsLost: sum(reports.at(-1), 'packetsLost') };
  const complaints = judgeSoak(looks, ours);
  const steady = looks.slice(WARM_UP), range = (member) => `${Math.min(...steady.map((l) => l[member])).toFixed(0)} to ${Math.max(...steady.map((l) => l[member])).toFixed(0)}`;
  console.log(`\nafter the first ${(WARM_UP * LOOK_MS) / 1000} s: ${range('kib')} KiB, ${range('descriptors')} descriptors, step ${range('stepMs')} ms (median ${median(steady.map((l) => l.stepMs)).toFixed(0)}), `
    + `by the stamp ${range('stampedStepMs')} ms (median ${median(steady.map((l) => l.stampedStepMs)).toFixed(0)}); freezes: the browser ${looks.at(-1).freezes}, we ${ours.freezeCount}; lost: to it ${looks.at(-1).lost}, to us ${ours.packetsLost}`);
  for (const complaint of complaints) console.log(`FAIL ${complaint}`);
  return complaints.length === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith('soak.js')) {
  process.exitCode = await main().catch(async (error) => {
    await stopAll();
    console.error(`soak: ${error.message}`);
    return 1;
  });
}
