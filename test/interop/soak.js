// make interop-soak MINUTES=30: callee in a long call with Chromium, audio and video both ways on a network that loses nothing. Every ten seconds both sides are
// looked at; at the end: no growth in memory or descriptors of ours, sound and picture in step, no freeze.
//
// Usage: [test/interop/lab.sh port-restricted] node test/interop/soak.js [MINUTES]      without a laboratory: 127.0.0.1

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from './chromium.js';
import { OUR_TONE_HZ, PEER_TONE_HZ, median } from './judge.js';
import { networks } from './networks.js';
import { endOf, portAnswers, sleep, start, stopAll, withTimeout } from './process.js';
import { LOOK_MS, STEP_MS, WARM_UP, judgeSoak, readLook, readReports, shareInStep } from './soak_judge.js';

const MINUTES = Number(process.argv[2] ?? 30);
const build = process.env.INTEROP_BUILD ?? 'build/release', folder = join(process.env.INTEROP_OUTPUT ?? 'build/interop', 'soak');
const network = process.env.INTEROP_LAB ? networks.lan : networks.loopback;

// Of our process.
async function resources(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { kib: Number(status.match(/^VmRSS:\s+(\d+)/m)[1]), threads: Number(status.match(/^Threads:\s+(\d+)/m)[1]), descriptors: (await readdir(`/proc/${pid}/fd`)).length };
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
  const ours = readReports(reports), complaints = judgeSoak(looks, ours);
  const steady = looks.slice(WARM_UP), of = (member) => steady.map((look) => look[member]);
  const range = (values) => `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
  const steps = (values) => `${range(values)} ms (median ${median(values).toFixed(0)}, ${(100 * shareInStep(values)).toFixed(1)} % within ${STEP_MS})`;
  console.log(`\nafter the first ${(WARM_UP * LOOK_MS) / 1000} s: ${range(of('kib'))} KiB, ${range(of('descriptors'))} descriptors; step to the browser ${steps(of('stepMs'))}, by the stamp `
    + `${steps(of('stampedStepMs'))}, to us ${steps(ours.stepsMs)}; freezes: the browser ${looks.at(-1).freezes}, we ${ours.freezeCount}; lost: to it ${looks.at(-1).lost}, to us ${ours.packetsLost}`);
  for (const complaint of complaints) console.log(`FAIL ${complaint}`);
  return complaints.length === 0 ? 0 : 1;
}

process.exitCode = await main().catch(async (error) => {
  await stopAll();
  console.error(`soak: ${error.message}`);
  return 1;
});
