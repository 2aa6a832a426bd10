// What happens in the middle of a call, or at its end. Each event says how long the call is, whether packets may be lost, whether both sides
// restart ICE, how long a pause between two pictures may be (beyond the longest one before the event, or in all, perhaps another one to us), and, once it is over, from when
// on media must flow: { sinceMs, peer }, the peer's measurements of that moment. `finish`, instead: the peer ends the call, and we must notice at once.

import { sleep } from './process.js';

const QUIET_MS = 3000; // of the call, before anything happens
const CAMERA_OFF_MS = 1500;
const AWAY_MS = 3000; // of a killed TURN server
const RECOVERY_MS = 10000; // from its listening again to media (docs/ice.md)
const AFTER_MS = 7000; // of media that must flow then; less what a busy machine takes to start a server

async function now(peer) {
  return { sinceMs: Date.now(), peer: await peer.measure() };
}

export const events = {
  // The page restarts ICE, as a script does that has seen the network change. Nothing is lost: what is selected carries on.
  restart: {
    seconds: 8,
    lossless: true,
    restarts: true,
    pauseBeyondUsualMs: 100,
    async happen({ peer }) {
      await sleep(QUIET_MS);
      const window = await now(peer);
      await peer.restart();
      return window;
    },
  },
  // The TURN server is killed, and another one that knows nobody takes its place: ours has to notice, and to restart.
  'relay-lost': {
    seconds: (QUIET_MS + AWAY_MS + RECOVERY_MS + AFTER_MS) / 1000,
    lossless: false,
    restarts: true,
    pauseMs: 1500,
    async happen({ peer, services }) {
      await sleep(QUIET_MS);
      await services[0].kill();
      await sleep(AWAY_MS);
      await services[0].start();
      await sleep(RECOVERY_MS);
      return now(peer);
    },
  },
  // The page sends another picture, takes it away, and stops its section for good. Nobody asked us for it: the first picture goes on.
  tracks: {
    seconds: 8,
    lossless: true,
    pauseMs: 1500,
    async happen({ peer }) {
      await sleep(QUIET_MS);
      const window = await now(peer);
      await peer.act('addPicture');
      await sleep(500);
      await peer.act('removePicture');
      await peer.act('stopPicture');
      return window;
    },
  },
  // The camera goes off, for good as far as the descriptions say, and on again. The page sees our picture all the time.
  camera: {
    seconds: 8,
    lossless: true,
    pauseMs: 500,
    pauseToUsMs: 500 + CAMERA_OFF_MS,
    async happen({ peer }) {
      await sleep(QUIET_MS);
      const window = await now(peer);
      await peer.act('cameraOff');
      await sleep(CAMERA_OFF_MS);
      await peer.act('cameraOn');
      return window;
    },
  },
  // An offer that breaks a rule: there is no answer to it, and the call goes on. The next one is answered.
  'bad-offer': {
    seconds: 8,
    lossless: true,
    pauseMs: 1500,
    async happen({ peer }) {
      await sleep(QUIET_MS);
      const window = await now(peer);
      await peer.act('offerBadly');
      await sleep(500);
      await peer.act('addPicture');
      return window;
    },
  },
  // RTCPeerConnection.close(), and not a word by signaling.
  close: { lossless: true, finish: ({ peer }) => peer.act('close') },
};
