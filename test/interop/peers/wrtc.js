// The peer "wrtc": npm's @roamhq/wrtc, libwebrtc for node. A program of its own, since a crash in it must not be the runner's.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { programPeer } from './program.js';

const about = new URL('../node_modules/@roamhq/wrtc/package.json', import.meta.url);

export const wrtc = programPeer({
  missing: () => (existsSync(about) ? null : '@roamhq/wrtc is not installed'),
  command: () => [process.execPath, fileURLToPath(new URL('wrtc_peer.js', import.meta.url)), JSON.parse(readFileSync(about)).version],
});
