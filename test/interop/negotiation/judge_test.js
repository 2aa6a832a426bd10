// The judge of negotiations is judged: good looks pass, each broken one fails with a complaint that says why.

import assert from 'node:assert';
import test from 'node:test';
import { judgeAgreement, judgeMedia } from './judge.js';

const names = { first: 'A', second: 'B' };
const MIRROR = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };

const section = (kind, mid, direction) => `m=${kind} ${direction === 'refused' ? 0 : 9} UDP/TLS/RTP/SAVPF 96\r\na=mid:${mid}\r\na=${direction === 'refused' ? 'inactive' : direction}\r\n`;
const describe = (type, sections) => ({ type, sdp: `v=0\r\ns=-\r\n${sections.join('')}` });

// The looks of an offerer A and an answerer B; directions as A says them. Numbers of packets grow by `grown` for each second.
function looks(directions, grown = 0) {
  const kinds = directions.map((_, i) => (i % 2 ? 'video' : 'audio'));
  const look = (own) => ({
    signalingState: 'stable', connectionState: 'connected',
    transceivers: directions.flatMap((d, i) => (d === 'refused' ? [] : [{ mid: `${i}`, kind: kinds[i], currentDirection: own(d), codec: i % 2 ? 'VP8' : 'opus' }])),
    streams: Object.fromEntries(directions.map((d, i) => [i, {
      sent: /^send/.test(own(d)) ? 10 + grown : 10, received: /recv/.test(own(d)) ? 10 + grown : 10, frames: /recv/.test(own(d)) ? 10 + grown : 10,
    }])),
  });
  const offer = describe('offer', directions.map((d, i) => section(kinds[i], i, d === 'refused' ? 'sendrecv' : d)));
  const answer = describe('answer', directions.map((d, i) => section(kinds[i], i, d === 'refused' ? d : MIRROR[d])));
  const mirror = (d) => MIRROR[d];
  return [{ ...look((d) => d), local: offer, remote: answer }, { ...look(mirror), local: answer, remote: offer }];
}

const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive', 'refused'];

function agreement(change, agreed = directions) {
  const [first, second] = structuredClone(looks(directions));
  change(first, second);
  return judgeAgreement(names, first, second, agreed);
}

test('a good agreement has no complaint', () => assert.deepEqual(agreement(() => {}), []));

for (const [what, change, wanted] of [
  ['a state', (a) => (a.signalingState = 'have-local-offer'), /A: signalingState/],
  ['no connection', (a, b) => (b.connectionState = 'connecting'), /B: connectionState/],
  ['a failure', (a) => (a.failures = ['no']), /A: no/],
  ['no answer', (a) => (a.remote = null), /no remote description/],
  ['another direction', (a, b) => (b.local.sdp = b.local.sdp.replace('a=recvonly', 'a=inactive')), /agreed is/],
  ['another currentDirection', (a, b) => (b.transceivers[1].currentDirection = 'inactive'), /B: currentDirection of 1/],
  ['a transceiver too few', (a) => a.transceivers.pop(), /A: 0 transceivers for section 3/],
  ['a transceiver too many', (a) => a.transceivers.push(a.transceivers[0]), /A: 2 transceivers for section 0/],
  ['one of another kind', (a) => (a.transceivers[0].kind = 'video'), /A: the transceiver of 0/],
  ['one of a refused section', (a) => a.transceivers.push({ mid: '4', kind: 'audio', currentDirection: 'inactive' }), /section 4 is refused/],
  ['a section more', (a) => (a.local.sdp += section('audio', '9', 'sendrecv')), /different numbers/],
]) {
  test(`agreement: ${what}`, () => assert.match(agreement(change).join(' '), wanted));
}
test('agreement: a connection is not needed when all is refused', () => {
  const [first, second] = looks(['refused']);
  assert.deepEqual(judgeAgreement(names, { ...first, connectionState: 'new' }, { ...second, connectionState: 'new' }, ['refused']), []);
});

function media(change, options = {}) {
  const [a, b] = structuredClone(looks(directions)), [aAfter, bAfter] = structuredClone(looks(directions, 30));
  change(aAfter, bAfter);
  return judgeMedia(names, { before: a, after: aAfter }, { before: b, after: bAfter }, directions, options).join('; ');
}

test('media that flows as agreed has no complaint', () => assert.equal(media(() => {}), ''));
for (const [what, change, wanted] of [
  ['nothing sent', (a) => (a.streams[0].sent = 10), /A to B, audio 0: nothing is sent/],
  ['nothing received', (a) => (a.streams[2].received = 10), /B to A, audio 2: nothing arrives/],
  ['no frames', (a, b) => (b.streams[1].frames = 10), /A to B, video 1: packets arrive, no frames/],
  ['sent though not agreed', (a, b) => (b.streams[1].sent = 11), /B to A, video 1: 1 packets were sent/],
  ['sent though inactive', (a) => (a.streams[3].sent = 12), /A to B, video 3: 2 packets were sent/],
  ['another codec', (a) => (a.transceivers[1].codec = 'VP9'), /A: the codec of 1 is VP9, not VP8/],
]) {
  test(`media: ${what}`, () => assert.match(media(change), wanted));
}
test('media: the codec that was asked for', () => assert.match(media(() => {}, { codecs: ['PCMU', 'VP8', 'opus', 'VP8', 'opus'] }), /codec of 0 is opus, not PCMU/));
test('media: nothing to send, and something is sent', () => assert.match(media(() => {}, { silent: [0] }), /A to B, audio 0: 30 packets/));
