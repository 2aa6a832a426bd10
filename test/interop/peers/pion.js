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

// Debian's Go packages are found by GOPATH. That "v3" is the folder without it, Go believes only a module inside of GOPATH.
async function build() {
  const module = join(folder, 'src', 'peer');
  await mkdir(module, { recursive: true });
  for (const name of ['main.go', 'go.mod']) await copyFile(join(source, name), join(module, name));
  const environment = { ...process.env, GO111MODULE: 'off', GOPATH: `${folder}:${LIBRARIES}`, GOFLAGS: '', GOCACHE: join(folder, 'cache') };
  execFileSync('go', ['build', '-o', join(folder, 'pion_peer'), '.'], { cwd: module, env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
}

export const pion = programPeer({
  missing: () => (!existsSync('/usr/bin/go') ? 'golang-go is not installed'
    : existsSync(join(LIBRARIES, 'src/github.com/pion/webrtc')) ? null : 'golang-github-pion-webrtc.v3-dev is not installed'),
  command: () => [join(folder, 'pion_peer')],
  async prepare() {
    if (!existsSync(join(folder, 'pion_peer'))) await build();
  },
  given: async () => ({ canned: await cannedMedia(join(folder, '..', 'canned')) }),
  recorded: readRecorded({ video: 'peer-video.ivf', audio: 'peer-audio.ogg' }),
});
