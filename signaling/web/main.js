// The page: buttons and lamps on one side, a room and a call on the other.

import { Call } from './call.js';
import { CandidateTable } from './candidates.js';
import { makeCharts } from './charts.js';
import { Chat } from './chat.js';
import { Own } from './own.js';
import { Room } from './room.js';
import { light, say, sentenceOf, sentenceOfClose, WAITING } from './signs.js';
import { Statistics, explainPath, selectedPair } from './statistics.js';

const $ = (id) => document.getElementById(id);
const table = new CandidateTable($('candidates'));
const drawCharts = makeCharts($('charts'));
const chat = new Chat($('said'), $('say'));
const own = new Own({ audio: $('microphone'), video: $('camera') }, $('local'));
const name = location.pathname.split('/').pop();
let room = null;
let call = null;
let iceServers = [];
let isOfferOwed = false; // the other side is anew in the room; if the call that we have ends, we offer another one
let statistics = new Statistics();

// ---- a call --------------------------------------------------------------------------------------------------------------

function hangUp() {
  call?.close();
  call = null;
  isOfferOwed = false;
  chat.reset();
  $('remote').srcObject = null;
  $('restart').disabled = true;
  for (const lamp of ['ice', 'dtls', 'media']) light(lamp, 'new');
  table.clear();
  $('ice-errors').replaceChildren();
  $('path').textContent = 'None yet.';
}

function showTrack({ detail: { track } }) {
  const stream = $('remote').srcObject ?? new MediaStream();
  stream.addTrack(track);
  $('remote').srcObject = stream;
  $('remote').play().catch((error) => {
    if (error.name === 'NotAllowedError') say('The browser waits for a press of any button before it plays sound.');
  });
}

function showRefusal({ detail }) {
  const list = $('ice-errors');
  if ([...list.children].some((item) => item.textContent === detail)) return;
  list.append(Object.assign(document.createElement('li'), { textContent: detail }));
}

// Says each new state once; a lost path is looked for again as long as there is someone to look with.
function watch(made) {
  let last = 'new', wasConnected = false;
  return () => {
    if (made !== call) return;
    const state = made.connection.connectionState;
    light('ice', made.connection.iceConnectionState);
    light('dtls', made.dtlsState);
    if (state === last) return;
    last = state;
    const isDtls = made.dtlsState === 'failed' && made.connection.iceConnectionState !== 'failed';
    const sentence = sentenceOf(state, { wasConnected, isDtls, canAsk: room.peer !== null });
    if (sentence) say(...sentence);
    wasConnected ||= state === 'connected';
    if (made.isOver && room.isAlone) {
      hangUp();
      say(`The other side has left. ${WAITING}`);
    } else if (made.isOver && isOfferOwed) beginCall();
    else if (state === 'failed' && wasConnected && room.peer !== null) made.restart($('relay').checked);
  };
}

// The first offer is ours: so is the chat.
function beginCall() {
  chat.open(makeCall().connection);
  call.begin();
}

function makeCall() {
  hangUp();
  statistics = new Statistics();
  call = new Call(room, iceServers, $('relay').checked, own.all);
  call.addEventListener('change', watch(call));
  call.addEventListener('problem', ({ detail }) => say(detail, true));
  const made = call;
  call.addEventListener('candidate', ({ detail }) => made === call && table.add(made.age, detail.side, detail.candidate));
  call.addEventListener('refused', showRefusal);
  call.addEventListener('track', showTrack);
  chat.listen(call.connection);
  $('restart').disabled = false;
  return call;
}

// ---- a room --------------------------------------------------------------------------------------------------------------

function meet({ detail: peer }) {
  const isConnected = call?.connection.connectionState === 'connected';
  if (peer) {
    if (!isConnected) say('Someone is here.');
  } else if (isConnected) {
    say('The other side has lost the signaling server. The call goes on as long as its packets come.', true);
  } else {
    hangUp();
    say(`The other side has left. ${WAITING}`);
  }
}

