// Scenes of what a person may do with the page's controls in mid-call, and what the other side gets of it.

import { judgeStamps } from '../judge.js';
import { sleep } from '../process.js';
import { recordedStamps } from '../recording.js';
import { enter, flows, reads, seenBy, watch } from './play.js';

const OUR_TONE_HZ = 700;
const SECONDS = 3; // of each picture
const PICTURES = 15; // of a kind that must come in that time, at least

const pressed = (page, selector) => page.run((s) => document.querySelector(s).getAttribute('aria-pressed'), selector);

// ---- another picture ---------------------------------------------------------------------------------------------------------------

// What callee has recorded: how many pictures with a stamp in a row, without, with, ... Few of a kind in a row are a picture that was coded badly.
function runsOf({ readable }) {
  const runs = [];
  for (const one of readable) {
    if (runs.at(-1)?.readable === one) runs.at(-1).count++;
    else runs.push({ readable: one, count: 1 });
  }
  return runs.filter((run) => run.count >= PICTURES).reduce((all, run) => (all.at(-1)?.readable === run.readable ? all : [...all, run]), []).map((run) => (run.readable ? 'drawn' : 'other'));
}

// The drawn picture, another one, the drawn one again: each for some seconds, with no word of signaling.
const exchange = (change, back) => async ({ stage, peer, complain }) => {
  const page = await stage.open(peer);
  const program = stage.program('callee', OUR_TONE_HZ);
  await enter(page);
  await flows(page);
  await sleep(SECONDS * 1000);
  const what = await change(page, complain);
  await sleep(SECONDS * 1000);
  await back(page, complain);
  await sleep(SECONDS * 1000);
  await reads(page, '#lamp-media', /flowing/, 2000);
  await page.press('#join');
  const code = await program.end(5000);
  if (code !== 0) complain(`callee after the page has left: ${code}`);
  const recorded = await recordedStamps(`${program.record}-video.ivf`);
  const runs = runsOf(recorded).join(', ');
  if (runs !== 'drawn, other, drawn') complain(`callee was sent: ${runs}`);
  if (/answering[^]*answering/.test(await program.words())) complain('there was another negotiation');
  return what;
};

const screen = exchange(
  async (page, complain) => {
    await page.press('#screen');
    for (const end = Date.now() + 5000; Date.now() < end && (await pressed(page, '#screen')) !== 'true';) await sleep(50);
    if ((await pressed(page, '#screen')) !== 'true') complain(`the screen is not shared: ${await page.text('#message')}`);
    return page.run(() => document.getElementById('local').srcObject.getVideoTracks()[0].label);
  },
  async (page, complain) => {
    await page.press('#screen');
    if ((await pressed(page, '#screen')) !== 'false') complain('the screen is still shared');
  },
);

// A machine without a screen: the page says that there is none, and goes on as before.
async function noScreen({ stage, peer, complain }) {
  const page = await stage.open(peer);
  const program = stage.program('callee', OUR_TONE_HZ);
  await enter(page);
  await flows(page);
  await page.press('#screen');
  await reads(page, '#message', /^The screen cannot be shared: /, 5000);
  if ((await pressed(page, '#screen')) !== 'false') complain('the button says that the screen is shared');
  await sleep(SECONDS * 1000);
  await reads(page, '#lamp-media', /flowing/, 2000);
  await page.press('#join');
  const code = await program.end(5000);
  if (code !== 0) complain(`callee after the page has left: ${code}`);
  const { frames, stamps } = await recordedStamps(`${program.record}-video.ivf`);
  judgeStamps('our recording', stamps, frames, SECONDS).forEach(complain);
}

const choice = (page, selector) => page.run((s) => [...document.querySelector(s).options].map((option) => option.value).find((value) => value !== 'drawn'), selector);
const devices = exchange(
  async (page) => {
    for (const list of ['#camera', '#microphone']) await page.choose(list, await choice(page, list));
    return page.run(() => document.getElementById('local').srcObject.getVideoTracks()[0].label);
  },
  async (page) => {
    for (const list of ['#camera', '#microphone']) await page.choose(list, 'drawn');
  },
);

