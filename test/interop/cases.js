// The table of cases. A case is peer x role x media x network, and perhaps an event in the middle of the call (events.js).
//
// Those of a negotiation have a shape or a scene instead of media (negotiation/play.js): between a browser and our PeerConnection itself.
//
// The role is the peer's; ours is the other one: an answerer is called by `caller`, an offerer calls `callee`. `smoke`: CI plays it.

import { negotiationCases } from './negotiation/play.js';

const both = ['audio', 'video'];
const vp9 = { audio: 'PCMU', video: 'VP9' }, alaw = { audio: 'PCMA', video: 'VP9' }; // instead of Opus and VP8

export const cases = [
  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'loopback' },
  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'loopback' },
  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'lan' },
  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'lan' },
  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'nat' },
  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'nat' },
  { smoke: true, peer: 'chromium', role: 'answerer', media: ['audio'], network: 'lan' },
  { smoke: true, peer: 'chromium', role: 'offerer', media: ['video'], network: 'lan' },

  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'relay-udp' },
  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'relay-tls' },
  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'nat', event: 'restart' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'relay-udp' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'relay-tcp' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'relay-tcp' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'relay-tls' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'nat', event: 'restart' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'relay-tls', event: 'restart' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'relay-udp', event: 'relay-lost' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'relay-tcp', event: 'relay-lost' },

  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'mdns' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'mdns' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'mdns-offer' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'mdns-offer' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'mdns', event: 'restart' },

  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'loopback', event: 'tracks' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'loopback', event: 'tracks' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'loopback', event: 'bad-offer' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'loopback', event: 'bad-offer' },
  { peer: 'chromium', role: 'answerer', media: both, network: 'loopback', event: 'close' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'loopback', event: 'close' },

  { smoke: true, peer: 'chromium', role: 'answerer', media: both, network: 'loopback', codecs: vp9 },
  { smoke: true, peer: 'chromium', role: 'offerer', media: both, network: 'loopback', codecs: alaw },

  { peer: 'chromium', role: 'answerer', media: both, network: 'symmetric' },
  { peer: 'chromium', role: 'offerer', media: both, network: 'symmetric' },

  ...negotiationCases,
];

const words = (c) => (c.media ? [c.media.join('+'), c.network, c.event, c.codecs && Object.values(c.codecs).join('+')] : [c.shape ? 'shape' : 'scene', c.shape ?? c.scene, c.polite && `polite ${c.polite}`]);
export const nameOf = (c) => [c.peer, c.role, ...words(c)].filter(Boolean).join(' ');
