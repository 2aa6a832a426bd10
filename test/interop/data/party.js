// One end of a data case: an RTCPeerConnection, whosever it is, behind requests and events. Runs in pages and in node.
//
// request(what, members)      gives
//   open                      {}
//   channel { label, init }   { channel }: a number of ours for it; init: RTCDataChannelInit
//   send { channel, text, length, number, count }   {}: count messages (content.js), numbered from number on, are on their way
//   shut { channel }          {}: close()
//   facts { channel }         { facts }: its attributes, W3C webrtc section 6.2
//   offer, answer { sdp }, accept { sdp }, candidate { candidate }     as peers/program.js has them
//   close                     {}
// Events: { event: "channel", channel, facts }, "opened", "message" { channel, text, length, number, intact }, "shut", and
//   { event: "candidate", candidate }, { event: "state", state }

import { bytesOf, isIntact, numberIn } from './content.js';

const BUFFERED_BYTES = 1 << 18; // that may wait before more is sent
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

export class Party {
  #connection = null; #channels = []; #Connection; #say; #configuration;

  constructor(Connection, say, configuration = {}) {
    this.#Connection = Connection;
    this.#say = say;
    this.#configuration = configuration;
  }

  async request(what, members) {
    if (!Object.hasOwn(Party.#requests, what)) throw new Error(`nothing is called ${what}`);
    return (await Party.#requests[what].call(this, members)) ?? {};
  }

  #facts(channel) {
    const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id, readyState } = channel;
    return { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id, readyState };
  }

  #add(channel) {
    const number = this.#channels.push(channel) - 1;
    let isOpen = false, isShut = false;
    const opened = () => {
      if (!isOpen) this.#say({ event: 'opened', channel: number });
      isOpen = true;
    };
    const shut = () => {
      if (!isShut) this.#say({ event: 'shut', channel: number });
      isShut = true;
    };
    channel.binaryType = 'arraybuffer';
    channel.onopen = opened;
    channel.onclose = shut;
    channel.onmessage = ({ data }) => {
      const text = typeof data === 'string';
      const bytes = text ? new TextEncoder().encode(data) : new Uint8Array(data);
      this.#say({ event: 'message', channel: number, text, length: bytes.length, number: numberIn(bytes, text), intact: isIntact(bytes, text) });
    };
    return { number, opened };
  }

  static #requests = {
    open() {
      const connection = new this.#Connection(this.#configuration);
      this.#connection = connection;
      connection.onicecandidate = ({ candidate }) => {
        const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate ?? {};
        this.#say({ event: 'candidate', candidate: candidate ? { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } : null });
      };
      connection.onconnectionstatechange = () => this.#say({ event: 'state', state: connection.connectionState });
      connection.ondatachannel = ({ channel }) => {
        const { number, opened } = this.#add(channel);
        this.#say({ event: 'channel', channel: number, facts: this.#facts(channel) });
        if (channel.readyState === 'open') opened();
      };
    },
    channel({ label, init }) {
      const channel = this.#connection.createDataChannel(label, init);
      const { number, opened } = this.#add(channel);
      setTimeout(() => channel.readyState === 'open' && opened()); // wrtc: it may be open before there was a handler
      return { channel: number };
    },
    async send({ channel: which, text, length, number = 0, count = 1 }) {
      const channel = this.#channels[which];
      for (let i = 0; i < count; i++) {
        const bytes = bytesOf({ length, number: number + i, text });
        channel.send(text ? new TextDecoder().decode(bytes) : bytes);
        while (channel.bufferedAmount > BUFFERED_BYTES) await pause();
      }
    },
    shut({ channel }) {
      this.#channels[channel].close();
    },
    facts({ channel }) {
      return { facts: this.#facts(this.#channels[channel]) };
    },
    async offer() {
      await this.#connection.setLocalDescription(await this.#connection.createOffer());
      return { sdp: this.#connection.localDescription.sdp };
    },
    async answer({ sdp }) {
      await this.#connection.setRemoteDescription({ type: 'offer', sdp });
      await this.#connection.setLocalDescription(await this.#connection.createAnswer());
      return { sdp: this.#connection.localDescription.sdp };
    },
    async accept({ sdp }) {
      await this.#connection.setRemoteDescription({ type: 'answer', sdp });
    },
    async candidate({ candidate }) {
      if (candidate?.candidate) await this.#connection.addIceCandidate(candidate);
    },
    async close() {
      await this.#connection?.close();
    },
  };
}
