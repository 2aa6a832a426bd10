// Plays one shape (shapes.js) or one scene (scenes.js) between our PeerConnection and a browser's, in one host. Signaling is a function call.

import { join } from 'node:path';
import { LENGTHS } from './echo.js';
import { cannedFrames } from './frames.js';
import { judgeAgreement, judgeMedia, ufragsOf } from './judge.js';
import { OurConnection } from './ours.js';
import { offersCross, scenes } from './scenes.js';
import { shapes } from './shapes.js';
import { TheirConnection } from './theirs.js';
import { sleep } from '../process.js';

const PATIENCE_MS = 10000; // until a step has had its effect
const LOOK_MS = 600; // between two looks at the counters
const USUAL_MS = 2000; // to see how long a pause between two frames is when nothing happens
const GAP_BEYOND_USUAL_MS = 100; // that a restart of ICE may add, while the old path works
const QUIET_MS = 250; // without a message: nothing more is to be said

// The roles are the peer's, as in cases.js.
const sidesOf = (role, ours, theirs) => (role === 'offerer' ? { first: theirs, second: ours } : { first: ours, second: theirs });
const namesOf = (role, peer) => (role === 'offerer' ? { first: peer, second: 'ours' } : { first: 'ours', second: peer });

// Asks again until there is no complaint, or patience is over. The last complaints.
async function until(judged) {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(100)) {
    const complaints = await judged();
    if (complaints.length === 0 || Date.now() > end) return complaints;
  }
}

const lookAt = async ({ first, second }) => Promise.all([first.look(), second.look()]);

// Of candidates whose offer was taken back, as a browser complains of them.
const STRAY = /username ?fragment|unknown ufrag/i;
const withoutStrays = (look) => ({ ...look, failures: look.failures?.filter((failure) => !STRAY.test(failure)) });

async function judgeSettled(sides, names, agreed, options) {
  const looks = async () => (await lookAt(sides)).map((look) => (options.strays ? withoutStrays(look) : look));
  const settled = await until(async () => judgeAgreement(names, ...(await looks()), agreed));
  if (settled.length > 0) return settled;
  return until(async () => {
    const [firstBefore, secondBefore] = await lookAt(sides);
    await sleep(LOOK_MS);
    const [firstAfter, secondAfter] = await lookAt(sides);
    return judgeMedia(names, { before: firstBefore, after: firstAfter }, { before: secondBefore, after: secondAfter }, agreed, options);
  });
}

// ---- a shape: one offer, one answer ------------------------------------------------------------------------------------------

const withoutBundle = (sdp) => sdp.replace(/^a=group:BUNDLE.*\r\n/m, '').replace(/^a=bundle-only\r\n/gm, '');

async function gathered(party) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
    const look = await party.look();
    if (look.iceGatheringState === 'complete') return look.local;
  }
  throw new Error('gathering did not end');
}

// Candidates of one party, for the other one: held until it may have them, or dropped.
function carry(from, to, { drop, onError }) {
  const waiting = [];
  let open = false;
  const deliver = (candidate) => to.addIceCandidate(candidate).catch(onError);
  from.onicecandidate = ({ candidate }) => {
    if (drop) return;
    if (open) deliver(candidate);
    else waiting.push(candidate);
  };
  return async () => {
    open = true;
    for (const candidate of waiting.splice(0)) await deliver(candidate);
  };
}

async function offerAndAnswer(shape, { first, second }) {
  const failures = [];
  const onError = (error) => failures.push(error.message);
  const sent = (description) => ({ type: description.type, sdp: shape.unbundled ? withoutBundle(description.sdp) : description.sdp });
  const releaseToSecond = carry(first, second, { drop: shape.trickle === false, onError });
  const releaseToFirst = carry(second, first, { drop: shape.trickle === false, onError });
  await first.perform(shape.offerer);
  await second.perform(shape.prepared ?? []);
  await first.setLocalDescription();
  if (shape.early && !second.refusesEarly) {
    await gathered(first);
    await releaseToSecond();
  }
  await second.setRemoteDescription(sent(shape.trickle === false ? await gathered(first) : first.localDescription));
  await releaseToSecond();
  await second.perform(shape.answering ?? []);
  await second.setLocalDescription();
  if (shape.early && !first.refusesEarly) {
    await gathered(second);
    await releaseToFirst();
  }
  await first.setRemoteDescription(sent(shape.trickle === false ? await gathered(second) : second.localDescription));
  await releaseToFirst();
  return failures;
}

