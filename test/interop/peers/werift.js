// The peer "werift": npm's package, WebRTC in TypeScript alone. It neither encodes nor decodes: it sends what was canned, and what its recorder wrote is read by ffmpeg.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannedMedia } from './canned.js';
import { programPeer } from './program.js';
import { readContent } from './recorded.js';

const about = new URL('../node_modules/werift/package.json', import.meta.url);
const folder = resolve(process.env.INTEROP_OUTPUT ?? 'build/interop', 'canned');
const content = readContent({ video: 'peer-video.webm', audio: 'peer-audio.webm' });

export const werift = programPeer({
  missing: () => (existsSync(about) ? null : 'werift is not installed'),
  command: () => [process.execPath, fileURLToPath(new URL('werift_peer.js', import.meta.url)), JSON.parse(readFileSync(about)).version],
  given: async () => ({ canned: await cannedMedia(folder) }),
  recorded: async (where, media, { stats }) => ({ stats, ...(await content(where, media)), lacks: ['age'] }), // what is read later has none
});
