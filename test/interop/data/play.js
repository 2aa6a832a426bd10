// Plays a data case: our PeerConnection and a peer's in one host, signaling is a function call, one scene (scenes.js).

import { readFile } from 'node:fs/promises';
import { ourAgent } from './agents.js';
import { newCable } from './cable.js';
import { End, pairOf, until } from './end.js';
import { scenes } from './scenes.js';

const CONNECT_MS = 20000;

const withoutCandidates = (sdp) => sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
const candidatesIn = (sdp) => (sdp.match(/^a=candidate:.*$/gm) ?? []).map((line) => ({ candidate: line.slice(2).trim(), sdpMid: sdp.match(/^a=mid:(\S+)/m)?.[1] ?? '0', sdpMLineIndex: 0 }));

// Candidates go one by one, whether they were in a description or not, and by the cable if there is one.
export async function connect([offerer, answerer], cable) {
  const ready = [];
  const waiting = [[], []];
  [offerer, answerer].forEach((end, i) => {
    const other = [answerer, offerer][i];
    const deliver = async (candidate) => {
      const told = cable && candidate ? await cable.candidate(i, candidate) : candidate;
      if (told) await other.agent.request('candidate', { candidate: told }).catch((error) => other.failures.push(`candidate: ${error.message}`));
    };
    ready.push(() => {
      end.oncandidate = deliver;
      return Promise.all(waiting[i].splice(0).map(deliver));
    });
    end.oncandidate = (candidate) => waiting[i].push(candidate);
  });
  const first = await offerer.create({ label: 'first' });
  const offer = (await offerer.agent.request('offer')).sdp;
  waiting[0].push(...candidatesIn(offer));
  const answer = (await answerer.agent.request('answer', { sdp: withoutCandidates(offer) })).sdp;
  waiting[1].push(...candidatesIn(answer));
  await ready[0]();
  await offerer.agent.request('accept', { sdp: withoutCandidates(answer) });
  await ready[1]();
  await until(() => `connected: ${offerer.state}, ${answerer.state}`, () => first.isOpen, CONNECT_MS);
  await answerer.incoming('first');
}

// Resident memory of a process of ours, kB.
const memoryOf = (pid) => async () => Number((await readFile(`/proc/${pid}/status`, 'utf8')).match(/^VmRSS:\s+(\d+)/m)[1]);

// c: { peer, role, scene of scenes.js }; peer: { agent, ... } as in table.js. { complaints, facts, version }.
export async function playData(c, peer, { folder, build, onConsole }) {
  const ours = new End('ours'), theirs = new End(c.peer);
  const ends = c.role === 'offerer' ? [theirs, ours] : [ours, theirs];
  const cable = c.dataScene === 'loss' ? newCable() : null;
  const result = { complaints: [], facts: '', version: '' };
  ours.isOurs = true;
  try {
    ours.agent = await ourAgent({ build, folder, onEvent: ours.handle });
    ours.memory = memoryOf(ours.agent.pid);
    theirs.agent = await peer.agent({ folder, onEvent: theirs.handle, onConsole });
    result.version = theirs.agent.version;
    await Promise.all(ends.map((end) => end.agent.request('open')));
    await connect(ends, cable);
    result.facts = await scenes[c.dataScene](ends, peer, cable);
  } catch (error) {
    result.complaints.push(error.message.split('\n')[0]);
  }
  for (const end of ends) {
    result.complaints.push(...end.failures.map((why) => `${end.name}: ${why}`));
    await end.agent?.close().catch((error) => result.complaints.push(error.message));
  }
  cable?.close();
  return result;
}
