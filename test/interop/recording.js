// What our program recorded (--record), decoded by ffmpeg: the numbers burnt into the pictures, and how much of the sound is the tone.

import { execFile } from 'node:child_process';
import { COLUMNS, ROWS, readStamp } from './stamp.js';

const WIDTH = 640, HEIGHT = 480, STRIP = (ROWS * WIDTH) / COLUMNS;
const FRAME_BYTES = (WIDTH * STRIP * 3) / 2; // yuv420p
export const SAMPLE_RATE = 48000;

function ffmpeg(args) {
  return new Promise((resolve, reject) => {
    execFile('ffmpeg', ['-v', 'error', '-nostdin', ...args, '-'], { encoding: 'buffer', maxBuffer: 1 << 28, timeout: 60000 },
      (error, stdout, stderr) => (error ? reject(new Error(`ffmpeg: ${String(stderr).trim().split('\n')[0] || error.code}`)) : resolve(stdout)));
  });
}

// The browser may send smaller pictures at first, so every picture is brought to one size.
export async function recordedStamps(file) {
  const raw = await ffmpeg(['-i', file, '-vf', `scale=${WIDTH}:${HEIGHT},crop=${WIDTH}:${STRIP}:0:0`, '-fps_mode', 'passthrough',
    '-pix_fmt', 'yuv420p', '-f', 'rawvideo']);
  const stamps = [], readable = [];
  const frames = Math.floor(raw.length / FRAME_BYTES);
  for (let frame = 0; frame < frames; frame++) {
    const stamp = readStamp((x, y) => raw[frame * FRAME_BYTES + y * WIDTH + x], WIDTH);
    if (stamp) stamps.push(stamp);
    readable.push(Boolean(stamp));
  }
  return { frames, stamps, readable };
}

// The share of the sound's power at `hertz`, 0 to 1 (Goertzel's algorithm over pieces of 20 ms, those with sound in them).
export function toneShare(samples, hertz) {
  const piece = SAMPLE_RATE / 50, turn = 2 * Math.cos((2 * Math.PI * hertz) / SAMPLE_RATE);
  let tone = 0, all = 0;
  for (let at = 0; at + piece <= samples.length; at += piece) {
    let one = 0, two = 0, power = 0;
    for (let i = 0; i < piece; i++) {
      const now = samples[at + i] + turn * one - two;
      [two, one] = [one, now];
      power += samples[at + i] ** 2;
    }
    tone += ((one * one + two * two - turn * one * two) * 2) / piece;
    all += power;
  }
  return all > samples.length ? tone / all : 0; // a power of one per sample of 16 bits is silence
}

export async function recordedTone(file, hertz) {
  const raw = await ffmpeg(['-i', file, '-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 's16le']);
  const samples = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + (raw.length & ~1)));
  return { seconds: samples.length / SAMPLE_RATE, share: toneShare(samples, hertz) };
}
