// Our side of a call: two tracks, where they come from, and what replaces what. It knows the two lists of devices and our own picture.
//
// Events: track (detail: {kind, track}: it is sent from now on), note (detail: a sentence; "" when there is nothing to say).

import { drawPicture, listDevices, mayUseDevices, openCamera, openMicrophone, openScreen, playTone, stop } from './source.js';

const DRAWN = 'drawn';

export class Own extends EventTarget {
  #lists;       // the <select> of each kind
  #picture;     // the <video> that shows us
  #isMuted = { audio: false, video: false };
  #camera = null; // what is sent when no screen is shared

  tracks = { audio: null, video: null };

  constructor(lists, picture) {
    super();
    this.#lists = lists;
    this.#picture = picture;
    lists.audio.addEventListener('change', async () => this.tracks.audio && this.#send('audio', await this.#openAudio()));
    lists.video.addEventListener('change', () => this.tracks.video && this.#changeCamera());
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.fillLists());
  }

  get all() {
    return Object.values(this.tracks).filter((track) => track !== null);
  }

  async fillLists() {
    await Promise.all([this.#fill(this.#lists.audio, 'audioinput', 'a tone'), this.#fill(this.#lists.video, 'videoinput', 'a drawn picture')]);
    if (!mayUseDevices())
      this.#note('This page came over plain http, so the browser gives it no microphone and no camera. It can send a tone and a drawn picture; over https it has both.');
  }

  async open() {
    this.tracks.audio ??= this.#obey('audio', await this.#openAudio());
    this.#camera = this.tracks.video ??= this.#obey('video', await this.#openVideo());
    await this.fillLists(); // once the page may use the devices they have names
    this.#show();
  }

  close() {
    for (const track of new Set([...this.all, this.#camera])) stop(track);
    this.tracks.audio = this.tracks.video = this.#camera = null;
    this.#picture.srcObject = null;
  }

  mute(kind, isMuted) {
    this.#isMuted[kind] = isMuted;
    if (this.tracks[kind]) this.#obey(kind, this.tracks[kind]);
  }

  // Throws when the person or the browser says no. `ended` is called when the browser ends it.
  async shareScreen(ended) {
    const track = await openScreen();
    track.addEventListener('ended', ended);
    this.#send('video', track, this.#camera);
  }

  showCamera() {
    if (this.#camera) this.#send('video', this.#camera);
  }

  #note(sentence) {
    this.dispatchEvent(new CustomEvent('note', { detail: sentence }));
  }

  #obey(kind, track) {
    track.enabled = !this.#isMuted[kind];
    return track;
  }

  async #fill(select, kind, drawn) {
    const chosen = select.value;
    const devices = await listDevices(kind);
    select.replaceChildren(...devices.map(({ id, name }) => new Option(name, id)), new Option(drawn, DRAWN));
    select.value = [...select.options].some((option) => option.value === chosen) ? chosen : select.options[0].value;
  }

  // The chosen device; when it cannot be had, why, and the drawn one instead.
  async #open(select, device, drawn, noun) {
    this.#note('');
    if (select.value === DRAWN) return drawn();
    try {
      return await device(select.value);
    } catch (error) {
      const instead = select.options[select.options.length - 1];
      this.#note(`The ${noun} cannot be used (${error.message}), so ${instead.text} is sent. Allow it in the browser, then choose it here.`);
      select.value = DRAWN;
      return drawn();
    }
  }

  #openAudio() {
    return this.#open(this.#lists.audio, openMicrophone, playTone, 'microphone');
  }

  #openVideo() {
    return this.#open(this.#lists.video, openCamera, drawPicture, 'camera');
  }

  async #changeCamera() {
    const old = this.#camera;
    const isShared = this.tracks.video !== old;
    this.#camera = await this.#openVideo();
    if (isShared) stop(old);
    else this.#send('video', this.#camera);
  }

  #send(kind, track, keep = null) {
    const old = this.tracks[kind];
    this.tracks[kind] = this.#obey(kind, track);
    this.dispatchEvent(new CustomEvent('track', { detail: { kind, track } }));
    if (old && old !== keep && old !== track) stop(old);
    if (kind === 'video') this.#show();
  }

  #show() {
    this.#picture.srcObject = new MediaStream([this.tracks.video]);
    this.#picture.play().catch(() => {}); // a picture that may not start by itself starts with the next press of a button
  }
}