// ---- mute --------------------------------------------------------------------------------------------------------------------------

const isBlack = (colour) => colour.split(' ').every((value) => Number(value) < 24);

// The other page sees black and hears nothing, and then both again. The call goes on all the time.
async function mute({ stage, peer, complain }) {
  const first = await stage.open(peer), second = await stage.open(peer);
  await enter(first);
  await enter(second);
  for (const page of [first, second]) await flows(page);
  await watch(second);
  const now = async () => {
    await second.run(() => Object.assign(window.seen, { frames: 0, stamps: [], peaksHz: [], colours: [] }));
    await sleep(SECONDS * 1000);
    return seenBy(second);
  };
  const judge = (when, seen, isThere) => {
    const dark = seen.colours.filter(isBlack).length;
    if (isThere && (seen.stamps.length < 2 || seen.peaksHz.length < 2)) complain(`${when}: ${seen.stamps.length} pictures, ${seen.peaksHz.length} sounds in ${SECONDS} s`);
    if (!isThere && (dark < seen.colours.length || seen.stamps.length > 0 || seen.peaksHz.length > 0)) {
      complain(`${when}: ${dark} of ${seen.colours.length} pictures are black, ${seen.stamps.length} have a stamp, ${seen.peaksHz.length} sounds are heard`);
    }
  };
  const isSeen = async () => {
    for (const end = Date.now() + 10000; Date.now() < end && (await seenBy(second)).stamps.length === 0;) await sleep(100);
  };
  await isSeen();
  judge('before', await now(), true);
  for (const button of ['#mute-audio', '#mute-video']) await first.press(button);
  for (const button of ['#mute-audio', '#mute-video']) if ((await pressed(first, button)) !== 'true') complain(`${button} is not pressed`);
  await sleep(1000);
  judge('muted', await now(), false);
  await reads(second, '#message', /^Connected/, 1000);
  for (const button of ['#mute-audio', '#mute-video']) await first.press(button);
  await isSeen();
  judge('after', await now(), true);
}

// ---- relay only --------------------------------------------------------------------------------------------------------------------

// The types of our candidates in the table, without the row for their end.
const types = (page) => page.run(() => [...document.querySelectorAll('#candidates tbody tr')].filter((row) => row.cells[1].textContent === 'ours').map((row) => row.cells[2].textContent).filter((type) => type !== 'end'));

// Set before the call: nothing but relays is gathered. Taken back in mid-call: other candidates, too, and the call goes on. Set again: the path is by the relay again.
async function relay({ stage, peer, complain }) {
  const page = await stage.open(peer);
  const program = stage.program('callee', OUR_TONE_HZ);
  await page.press('#relay');
  await enter(page, { drawn: false }); // no https: it draws by itself
  await flows(page);
  const path = await reads(page, '#path', /^Through a relay: relay /, 5000).catch(() => page.text('#path'));
  if (!/^Through a relay: relay /.test(path)) complain(`relay only, and the path is "${path}"`);
  const before = await types(page);
  if (before.length === 0 || before.some((type) => type !== 'relay')) complain(`relay only, and its candidates are ${before.join(', ') || 'none'}`);
  await page.press('#relay');
  const others = async () => (await types(page)).some((type) => type !== 'relay');
  for (const end = Date.now() + 10000; Date.now() < end && !(await others());) await sleep(100);
  if (!(await others())) complain('all may be used, and no other candidate is gathered');
  await reads(page, '#message', /^Connected/, 5000);
  await page.press('#relay');
  await sleep(2000);
  await reads(page, '#path', /^Through a relay: relay /, 10000);
  await watch(page);
  await sleep(SECONDS * 1000);
  const seen = await seenBy(page);
  judgeStamps('the page', seen.stamps, seen.frames, SECONDS).forEach(complain);
  await page.press('#join');
  const code = await program.end(5000);
  if (code !== 0) complain(`callee after the page has left: ${code}`);
}

export const controls = { screen, 'no-screen': noScreen, devices, mute, relay };
