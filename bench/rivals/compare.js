/*
 * Ours beside the rivals in one run: they take turns, round after round, so that what else the machine does hits all alike; medians, and ratios.
 *
 *     node compare.js BENCH_DATA_CHANNEL [ROUNDS [MEGABYTES]]
 *
 * Exits with 1 where ours is not GOAL times as fast as each of them.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

const GOAL = 1.5;
const LENGTHS = [16384, 65536];
const RIVALS = ['node-datachannel', 'wrtc'];

const [bench, rounds = 5, megabytes = 100] = process.argv.slice(2);
if (!bench) {
  console.error('usage: node compare.js BENCH_DATA_CHANNEL [ROUNDS [MEGABYTES]]');
  process.exit(64);
}
const script = fileURLToPath(new URL('channel.js', import.meta.url));

function runOnce(name, length) {
  const [program, ...before] = name === 'strata' ? [bench] : [process.execPath, script, name];
  const { bytes, seconds, cpu } = JSON.parse(execFileSync(program, [...before, String(length), String(megabytes)], { encoding: 'utf8' }));
  return { speed: bytes / 1e6 / seconds, cpu: cpu / (bytes / 1e9) };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function compare(length) {
  const names = ['strata', ...RIVALS];
  const runs = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const name of names) runs.get(name).push(runOnce(name, length));
  const of = (name, what) => median(runs.get(name).map((run) => run[what]));
  for (const name of names) {
    const speed = of(name, 'speed');
    const times = name === 'strata' ? '' : `  ours ${(of('strata', 'speed') / speed).toFixed(2)} times as fast, ${(of('strata', 'cpu') / of(name, 'cpu')).toFixed(2)} of its CPU`;
    console.log(`  ${String(length).padStart(5)} bytes  ${name.padEnd(16)} ${speed.toFixed(0).padStart(4)} MB/s  ${of(name, 'cpu').toFixed(1).padStart(5)} CPU s/GB${times}`);
  }
  return RIVALS.every((name) => of('strata', 'speed') >= GOAL * of(name, 'speed'));
}

console.log(`== data channels side by side: ${cpus()[0].model}, ${cpus().length} processors, load ${loadavg()[0].toFixed(1)}; medians of ${rounds} rounds`);
const isReached = LENGTHS.map(compare).every(Boolean);
if (!isReached) {
  console.error(`bench-rivals: ours is not ${GOAL} times as fast as each of them`);
  process.exit(1);
}
