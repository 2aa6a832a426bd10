// The page: buttons and lamps on one side, a room and a call on the other.

import { Call } from './call.js';
import { CandidateTable } from './candidates.js';
import { makeCharts } from './charts.js';
import { Room } from './room.js';
import { drawPicture, listDevices, mayUseDevices, openCamera, openMicrophone, openScreen, playTone, stop } from './source.js';
import { Statistics, explainPath, selectedPair } from './statistics.js';

const $ = (id) => document.getElementById(id);
const table = new CandidateTable($('candidates'));
const drawCharts = makeCharts($('charts'));
let room = null;
let call = null;
let iceServers = [];
let statistics = new Statistics();
const own = { audio: null, video: null, camera: null }; // tracks; camera: what is sent when no screen is shared

// ---- what the person is told ---------------------------------------------------------------------------------------------

function say(sentence, isBad = false) {
  $('message').textContent = sentence;
  $('message').classList.toggle('bad', isBad);
}

const LAMP_OF_STATE = {
  connected: 'good', completed: 'good', open: 'good', flowing: 'good',
  failed: 'bad', closed: 'bad', disconnected: 'bad', stopped: 'bad',
  connecting: 'busy', checking: 'busy', gathering: 'busy',
};

function light(lamp, state) {
  const element = $(`lamp-${lamp}`);
  element.dataset.state = LAMP_OF_STATE[state] ?? 'new';
  element.lastElementChild.textContent = state;
}

function showStates() {
  const connection = call?.connection;
  light('ice', connection?.iceConnectionState ?? 'new');
  const transport = connection?.getReceivers().find((receiver) => receiver.transport)?.transport;
  light('dtls', transport?.state ?? 'new');
  if (connection?.connectionState === 'connected') say('Connected.');
  if (connection?.connectionState === 'failed')
    say('No path was found, or it was lost. Look for another one; if both sides are behind strict NATs, the room needs a TURN server.', true);
}

// ---- what is sent --------------------------------------------------------------------------------------------------------

const DRAWN = 'drawn';

async function fillList(select, kind, drawn) {
  const chosen = select.value;
  const devices = await listDevices(kind);
  select.replaceChildren(...devices.map(({ id, name }) => new Option(name, id)), new Option(drawn, DRAWN));
  select.value = [...select.options].some((option) => option.value === chosen) ? chosen : select.options[0].value;
}

const fillLists = () => Promise.all([fillList($('microphone'), 'audioinput', 'a tone'), fillList($('camera'), 'videoinput', 'a drawn picture')]);

// The chosen device; when it cannot be had, why, and the drawn one instead.
async function open(select, device, drawn, noun) {
  if (select.value === DRAWN) return drawn();
  try {
    return await device(select.value);
  } catch (error) {
    say(`The ${noun} cannot be used (${error.message}): sending ${select.options[select.options.length - 1].text} instead.`, true);
    select.value = DRAWN;
    return drawn();
  }
}

const openAudio = () => open($('microphone'), openMicrophone, playTone, 'microphone');
const openVideo = () => open($('camera'), openCamera, drawPicture, 'camera');

function showOwn() {
  $('local').srcObject = new MediaStream([own.video]);
  $('local').play().catch(() => {}); // a picture that may not start by itself starts with the next press of a button
}

async function send(kind, track, keepsOld = false) {
  const old = own[kind];
  track.enabled = old ? old.enabled : true;
  own[kind] = track;
  await call?.replace(kind, track);
  if (old && !keepsOld) stop(old);
  if (kind === 'video') showOwn();
}

// ---- the call ------------------------------------------------------------------------------------------------------------

function hangUp() {
  call?.close();
  call = null;
  $('remote').srcObject = null;
  $('running').disabled = true;
  for (const lamp of ['ice', 'dtls', 'media']) light(lamp, 'new');
  table.clear();
  $('path').textContent = 'None yet.';
}

function makeCall() {
  hangUp();
  statistics = new Statistics();
  const made = new Call(room, iceServers, $('relay').checked, [own.audio, own.video], new MediaStream([own.audio, own.video]));
  made.addEventListener('change', showStates);
  made.addEventListener('problem', ({ detail }) => say(detail, true));
  made.addEventListener('candidate', ({ detail }) => table.add(made.age / 1000, detail.side, detail.candidate));
  made.addEventListener('track', ({ detail }) => {
    const stream = $('remote').srcObject ?? new MediaStream();
    stream.addTrack(detail.track);
    $('remote').srcObject = stream;
    $('remote').play().catch(() => say('The browser waits for a press of any button before it plays sound.'));
  });
  $('running').disabled = false;
  call = made;
  return made;
}

