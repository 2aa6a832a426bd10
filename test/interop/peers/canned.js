// What a peer sends that does not encode: a stamped picture in VP8 and the tone in Opus, made once by ffmpeg, long enough for every case.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PEER_TONE_HZ } from '../judge.js';
import { cellRectangle, stampCells } from '../stamp.js';

export const WIDTH = 640, HEIGHT = 480;
const FRAMES_PER_SECOND = 15, SECONDS = 25;

// One picture in I420, the stamp burnt in; behind it a ramp that moves.
export function drawPicture(number, timeMs) {
  const picture = Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 128);
  for (let x = 0; x < WIDTH; x++) picture[x] = 40 + ((x >> 2) + 2 * number) % 160;
  for (let y = 1; y < HEIGHT; y++) picture.copy(picture, y * WIDTH, 0, WIDTH);
  stampCells({ number, timeMs }).forEach((white, cell) => {
    const r = cellRectangle(cell, WIDTH);
    for (let y = r.y; y < r.y + r.height; y++) picture.fill(white ? 235 : 16, y * WIDTH + r.x, y * WIDTH + r.x + r.width);
  });
  return picture;
}

async function encode(output, options, writeInput) {
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...options, output], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdin.on('error', () => {}); // the exit code says it
  await writeInput(child.stdin);
  child.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`ffmpeg could not make ${output}`);
}

// A key frame every second: whoever asks for one waits that long at the most.
const makeVideo = (output) => encode(output, ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', String(FRAMES_PER_SECOND), '-i', '-', '-c:v', 'libvpx', '-b:v', '800k',
  '-g', String(FRAMES_PER_SECOND), '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0', '-lag-in-frames', '0', '-f', 'ivf'], async (input) => {
  for (let number = 0; number < SECONDS * FRAMES_PER_SECOND; number++) if (!input.write(drawPicture(number, (number * 1000) / FRAMES_PER_SECOND))) await once(input, 'drain');
});

// One packet of 20 ms in each page, so that a reader of pages reads packets.
const makeAudio = (output) => encode(output, ['-f', 'lavfi', '-i', `sine=frequency=${PEER_TONE_HZ}:sample_rate=48000:duration=${SECONDS}`, '-c:a', 'libopus', '-b:a', '32k', '-page_duration', '20000',
  '-f', 'ogg'], async () => {});

// The files, by kind.
export async function cannedMedia(folder) {
  await mkdir(folder, { recursive: true });
  const files = { video: join(folder, 'stamped.ivf'), audio: join(folder, 'tone.ogg') };
  for (const [file, make] of [[files.video, makeVideo], [files.audio, makeAudio]]) {
    if (existsSync(file)) continue;
    await make(`${file}.making`);
    await rename(`${file}.making`, file);
  }
  return files;
}
