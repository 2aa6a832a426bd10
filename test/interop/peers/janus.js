// The peer "janus": Debian's. Nothing is decoded there: what comes back from it is judged on our side, what went to it by its counters.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannedMedia } from './canned.js';
import { programPeer } from './program.js';

export const janus = programPeer({
  missing: () => (existsSync('/usr/bin/janus') ? null : 'janus is not installed'),
  command: () => [process.execPath, fileURLToPath(new URL('janus_peer.js', import.meta.url))],
  given: async () => ({ canned: await cannedMedia(resolve(process.env.INTEROP_OUTPUT ?? 'build/interop', 'canned')) }),
});
