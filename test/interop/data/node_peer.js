// A stack of node as a peer of data cases: party.js on lines of JSON.
//
// Usage: node node_peer.js werift | wrtc | node-datachannel

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { say } from '../peers/requests.js';
import { Party } from './party.js';

// werift: its own TURN and STUN servers are none of ours, and it looks for 127.0.0.1 only when told.
const stacks = {
  werift: async () => ({ Connection: (await import('werift')).RTCPeerConnection, configuration: { iceServers: [], iceAdditionalHostAddresses: ['127.0.0.1'] } }),
  wrtc: async () => ({ Connection: (await import('@roamhq/wrtc')).default.RTCPeerConnection }),
  'node-datachannel': async () => ({ Connection: (await import('node-datachannel/polyfill')).RTCPeerConnection, configuration: { iceServers: [], bindAddress: '127.0.0.1' } }),
};
const packages = { wrtc: '@roamhq/wrtc' };

function versionOf(name) {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;; folder = dirname(folder)) {
    try {
      const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (about.name === name) return about.version;
    } catch { /* further up */ }
    if (folder === dirname(folder)) return '';
  }
}

const name = process.argv[2];
const { Connection, configuration } = await stacks[name]();
const party = new Party(Connection, say, configuration);
say({ event: 'version', version: `${name}/${versionOf(packages[name] ?? name)}` });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: what, ...members } = JSON.parse(line);
  party.request(what, members).then((reply) => say({ id, ...reply }), (error) => say({ id, error: error.message }));
}
process.exit(0);
