// Rows of data channels. A case is peer x role x scene; the role is the peer's.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageAgent, programAgent } from './agents.js';
import { playData } from './play.js';
import { scenes } from './scenes.js';

const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const inNode = (name, more = {}) => ({
  missing: () => (existsSync(script(`../node_modules/${{ wrtc: '@roamhq/wrtc' }[name] ?? name}`)) ? null : `${name} is not installed`),
  agent: programAgent(() => [process.execPath, script('node_peer.js'), name]),
  ...more,
});

// What a peer cannot:
//   sendsAtMost   bytes of a message
//   skipsEmpty    it sends or takes no empty messages
//   asciiOnly     labels and protocols of channels that it opens
//   without       channels of these labels (scenes.js)
//   lacks         facts that it does not tell
//   scenes        that it has; absent: all
export const dataPeers = {
  werift: inNode('werift', { asciiOnly: true, skipsEmpty: true }),
  wrtc: inNode('wrtc'),
  'node-datachannel': inNode('node-datachannel'),
};

const SMOKE = [];

async function play(c, folder, { build, browserOf }) {
  const messages = [];
  const peer = dataPeers[c.peer] ?? { agent: pageAgent(() => browserOf(c)) };
  const result = await playData(c, peer, { folder, build, onConsole: (text) => messages.push(text) });
  await writeFile(join(folder, 'console.log'), messages.join('\n'));
  return result;
}

const rolesOf = (peer, scene) => ['offerer', 'answerer'].map((role) => ({
  peer, role, network: 'loopback', dataScene: scene, smoke: SMOKE.includes(`${peer} ${role} ${scene}`), words: ['data', scene], play,
  missing: () => dataPeers[peer]?.missing() ?? null,
}));

export const dataCases = ['chromium', 'firefox', ...Object.keys(dataPeers)].flatMap((peer) => (dataPeers[peer]?.scenes ?? Object.keys(scenes)).flatMap((scene) => rolesOf(peer, scene)));
