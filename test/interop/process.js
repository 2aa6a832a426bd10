// Child processes with a log, an end that can be waited for, and no way to outlive the runner.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';

const running = new Set();

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Starts a command; stdout and stderr go to the log, but for one that talks: its stdin and stdout are ours, and `said` is what it has said so far.
// `ended` resolves with the exit code, or the name of the signal.
export function start(command, log, { talks = false } = {}) {
  const file = openSync(log, 'a');
  const child = spawn(command[0], command.slice(1), { stdio: talks ? ['pipe', 'pipe', file] : ['ignore', file, file] });
  child.said = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (child.said += text));
  closeSync(file);
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.on('error', (error) => {
      running.delete(child);
      resolve(`${command[0]}: ${error.code}`);
    });
    child.on('exit', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    });
  });
  return child;
}

// The exit code, or 'still running' after so many milliseconds.
export async function endOf(child, ms) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, 'still running')));
  const result = await Promise.race([child.ended, late]);
  clearTimeout(timer);
  return result;
}

export async function stop(child) {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    if (running.has(child)) child.kill(signal);
    if ((await endOf(child, 3000)) !== 'still running') return;
  }
}

export const stopAll = () => Promise.all([...running].map(stop));
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export async function withTimeout(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms / 1000} s`)), ms)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Waits until a TCP port answers.
export async function portAnswers(address, port, ms) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const answered = await new Promise((resolve) => {
      const socket = connect({ host: address, port, timeout: 500 });
      const done = (result) => {
        socket.destroy();
        resolve(result);
      };
      socket.on('connect', () => done(true));
      socket.on('error', () => done(false));
      socket.on('timeout', () => done(false));
    });
    if (answered) return;
  }
  throw new Error(`nothing listens on ${address}:${port}`);
}

// Waits until a command succeeds.
export async function succeeds(command, log, ms) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const child = start(command, log);
    if ((await endOf(child, 2000)) === 0) return;
    await stop(child);
  }
  throw new Error(`never succeeded: ${command.join(' ')}`);
}
