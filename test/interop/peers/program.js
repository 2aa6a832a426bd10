// Peers that are programs: other people's stacks, each behind lines of JSON on its standard input and output. The rooms, and what a peer says in
// them (docs/signaling.md), are here once for all of them.
//
// To the program:    { id, do: "open", iceServers, media, toneHz, folder }   a connection, with what it sends; what it receives it may record there
//                    { id, do: "offer" }   { id, do: "answer", sdp }         gives { id, sdp }: the local description, which is set
//                    { id, do: "accept", sdp }   { id, do: "candidate", candidate }   candidate: the browsers' dictionary, null at the end
//                    { id, do: "measure" }                                   gives what page.js's measure() gives, as far as the stack can tell, and in "lacks" what it
//                                                                            cannot: inbound, outbound (counters), reports (RTCP's), path, content, age (of pictures)
//                    { id, do: "close" }
// From the program:  { event: "version", version } first; { id, ... } for each request, with "error" if it failed;
//                    { event: "candidate", candidate } if it trickles; { event: "state", state }: connectionState

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join as joinPath, resolve as resolvePath } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { withTimeout } from '../process.js';

const REQUEST_MS = 15000;

// The program as an object: request(do, members) and on(event).
export function startProgram(command, log, onEvent) {
  const errors = openSync(log, 'a');
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', errors] });
  closeSync(errors);
  const waiting = new Map();
  let next = 1;
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(`${command[0]}: ${error.code}`));
    child.on('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  ended.then((how) => {
    for (const { reject } of waiting.values()) reject(new Error(how));
    waiting.clear();
  });
  child.stdin.on('error', () => {}); // it has ended, and that is told above
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.event) return onEvent(message);
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(message.error));
    else resolve(message);
  });
  return {
    ended,
    request(what, members = {}) {
      const id = next++;
      const reply = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
      child.stdin.write(`${JSON.stringify({ id, do: what, ...members })}\n`);
      return withTimeout(reply, REQUEST_MS, `the peer's "${what}"`);
    },
    async end() {
      child.stdin.end();
      const killing = setTimeout(() => child.kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(killing);
    },
  };
}

// RTCIceServer.urls is one or many; here it is always many.
const serversOf = ({ iceServers = [] }) => iceServers.map((server) => ({ ...server, urls: [server.urls].flat() }));

// What a peer does with the messages of a room.
function newParty(program, role, seen, send) {
  const offer = async () => {
    seen.sdp.offer = (await program.request('offer')).sdp;
    send({ type: 'offer', sdp: seen.sdp.offer });
  };
  const answer = async ({ sdp }) => {
    seen.sdp.offer = sdp;
    seen.sdp.answer = (await program.request('answer', { sdp })).sdp;
    send({ type: 'answer', sdp: seen.sdp.answer });
  };
  return {
    'peer-joined': () => send({ type: 'ready' }),
    ready: async () => {
      if (role === 'offerer' && seen.offers++ === 0) await offer();
    },
    offer: (message) => {
      seen.offers++;
      return answer(message);
    },
    answer: ({ sdp }) => {
      seen.answers++;
      seen.sdp.answer = sdp;
      return program.request('accept', { sdp });
    },
    candidate: ({ candidate }) => {
      if (candidate) seen.remoteCandidates.push(candidate.candidate);
      else seen.endOfCandidates = true;
      return program.request('candidate', { candidate });
    },
    bye: () => (seen.goodbye = 'bye'),
    'peer-left': () => (seen.goodbye ??= 'peer-left'),
    error: ({ code, message }) => {
      throw new Error(`the signaling server says ${code}: ${message}`);
    },
  };
}

// A peer as chromium.js describes it, of a program. command(): how it is started, once prepare() has made it; given(): more for "open";
// recorded(folder, media, measured): what can be said after a look into what it recorded.
export const programPeer = ({ missing, command, prepare = async () => {}, given: more = async () => ({}), recorded = async (folder, media, measured) => measured }) => ({
  missing,
  async open({ folder: relative, onConsole }) {
    const folder = resolvePath(relative);
    await prepare();
    const ready = await more();
    const seen = { offers: 0, answers: 0, localCandidates: [], remoteCandidates: [], endOfCandidates: false, goodbye: null, failures: [], sdp: {} };
    let socket = null, state = 'new', onState = () => {}, known = () => {}, media = [];
    const version = new Promise((resolve) => (known = resolve));
    const send = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
    const program = startProgram(command(), joinPath(folder, 'peer.log'), (message) => {
      onConsole(JSON.stringify(message));
      if (message.event === 'version') known(message.version);
      if (message.event === 'state') onState((state = message.state));
      if (message.event === 'candidate') {
        if (message.candidate) seen.localCandidates.push(message.candidate.candidate);
        send({ type: 'candidate', candidate: message.candidate });
      }
    });
    const join = ({ url, role, iceServers, ...given }) => new Promise((resolve, reject) => {
      const fail = (error) => {
        seen.failures.push(error.message);
        reject(error);
      };
      program.ended.then((how) => reject(new Error(`the peer: ${how}`)));
      onState = (now) => {
        if (now === 'connected') resolve();
        if (now === 'failed') fail(new Error('the peer says: connection failed'));
      };
      const party = newParty(program, role, seen, send);
      const handle = async (message) => {
        if (message.type !== 'joined') return party[message.type]?.(message);
        media = given.media;
        await program.request('open', { ...given, role, iceServers: iceServers ? serversOf(message) : [], folder, ...ready });
        send({ type: 'ready' });
      };
      let queue = Promise.resolve();
      socket = new WebSocket(url, 'strata.v1');
      socket.on('message', (data) => (queue = queue.then(() => handle(JSON.parse(data))).catch(fail)));
      socket.on('error', fail);
    });
    const measure = async () => ({ seen, connectionState: state, ...(await recorded(folder, media, await program.request('measure'))) });
    return {
      version: await withTimeout(version, REQUEST_MS, 'the peer\'s version'),
      join,
      measure,
      path: async () => ({}),
      act: (what) => program.request(what),
      async close() {
        socket?.close();
        await program.request('close').catch(() => {});
        await program.end();
      },
    };
  },
});