async function judgeAfter(shape, sides, names) {
  const { after } = shape;
  await sides.first.perform(after.offerer ?? []);
  await sides.second.perform(after.answerer ?? []);
  const hears = Object.values(names).includes('ours');
  const pressed = hears && (names.first === 'ours' ? after.answerer : after.offerer)?.find(([what]) => what === 'insertDTMF')?.[2];
  if (pressed) {
    const ours = names.first === 'ours' ? sides.first : sides.second;
    const complaints = await until(async () => (ours.digits === pressed ? [] : [`ours heard the keys ${ours.digits || 'none'}, not ${pressed}`]));
    if (complaints.length > 0) return complaints;
  }
  return judgeSettled(sides, names, shape.agreed, { codecs: shape.codecs, silent: after.silent });
}

// Of who created the channel: all came back, and the close was heard.
async function judgeEcho({ first }, names) {
  const wanted = [...LENGTHS, 'closed'].join(' ');
  return until(async () => {
    const said = (await first.look()).echoed.join(' ');
    return said === wanted ? [] : [`${names.first}: of its messages came back: ${said || 'none'}`];
  });
}

async function playShape(shape, sides, names) {
  await sides.first.open({ bundlePolicy: shape.policy ?? 'balanced' });
  await sides.second.open({ bundlePolicy: shape.unbundled ? 'max-compat' : 'balanced' });
  const complaints = await offerAndAnswer(shape, sides);
  complaints.push(...(await judgeSettled(sides, names, shape.agreed, shape)));
  if (complaints.length === 0 && shape.echoes) complaints.push(...(await judgeEcho(sides, names)));
  return complaints.length === 0 && shape.after ? judgeAfter(shape, sides, names) : complaints;
}

// ---- a scene: both negotiate -------------------------------------------------------------------------------------------------

// Messages between two parties: those to one are in order, and wait for nothing that goes the other way. They can be held up.
// quiet() resolves when nothing has been said for a while.
class Link {
  #held = true; #waiting = []; #last = Date.now(); #running = {};
  deliver = {}; // by name of the party that gets it

