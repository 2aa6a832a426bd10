// Rows of data channels. A case is peer x role x scene; the role is the peer's.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PYTHON, aiortc } from '../peers/aiortc.js';
import { buildPion, pionMissing, pionProgram } from '../peers/pion.js';
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
//   sendsAtMost, takesAtMost   bytes of a message
//   skipsEmpty    it sends or takes no empty messages
//   asciiOnly     labels and protocols of channels that it opens
//   without       open channels of these labels (scenes.js)
//   lacks         these facts it does not tell, or wrongly
//   losesLast     'taking': messages that came just before a channel was closed it may not tell any more;
//                 'sending': its close() does not wait for what it was given to send
//   scenes        that it has; absent: all
//   red           why a scene fails today; it is played all the same
export const dataPeers = {
  // A label is as long as it has characters.
  aiortc: { missing: aiortc.missing, agent: programAgent(() => [PYTHON, script('aiortc_data.py')]), asciiOnly: true, losesLast: 'sending',
    scenes: Object.keys(scenes).filter((scene) => scene !== 'loss') }, // it has no candidate of 127.0.0.1, where the cable is
  // One byte less than it lets others believe, which is RFC 8841's default: its buffer has 65,535.
  pion: { sendsAtMost: 65535, takesAtMost: 65535, missing: pionMissing, agent: programAgent(() => [pionProgram('pion_data')], () => buildPion(script('pion/'), 'pion_data')) },
  // A label is as long as it has characters; unordered ones with a limit are opened as ordered ones; empty messages are not told.
  werift: inNode('werift', { asciiOnly: true, skipsEmpty: true, without: ['once', 'once, unordered'],
    red: { loss: 'under 10 % loss its SCTP takes and gives a few messages in 20 s.' } }),
  // No limit is 65535.
  wrtc: inNode('wrtc', { lacks: ['maxRetransmits', 'maxPacketLifeTime'] }),
  'node-datachannel': inNode('node-datachannel', { lacks: ['ordered', 'maxRetransmits', 'maxPacketLifeTime'], losesLast: 'taking' }),
};

const SMOKE = ['chromium offerer channels', 'firefox answerer channels', 'node-datachannel answerer echo']; // what CI plays

async function play(c, folder, { build, browserOf }) {
  const messages = [];
  const peer = dataPeers[c.peer] ?? { agent: pageAgent(() => browserOf(c)) };
  const result = await playData(c, peer, { folder, build, onConsole: (text) => messages.push(text) });
  await writeFile(join(folder, 'console.log'), messages.join('\n'));
  return result;
}

const rolesOf = (peer, scene) => ['offerer', 'answerer'].map((role) => ({
  peer, role, network: 'loopback', dataScene: scene, smoke: SMOKE.includes(`${peer} ${role} ${scene}`), words: ['data', scene], play, red: dataPeers[peer]?.red?.[scene],
  missing: () => dataPeers[peer]?.missing() ?? null,
}));

export const dataCases = ['chromium', 'firefox', ...Object.keys(dataPeers)].flatMap((peer) => (dataPeers[peer]?.scenes ?? Object.keys(scenes)).flatMap((scene) => rolesOf(peer, scene)));
