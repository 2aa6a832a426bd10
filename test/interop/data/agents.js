// The two ends of a data case behind one interface: { version, request(what, members), close() }, and what they tell goes to onEvent; the requests
// and events are those of party.js.

import { join } from 'node:path';
import { OurConnection } from '../negotiation/ours.js';
import { startProgram } from '../peers/program.js';
import { sleep, withTimeout } from '../process.js';

// Ours: peer_driver, whose words are others.
export async function ourAgent({ build, folder, onEvent }) {
  const connection = new OurConnection([join(build, 'test/interop/negotiation/peer_driver'), 'lo', folder], join(folder, 'ours.log'));
  let sendable = () => {};
  connection.onchannel = ({ event, channel, facts, reason, ...rest }) => {
    if (event === 'sendable') return sendable();
    const told = { datachannel: 'channel', channelopen: 'opened', message: 'message', channelclosed: 'shut' }[event];
    onEvent({ event: told, channel, facts, ...rest });
    if (event === 'datachannel') onEvent({ event: 'opened', channel }); // it is open
  };
  connection.onicecandidate = ({ candidate }) => onEvent({ event: 'candidate', candidate });
  connection.onconnectionstatechange = () => onEvent({ event: 'state', state: connection.connectionState });
  // Until there is room for it.
  async function sendOne(members) {
    for (;;) {
      const room = new Promise((resolve) => (sendable = resolve));
      try {
        return await connection.ask('sendData', members);
      } catch (error) {
        if (!/full|capacity/.test(error.message)) throw error;
      }
      await Promise.race([room, sleep(1000)]);
    }
  }
  const requests = {
    open: () => connection.ask('new', { silent: true }),
    channel: async (members) => ({ channel: await connection.ask('createDataChannel', members) }),
    async send({ count = 1, number = 0, ...members }) {
      for (let i = 0; i < count; i++) await sendOne({ ...members, number: number + i });
    },
    shut: (members) => connection.ask('closeDataChannel', members),
    facts: async (members) => ({ facts: await connection.ask('dataChannel', members) }),
    offer: async () => {
      await connection.setLocalDescription();
      return connection.localDescription;
    },
    answer: async ({ sdp }) => {
      await connection.setRemoteDescription({ type: 'offer', sdp });
      await connection.setLocalDescription();
      return connection.localDescription;
    },
    accept: ({ sdp }) => connection.setRemoteDescription({ type: 'answer', sdp }),
    candidate: ({ candidate }) => connection.addIceCandidate(candidate),
  };
  return {
    version: '',
    pid: connection.pid,
    request: (what, members = {}) => requests[what](members),
    async close() {
      const how = await connection.close();
      if (how !== 0) throw new Error(`peer_driver ended with ${how}`);
    },
  };
}

// A program that speaks as party.js does.
export const programAgent = (command, prepare = async () => {}) => async ({ folder, onEvent }) => {
  await prepare();
  let known = () => {};
  const version = new Promise((resolve) => (known = resolve));
  const program = startProgram(command(), join(folder, 'peer.log'), (message) => (message.event === 'version' ? known(message.version) : onEvent(message)));
  const early = program.ended.then((how) => {
    throw new Error(`the peer: ${how}`);
  });
  early.catch(() => {});
  return {
    version: await withTimeout(Promise.race([version, early]), 15000, 'the peer\'s version'),
    request: program.request,
    async close() {
      await program.request('close').catch(() => {});
      await program.end();
    },
  };
};

// A page of a browser (page.html).
export const pageAgent = (browser) => async ({ onEvent, onConsole }) => {
  const { version, page } = await browser();
  const opened = await page('/data/', 'party', onConsole);
  let isOver = false;
  const listen = async () => {
    while (!isOver) (await opened.evaluate(() => window.party.events())).forEach(onEvent);
  };
  listen().catch((error) => {
    if (!isOver) onEvent({ event: 'failure', why: error.message });
  });
  return {
    version,
    request: (what, members = {}) => opened.evaluate(([name, given]) => window.party.request(name, given), [what, members]),
    async close() {
      isOver = true;
      await opened.evaluate(() => window.party.request('close')).catch(() => {});
      await opened.close();
    },
  };
};