  #happened = () => (this.#last = Date.now());
  send(to, message) {
    this.#waiting.push({ to, message });
    this.#happened();
    if (!this.#held) this.#flush();
  }
  #flush() {
    for (const { to, message } of this.#waiting.splice(0)) this.#running[to] = Promise.resolve(this.#running[to]).then(() => this.deliver[to](message)).finally(this.#happened);
  }
  hold() {
    this.#held = true;
    this.#happened(); // an offer comes a moment after what asks for it
  }
  release() {
    this.#held = false;
    this.#happened();
    this.#flush();
  }
  async quiet() {
    await Promise.all(Object.values(this.#running));
    while (Date.now() - this.#last < QUIET_MS) {
      await sleep(50);
      await Promise.all(Object.values(this.#running));
    }
  }
}

// The longest pauses between frames that both have had since they were asked last; and, of a while in which nothing happens.
const gapsOf = ({ first, second }) => Promise.all([first.longestGap(), second.longestGap()]);
async function usualGaps(sides) {
  await gapsOf(sides);
  await sleep(USUAL_MS);
  return gapsOf(sides);
}

async function playStep(step, link, sides, names, polite) {
  const agreed = Array.isArray(step.agreed) ? step.agreed : step.agreed[polite === 'first' ? 'politeFirst' : 'politeSecond'];
  const before = step.restarted ? await lookAt(sides) : null;
  const usual = step.restarted && !step.strays ? await usualGaps(sides) : null;
  link.hold();
  if (step.first) await sides.first.perform(step.first);
  if (step.second) await sides.second.perform(step.second);
  await link.quiet(); // both have made their offers
  link.release();
  await link.quiet();
  const complaints = await judgeSettled(sides, names, agreed, step);
  if (complaints.length === 0 && before) {
    const after = await lookAt(sides), gaps = usual && (await gapsOf(sides));
    if (gaps) step.pauses.push(...gaps.map((gap, i) => `${gap} ms (usually ${usual[i]} ms)`));
    before.forEach((look, i) => {
      const who = i === 0 ? names.first : names.second;
      if (usual && gaps[i] > usual[i] + GAP_BEYOND_USUAL_MS) complaints.push(`${who}: no frame for ${gaps[i]} ms, usually ${usual[i]} ms`);
      if (ufragsOf(after[i]).some((ufrag) => ufragsOf(look).includes(ufrag))) complaints.push(`${who}: the same ufrag as before the restart`);
    });
  }
  return complaints;
}

async function playScene(name, polite, sides, names, facts) {
  const failures = [], link = new Link();
  await sides.first.open({ bundlePolicy: 'max-bundle' });
  await sides.second.open({ bundlePolicy: 'max-bundle' });
  const other = { first: 'second', second: 'first' };
  for (const who of ['first', 'second']) {
    const receive = await sides[who].negotiate({
      polite: who === polite, send: (message) => link.send(other[who], message), onError: (error) => failures.push(error.message),
    });
    link.deliver[who] = (message) => Promise.resolve(receive(message)).catch((error) => failures.push(error.message));
  }
  const { first, second } = sides;
  for (const [which, party] of [['first', first], ['second', second]]) {
    party.onicecandidate = ({ candidate }) => link.send(other[which], { candidate });
  }
  let strays = false; // what was said of an offer that was taken back may be late
  for (const [number, step] of scenes[name].entries()) {
    strays ||= step.strays ?? false;
    const complaints = await playStep({ ...step, strays, pauses: facts }, link, sides, names, polite);
    complaints.push(...failures.filter((failure) => !strays || !STRAY.test(failure)));
    failures.length = 0;
    if (complaints.length > 0) return complaints.map((complaint) => `step ${number + 1}: ${complaint}`);
  }
  return [];
}

// ---- a row of the table ------------------------------------------------------------------------------------------------------

// What CI plays: what was fragile once. How long a picture may pause at a restart is for a machine that does nothing else: not CI's.
const SMOKE = new Set([
  'chromium offerer three and three', 'chromium answerer no BUNDLE', 'chromium offerer simulcast', 'chromium answerer H264 only', 'chromium offerer data channel beside',
  'chromium answerer candidates before the description', 'chromium answerer telephone-event', 'chromium offerer answerer stops one',
  'firefox answerer three and three', 'firefox offerer AV1 only', 'firefox answerer data channel beside',
  'chromium offerer both restart', 'chromium answerer both add a picture', 'firefox offerer both restart',
]);

const shapeCases = (peer) => Object.entries(shapes).filter(([, shape]) => !shape.without?.[peer]).flatMap(([name, shape]) => ['offerer', 'answerer']
  .filter((role) => shape.only !== 'browser' || role === 'offerer')
  .map((role) => ({ peer, role, network: 'loopback', shape: name, smoke: SMOKE.has(`${peer} ${role} ${name}`) })));

const sceneCases = (peer) => Object.keys(scenes).flatMap((name) => ['offerer', 'answerer'].flatMap((role) => (offersCross(name) ? ['first', 'second'] : ['second'])
  .map((polite) => ({ peer, role, network: 'loopback', scene: name, polite, smoke: polite === 'second' && SMOKE.has(`${peer} ${role} ${name}`) }))));

export const negotiationCases = ['chromium', 'firefox'].flatMap((peer) => [...shapeCases(peer), ...sceneCases(peer)]);
if (negotiationCases.filter((c) => c.smoke).length !== SMOKE.size) throw new Error('the smoke set names what does not exist');

// facts: what else was measured is added.
const judged = (c, sides, names, facts) => (c.shape ? playShape(shapes[c.shape], sides, names) : playScene(c.scene, c.polite, sides, names, facts));

// c: a case with a shape or a scene; newPage(): one of the browser; build: where peer_driver is. { complaints, facts }.
export async function playNegotiation(c, { newPage, build, folder, frames }) {
  await cannedFrames(frames);
  const ours = new OurConnection([join(build, 'test/interop/negotiation/peer_driver'), 'lo', frames], join(folder, 'ours.log'));
  const theirs = await TheirConnection.on(await newPage());
  const pauses = [];
  let complaints = [], facts = '';
  try {
    complaints = await judged(c, sidesOf(c.role, ours, theirs), namesOf(c.role, c.peer), pauses);
    const state = await ours.ask('state');
    facts = [`${state.agreed} of ${state.sections} sections agreed`, pauses.length > 0 && `longest pauses at restarts: ${pauses.join(', ')}`].filter(Boolean).join('; ');
    await theirs.close();
  } finally {
    const how = await ours.close();
    if (how !== 0) complaints.push(`peer_driver ended with ${how}`);
  }
  return { complaints, facts };
}

// The browser against itself: what the tables want is then true of a browser, and no invention of ours.
export async function playItself(c, { newPage }) {
  const sides = { first: await TheirConnection.on(await newPage()), second: await TheirConnection.on(await newPage()) };
  const pauses = [];
  const complaints = await judged(c, sides, { first: 'the first', second: 'the second' }, pauses);
  return { complaints, facts: ['with itself', ...pauses].join('; ') };
}
