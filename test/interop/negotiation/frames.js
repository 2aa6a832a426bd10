// The canned frames that peer_driver sends (canned.h), made once by ffmpeg: thirty pictures of each codec, and a second of sound in G.711.

import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { endOf, start } from '../process.js';

const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25', '-frames:v', '30', '-pix_fmt', 'yuv420p', '-g', '30'];
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=8000', '-t', '1'];
const files = {
  'vp8.ivf': [...picture, '-c:v', 'libvpx', '-b:v', '300k', '-deadline', 'realtime', '-lag-in-frames', '0', '-auto-alt-ref', '0'],
  'vp9.ivf': [...picture, '-c:v', 'libvpx-vp9', '-b:v', '300k', '-deadline', 'realtime', '-lag-in-frames', '0', '-auto-alt-ref', '0'],
  'av1.ivf': [...picture, '-c:v', 'libaom-av1', '-b:v', '300k', '-usage', 'realtime', '-cpu-used', '8', '-lag-in-frames', '0'],
  // RFC 6184 section 8.1, as our 42e01f says: constrained baseline.
  'h264.h264': [...picture, '-c:v', 'libx264', '-profile:v', 'baseline', '-level', '3.1', '-x264-params', 'aud=1:keyint=30:scenecut=0:bframes=0'],
  'pcmu.raw': [...sound, '-c:a', 'pcm_mulaw', '-f', 'mulaw'],
  'pcma.raw': [...sound, '-c:a', 'pcm_alaw', '-f', 'alaw'],
};

export async function cannedFrames(folder) {
  await mkdir(folder, { recursive: true });
  for (const [name, options] of Object.entries(files)) {
    const path = join(folder, name);
    if (existsSync(path)) continue;
    const made = join(folder, `making-${name}`);
    const code = await endOf(start(['ffmpeg', '-nostdin', '-y', ...options, made], join(folder, 'ffmpeg.log')), 60000);
    if (code !== 0) throw new Error(`ffmpeg could not make ${name} (${code}): see ${folder}/ffmpeg.log`);
    await rename(made, path);
  }
}
