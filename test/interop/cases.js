// The table of cases. A case is peer x role x media x network, and perhaps an event in the middle of the call (events.js).
//
// Those of our page have a scene of their own (page/scenes.js) and play themselves.
// Those of data channels have a scene of their own, too (data/table.js).
// Those of a negotiation have a shape or a scene instead of media (negotiation/play.js): between a browser and our PeerConnection itself.
//
// The role is the peer's; ours is the other one: an answerer is called by `caller`, an offerer calls `callee`. `smoke`: CI plays it.
// `red`: why it fails today; it is played all the same.

import { dataCases } from './data/table.js';
import { negotiationCases } from './negotiation/play.js';
import { pageCases } from './page/table.js';
import { whipCases } from './whip/play.js';

const both = ['audio', 'video'];
const vp9 = { audio: 'PCMU', video: 'VP9' }, alaw = { audio: 'PCMA', video: 'VP9' }; // instead of Opus and VP8

// One call in each role.
const calls = (peer, network, more = {}) => ['answerer', 'offerer'].map((role) => ({ peer, role, media: both, network, ...more }));

const browsers = ['chromium', 'firefox'].flatMap((peer) => [
  ...['loopback', 'lan', 'nat', 'relay-udp', 'relay-tcp', 'relay-tls', 'symmetric', 'mdns', 'mdns-offer'].flatMap((network) => calls(peer, network)),
  { peer, role: 'answerer', media: ['audio'], network: 'lan' },
  { peer, role: 'offerer', media: ['video'], network: 'lan' },
  { peer, role: 'answerer', media: both, network: 'loopback', codecs: vp9 },
  { peer, role: 'offerer', media: both, network: 'loopback', codecs: alaw },
  ...calls(peer, 'nat', { event: 'restart' }),
  { peer, role: 'answerer', media: both, network: 'relay-tls', event: 'restart' },
  { peer, role: 'answerer', media: both, network: 'mdns', event: 'restart' },
  { peer, role: 'answerer', media: both, network: 'relay-udp', event: 'relay-lost' },
  { peer, role: 'offerer', media: both, network: 'relay-tcp', event: 'relay-lost' },
  ...['tracks', 'camera', 'bad-offer', 'close'].flatMap((event) => calls(peer, 'loopback', { event })),
]);

const others = ['aiortc', 'pion', 'gstreamer', 'wrtc'].flatMap((peer) => ['lan', 'nat', 'relay-udp'].flatMap((network) => calls(peer, network)));

// werift does not know a=bundle-only (RFC 9143 section 6) and refuses the sections that have it: those of our default, max-bundle.
const werift = ['lan', 'nat', 'relay-udp'].flatMap((network) => [
  { peer: 'werift', role: 'answerer', media: both, network, flags: ['--bundle-policy', 'balanced'] },
  { peer: 'werift', role: 'offerer', media: both, network },
]);

// janus sends no media of its own when it answers, and takes none when it offers.
const janus = ['lan', 'nat', 'relay-udp'].flatMap((network) => [
  { peer: 'janus', role: 'answerer', media: both, network, flow: 'echo' },
  { peer: 'janus', role: 'offerer', media: both, network, flow: 'to-us' },
]);

const words = (c) => c.words ?? (c.media ? [c.media.join('+'), c.network, c.event, c.codecs && Object.values(c.codecs).join('+')] : [c.shape ? 'shape' : 'scene', c.shape ?? c.scene, c.polite && `polite ${c.polite}`]);
export const nameOf = (c) => [c.peer, c.role, ...words(c)].filter(Boolean).join(' ');

// What CI plays of the calls: both browsers in both roles, each network once, what was fragile in mid-call, one case of every other peer.
const SMOKE = new Set([
  'chromium answerer audio+video lan', 'chromium offerer audio+video relay-tls', 'chromium answerer audio+video mdns',
  'chromium answerer audio+video loopback PCMU+VP9', 'chromium offerer audio+video nat', 'chromium answerer audio+video loopback close',
  'firefox answerer audio+video relay-udp', 'firefox offerer audio+video lan', 'firefox answerer audio+video relay-tcp', 'firefox offerer audio+video symmetric',
  'aiortc answerer audio+video lan', 'pion offerer audio+video nat', 'gstreamer answerer audio+video lan', 'wrtc answerer audio+video lan',
  'werift answerer audio+video lan', 'janus answerer audio+video lan',
]);

const named = new Map([...browsers, ...others, ...werift, ...janus].map((c) => [nameOf(c), c]));
const unknown = [...SMOKE].find((name) => !named.has(name));
if (unknown) throw new Error(`there is no case ${unknown}`);

export const cases = [...[...named].map(([name, c]) => ({ ...c, smoke: SMOKE.has(name) })), ...negotiationCases, ...pageCases, ...dataCases, ...whipCases];
