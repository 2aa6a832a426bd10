// The peer "aiortc": Debian's, in Python. It decodes what it receives, and reads the stamps itself.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { programPeer } from './program.js';

export const PYTHON = '/usr/bin/python3'; // the one that Debian's packages are for

export const aiortc = programPeer({
  missing() {
    try {
      execFileSync(PYTHON, ['-c', 'import aiortc, numpy'], { stdio: 'ignore' });
      return null;
    } catch {
      return 'python3-aiortc is not installed';
    }
  },
  command: () => [PYTHON, fileURLToPath(new URL('aiortc_peer.py', import.meta.url))],
});
