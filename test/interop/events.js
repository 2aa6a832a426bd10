// What happens in the middle of a call. Each event says how long the call is, whether packets may be lost, and, once it is over, from
// when on media must flow without a pause: { sinceMs, peer }, the peer's measurements of that moment.

import { sleep } from './process.js';

const QUIET_MS = 3000; // of the call, before anything happens
const AWAY_MS = 3000; // of a killed TURN server
const RECOVERY_MS = 10000; // from its listening again to media (docs/ice.md)

async function now(peer) {
  return { sinceMs: Date.now(), peer: await peer.measure() };
}

export const events = {
  // The page restarts ICE, as a script does that has seen the network change. Nothing is lost: what is selected carries on.
  restart: {
    seconds: 8,
    lossless: true,
    async happen({ peer }) {
      await sleep(QUIET_MS);
      const window = await now(peer);
      await peer.restart();
      return window;
    },
  },
  // The TURN server is killed, and another one that knows nobody takes its place: ours has to notice, and to restart.
  'relay-lost': {
    seconds: (QUIET_MS + AWAY_MS + RECOVERY_MS) / 1000 + 4,
    lossless: false,
    async happen({ peer, services }) {
      await sleep(QUIET_MS);
      await services[0].kill();
      await sleep(AWAY_MS);
      await services[0].start();
      await sleep(RECOVERY_MS);
      return now(peer);
    },
  },
};
