// The peer "pion": Debian's Go package. It neither encodes nor decodes: it sends what was canned, and what it recorded is read by ffmpeg.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannedMedia } from './canned.js';
import { programPeer } from './program.js';
import { readRecorded } from './recorded.js';

const LIBRARIES = '/usr/share/gocode'; // Debian's Go packages
const source = fileURLToPath(new URL('pion/', import.meta.url));
const folder = resolve(process.env.INTEROP_OUTPUT ?? 'build/interop', 'pion');

// Builds the program in the folder `from` under this name; go itself knows what is new. Debian's Go packages are found by GOPATH, and lines, which both
// programs use. That "v3" is the folder without it, Go believes only a module inside of GOPATH.
export async function buildPion(from, name) {
  const program = join(folder, name), module = join(folder, 'src', name), lines = join(folder, 'src/lines');
  for (const into of [module, lines]) await mkdir(into, { recursive: true });
  for (const file of ['main.go', 'go.mod']) await copyFile(join(from, file), join(module, file));
  await copyFile(fileURLToPath(new URL('lines/lines.go', import.meta.url)), join(lines, 'lines.go'));
  const environment = { ...process.env, GO111MODULE: 'off', GOPATH: `${folder}:${LIBRARIES}`, GOFLAGS: '', GOCACHE: join(folder, 'cache') };
  execFileSync('go', ['build', '-o', program, '.'], { cwd: module, env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
}

export const pionProgram = (name) => join(folder, name);
export const pionMissing = () => (!existsSync('/usr/bin/go') ? 'golang-go is not installed'
  : existsSync(join(LIBRARIES, 'src/github.com/pion/webrtc')) ? null : 'golang-github-pion-webrtc.v3-dev is not installed');

export const pion = programPeer({
  missing: pionMissing,
  command: () => [pionProgram('pion_peer')],
  prepare: () => buildPion(source, 'pion_peer'),
  given: async () => ({ canned: await cannedMedia(join(folder, '..', 'canned')) }),
  recorded: readRecorded({ video: 'peer-video.ivf', audio: 'peer-audio.ogg' }),
});