function makeRoom() {
  const made = new Room();
  made.addEventListener('joined', ({ detail }) => {
    iceServers = detail;
    light('signaling', 'open');
    if (!call) say(WAITING);
  });
  made.addEventListener('closed', ({ detail }) => {
    light('signaling', 'closed');
    say(sentenceOfClose(detail), true);
    if (detail.isFinal) leave();
  });
  made.addEventListener('peer', meet);
  made.addEventListener('bye', () => {
    hangUp();
    say(`The other side has ended the call. ${WAITING}`);
  });
  made.addEventListener('turn', () => {
    if (!call || call.isOver) beginCall();
    else isOfferOwed = room.peer !== call.peer;
  });
  made.addEventListener('description', ({ detail }) => {
    if (detail.type === 'offer' && !call?.takesOffer(detail)) makeCall();
    call?.takeDescription(detail);
  });
  made.addEventListener('candidate', ({ detail }) => call?.takeCandidate(detail));
  made.addEventListener('problem', ({ detail }) => say(detail, true));
  return made;
}

async function join() {
  $('join').disabled = true;
  await own.open();
  $('join').disabled = false;
  $('join').textContent = 'Leave';
  $('running').disabled = false;
  say('Asking the signaling server.');
  light('signaling', 'connecting');
  room = makeRoom();
  room.join();
}

// What was said last stays: it may be why.
function leave() {
  room.leave();
  room = null;
  hangUp();
  own.close();
  for (const button of $('running').querySelectorAll('[aria-pressed]')) press(button, false);
  $('running').disabled = true;
  $('join').textContent = 'Join';
}

// ---- once a second -------------------------------------------------------------------------------------------------------

async function measure() {
  const measured = call;
  if (!measured || measured.connection.connectionState === 'closed') return;
  const report = await measured.connection.getStats();
  if (measured !== call) return;
  light('media', statistics.take(report));
  light('dtls', measured.dtlsState);
  drawCharts(statistics.points);
  const selected = selectedPair(report);
  table.select(selected?.local, selected?.remote);
  $('path').textContent = explainPath(report);
  $('download').disabled = false;
}

function download() {
  const blob = new Blob([JSON.stringify(statistics.reports, null, 1)], { type: 'application/json' });
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: `${name}-statistics.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// ---- buttons -------------------------------------------------------------------------------------------------------------

const isPressed = (button) => button.getAttribute('aria-pressed') === 'true';

function press(button, isOn) {
  if (isPressed(button) !== isOn) button.click();
}

// work(isOn) says whether it could be done.
function toggle(button, work) {
  button.addEventListener('click', async () => {
    const isOn = !isPressed(button);
    if (await work(isOn)) button.setAttribute('aria-pressed', String(isOn));
  });
}

const mute = (kind) => (isOn) => {
  own.mute(kind, isOn);
  return true;
};

async function shareScreen(isOn) {
  try {
    if (isOn) await own.shareScreen(() => press($('screen'), false));
    else own.showCamera();
    return true;
  } catch (error) {
    say(`The screen cannot be shared: ${error.message}`, true);
    return false;
  }
}

$('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  if (room === null) return void join();
  leave();
  say('You have left. Nobody can see or hear you.');
});
toggle($('mute-audio'), mute('audio'));
toggle($('mute-video'), mute('video'));
toggle($('screen'), shareScreen);
$('restart').addEventListener('click', () => call?.restart($('relay').checked));
$('relay').addEventListener('change', () => call?.restart($('relay').checked));
$('download').addEventListener('click', download);
own.addEventListener('track', ({ detail: { kind, track } }) => call?.replace(kind, track));
own.addEventListener('note', ({ detail }) => ($('source-note').textContent = detail));
for (const event of ['beforeunload', 'pagehide']) addEventListener(event, () => room && leave()); // Firefox has closed the WebSocket before pagehide

$('room').textContent = name;
document.title = `${name} · strata`;
$('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
await own.fillLists();
$('join').disabled = false;
setInterval(measure, 1000);