function makeRoom() {
  const made = new Room();
  made.addEventListener('open', () => light('signaling', 'open'));
  made.addEventListener('closed', ({ detail }) => {
    light('signaling', 'closed');
    say(`The signaling server is gone: ${detail}. The call goes on as it is; join again to find each other anew.`, true);
    $('join').disabled = false;
  });
  made.addEventListener('joined', ({ detail }) => (iceServers = detail));
  made.addEventListener('peer', ({ detail }) => {
    if (detail) say('Someone is here.');
    else if (call?.connection.connectionState === 'connected') say('The other side has left the room.');
    else say('Waiting for the other side. Give them the address of this page.');
  });
  made.addEventListener('bye', () => {
    hangUp();
    say('The other side has ended the call.');
  });
  made.addEventListener('turn', () => makeCall().begin());
  made.addEventListener('description', ({ detail }) => {
    if (detail.type === 'offer' && (!call || call.connection.connectionState === 'closed')) makeCall();
    call?.takeDescription(detail);
  });
  made.addEventListener('candidate', ({ detail }) => call?.takeCandidate(detail));
  made.addEventListener('problem', ({ detail }) => say(detail, true));
  return made;
}

async function join() {
  $('join').disabled = true;
  own.audio ??= await openAudio();
  own.camera = own.video ??= await openVideo();
  await fillLists(); // now they have names
  showOwn();
  say('Waiting for the other side. Give them the address of this page.');
  light('signaling', 'connecting');
  room = makeRoom();
  room.join();
  room.addEventListener('joined', () => room.ready());
}

// ---- once a second -------------------------------------------------------------------------------------------------------

async function measure() {
  if (!call || call.connection.connectionState === 'closed') return;
  const report = await call.connection.getStats();
  const { hasMedia, isFlowing } = statistics.take(report);
  light('media', isFlowing ? 'flowing' : hasMedia ? 'stopped' : 'new');
  showStates();
  drawCharts(statistics.points);
  const selected = selectedPair(report);
  table.select(selected?.local, selected?.remote);
  $('path').textContent = explainPath(report);
  $('download').disabled = false;
}

// ---- buttons -------------------------------------------------------------------------------------------------------------

function toggle(button, work) {
  button.addEventListener('click', async () => {
    const isOn = button.getAttribute('aria-pressed') !== 'true';
    if ((await work(isOn)) !== false) button.setAttribute('aria-pressed', String(isOn));
  });
}

async function shareScreen(isOn) {
  if (!isOn) return void (await send('video', own.camera));
  try {
    const track = await openScreen();
    track.addEventListener('ended', () => $('screen').getAttribute('aria-pressed') === 'true' && $('screen').click());
    await send('video', track, true);
  } catch (error) {
    say(`The screen cannot be shared: ${error.message}`, true);
    return false;
  }
}

async function changeCamera() {
  if (!own.video) return;
  const track = await openVideo();
  const isShared = own.video !== own.camera;
  if (isShared) stop(own.camera);
  else await send('video', track);
  own.camera = track;
}

function download() {
  const blob = new Blob([JSON.stringify(statistics.reports, null, 1)], { type: 'application/json' });
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: `strata-${room ? 'call' : 'page'}.json` });
  link.click();
  URL.revokeObjectURL(link.href);
}

$('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  join();
});
toggle($('mute-audio'), (isOn) => void (own.audio.enabled = !isOn));
toggle($('mute-video'), (isOn) => void (own.video.enabled = !isOn));
toggle($('screen'), shareScreen);
$('restart').addEventListener('click', () => call?.connection.restartIce());
$('download').addEventListener('click', download);
$('microphone').addEventListener('change', async () => own.audio && send('audio', await openAudio()));
$('camera').addEventListener('change', changeCamera);
addEventListener('pagehide', () => {
  room?.leave();
  call?.close();
});

$('room').textContent = location.pathname.split('/').pop();
document.title = `${$('room').textContent} · strata`;
if (!mayUseDevices())
  say('This page came over plain http, so the browser gives it no camera and no microphone: it will send a drawn picture and a tone. With https (--tls-cert) both are there.');
$('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
await fillLists();
setInterval(measure, 1000);
