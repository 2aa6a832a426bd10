// Our PeerConnection as RTCPeerConnection's little brother: peer_driver on its stdin and stdout. Only what the tests use; every method
// answers when the driver has.

import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { LENGTHS } from './echo.js';
import { negotiate } from './perfect.js';
import { perform } from './steps.js';

class Transceiver {
  constructor(connection, told) {
    this.connection = connection;
    Object.assign(this, told);
  }
  setDirection(direction) { return this.connection.ask('setDirection', { transceiver: this.transceiver, direction }); }
  setCodecs(codecs) { return this.connection.ask('setCodecPreferences', { transceiver: this.transceiver, codecs }); }
  removeTrack() { return this.connection.ask('removeTrack', { transceiver: this.transceiver }); }
  stop() { return this.connection.ask('stop', { transceiver: this.transceiver }); }
  insertDTMF(tones) { return this.connection.ask('insertDTMF', { transceiver: this.transceiver, tones }); }
  replaceTrack() {} // what is sent comes from the same file
}

const CHANNEL_EVENTS = ['datachannel', 'channelopen', 'message', 'channelclosed', 'sendable'];

export class OurConnection {
  localDescription = null;
  signalingState = 'stable';
  connectionState = 'new';
  iceGatheringState = 'new';
  digits = ''; // that the other side pressed
  echoed = []; // lengths of messages of ours that came back as they were, and 'closed' at the end
  tracks = []; // events "track" and "mute", as they came
  #child; #log; #next = 1; #asked = new Map(); #performing = false; #needed = false;

  // command: peer_driver and its arguments; log: a file for every line.
  constructor(command, log) {
    this.#log = openSync(log, 'a');
    this.#child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', this.#log] });
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(error.code));
      this.#child.on('close', (code, signal) => resolve(code ?? signal));
    });
    this.ended.then((how) => {
      for (const { reject } of this.#asked.values()) reject(new Error(`peer_driver ended: ${how}`));
      closeSync(this.#log);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      writeSync(this.#log, `<- ${line}\n`);
      this.#handle(JSON.parse(line));
    });
  }

  #handle(message) {
    if (message.event) return setImmediate(() => this.#happen(message)); // after who waits for the reply before it has gone on
    const { resolve, reject, what } = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    this.signalingState = message.signalingState ?? this.signalingState;
    if (message.error) reject(new Error(`ours: ${what}: ${message.error}: ${message.problem}${message.line ? ` (line ${message.line})` : ''}`));
    else resolve(message.result);
  }

  #happen(message) {
    if (this.onchannel && CHANNEL_EVENTS.includes(message.event)) return this.onchannel(message);
    switch (message.event) {
      case 'negotiationneeded': this.#needed = true; return this.#tellNeed();
      case 'icecandidate': return this.onicecandidate?.({ candidate: message.candidate });
      case 'signalingstatechange': return; // the replies say it, and sooner
      case 'connectionstatechange': this.connectionState = message.state; return this.onconnectionstatechange?.();
      case 'icegatheringstatechange': this.iceGatheringState = message.state; return;
      case 'channelopen': return this.#sendNext(message.channel);
      case 'message':
        this.echoed.push(message.intact ? message.length : `broken ${message.length}`);
        return this.#sendNext(message.channel);
      case 'channelclosed': this.echoed.push(message.reason === 'closed by us' ? 'closed' : message.reason); return;
      case 'echofailed': this.echoed.push(message.error); return;
      case 'dtmf': this.digits += message.digit; return;
      case 'track': case 'mute': this.tracks.push(message); return;
    }
  }

  #sendNext(channel) {
    const length = LENGTHS[this.echoed.length];
    const done = (error) => this.echoed.push(error.message);
    if (length) this.ask('sendData', { channel, length }).catch(done);
    else this.ask('closeDataChannel', { channel }).catch(done);
  }

  // Steps that are done together are one task, as in a page: the event comes after them, unless one of them has made the offer.
  #tellNeed() {
    if (this.#performing || !this.#needed) return;
    this.#needed = false;
    this.onnegotiationneeded?.();
  }

  async perform(list) {
    this.#performing = true;
    await perform(this, list);
    await new Promise(setImmediate);
    this.#performing = false;
    this.#tellNeed();
  }

  // A command of the driver (driver_commands.c); its result.
  ask(what, members = {}) {
    const id = this.#next++;
    const line = JSON.stringify({ id, do: what, ...members });
    writeSync(this.#log, `-> ${line}\n`);
    this.#child.stdin.write(`${line}\n`);
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject, what }));
  }

  negotiate(options) { return negotiate(this, options); }
  open({ bundlePolicy }) { return this.ask('new', { bundlePolicy }); }
  addTrack(kind) { return this.ask('addTrack', { kind }); }
  addTransceiver(kind, { direction, codecs, streams }) { return this.ask('addTransceiver', { kind, direction, codecs, streams }); }
  get pid() { return this.#child.pid; }
  createDataChannel() { return this.ask('createDataChannel', { label: 'label' }); }
  async getTransceivers() { return (await this.ask('getTransceivers')).map((told) => new Transceiver(this, told)); }
  async setLocalDescription(description) {
    this.#needed = false;
    this.localDescription = (await this.ask('setLocalDescription', description ?? {})) ?? this.localDescription;
  }
  async setRemoteDescription({ type, sdp }) { await this.ask('setRemoteDescription', { type, sdp }); }
  createOffer() { return this.ask('createOffer'); }
  // TCP is not for this driver; as in a browser, a candidate that is of no use is no error.
  async addIceCandidate(candidate) {
    await this.ask('addIceCandidate', { candidate: candidate?.candidate ? candidate : null }).catch((error) => {
      if (!/not supported/.test(error.message)) throw error;
    });
  }
  restartIce() { return this.ask('restartIce'); }
  longestGap() { return this.ask('longestGap'); }
  async description(which) { return this.ask('description', { which }); }

  // Its streams by mid, in the words of page.js.
  async streams() {
    const stats = await this.ask('getStats');
    const all = {};
    for (const s of stats) {
      if (s.type === 'inbound-rtp') all[s.mid] = { ...all[s.mid], received: (all[s.mid]?.received ?? 0) + s.packetsReceived, frames: s.frames };
      if (s.type === 'outbound-rtp') all[s.mid] = { ...all[s.mid], sent: (all[s.mid]?.sent ?? 0) + s.packetsSent };
    }
    return all;
  }

  // What is so, in the words of page.js.
  async look() {
    const transceivers = (await this.ask('getTransceivers')).map(({ mid, kind, direction, currentDirection, stopped, codec, refused }) => (
      { mid, kind, direction, currentDirection: stopped ? 'stopped' : currentDirection, codec, refused }));
    const state = await this.ask('state');
    return {
      ...state, transceivers, streams: await this.streams(), digits: this.digits, echoed: this.echoed,
      local: await this.description('localDescription'), remote: await this.description('remoteDescription'),
    };
  }

  async close() {
    this.#child.stdin.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    const how = await this.ended;
    clearTimeout(late);
    return how; // 0, or what went wrong
  }
}
