// One room of the signaling server: a WebSocket, and who offers. docs/signaling.md has the messages.
//
// Events: joined (iceServers), closed (detail: {code, wasJoined, isFinal}: the connection is gone; it is tried again unless final), peer (detail: someone
// is there, or null: left), turn (it is ours to offer), description, candidate, bye, problem (detail: a sentence).

const AGAIN_MS = [500, 1000, 2000, 4000, 8000]; // between attempts to come back
const ROOM_FULL = 4000; // when we come back, it is our own old connection that may fill the room for a while

export class Room extends EventTarget {
  #socket;
  #wasJoined = false;
  #attempts = 0;
  #timer = 0;
  #peer = null;        // id of the other one
  #peerSaid = null;    // its `ready`
  #joinedLast = false; // later than the peer: then we offer between two pages, and the other one yields when offers cross

  static url() {
    const url = new URL(location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = url.search = '';
    return url.href;
  }

  // Our person has pressed the button, and the media is there.
  join() {
    const socket = new WebSocket(Room.url(), 'strata.v1');
    socket.onclose = (event) => this.#close(event.code);
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    this.#socket = socket;
  }

  leave() {
    clearTimeout(this.#timer);
    this.#socket.onclose = this.#socket.onmessage = null;
    this.#send({ type: 'bye' });
    this.#socket.close();
  }

  // The other one's id, or null.
  get peer() {
    return this.#peer;
  }

  // Nobody else is in the room, and we would know.
  get isAlone() {
    return this.#peer === null && this.#socket.readyState === WebSocket.OPEN;
  }

  // Who joined first yields when offers cross (W3C webrtc section 10.7).
  get isPolite() {
    return !this.#joinedLast;
  }

  sendDescription(description) {
    this.#send({ type: description.type, sdp: description.sdp });
  }

  sendCandidate(candidate) {
    this.#send({ type: 'candidate', candidate: candidate && candidate.candidate ? candidate.toJSON() : null });
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #close(code) {
    const isFinal = !this.#wasJoined || (code >= ROOM_FULL && !(code === ROOM_FULL && this.#attempts > 0));
    this.#peer = this.#peerSaid = null;
    if (!isFinal) this.#timer = setTimeout(() => this.join(), AGAIN_MS[Math.min(this.#attempts++, AGAIN_MS.length - 1)]);
    this.#tell('closed', { code, wasJoined: this.#wasJoined, isFinal });
  }

  // A caller offers by itself, a callee never; between two pages the one that joined last does.
  #askWhoseTurn() {
    const role = this.#peerSaid.role;
    if (role === 'callee' || (role !== 'caller' && this.#joinedLast)) this.#tell('turn');
  }

  #meet(id, joinedLast) {
    if (this.#peer !== null) return; // a third one, in a room that takes more than two
    this.#peer = id;
    this.#peerSaid = null;
    this.#joinedLast = joinedLast;
    this.#tell('peer', id);
    this.#send({ type: 'ready' });
  }

  #take(message) {
    if (message.from !== undefined && message.from !== this.#peer) return;
    switch (message.type) {
      case 'joined':
        this.#wasJoined = true;
        this.#attempts = 0;
        this.#tell('joined', message.iceServers ?? []);
        if (message.peers.length > 0) this.#meet(message.peers[0], true);
        break;
      case 'peer-joined':
        this.#meet(message.id, false);
        break;
      case 'peer-left':
        if (message.id !== this.#peer) break;
        this.#peer = this.#peerSaid = null;
        this.#tell('peer', null);
        break;
      case 'ready':
        this.#peerSaid = message;
        this.#askWhoseTurn();
        break;
      case 'bye':
        this.#tell('bye');
        break;
      case 'offer':
      case 'answer':
        this.#tell('description', { type: message.type, sdp: message.sdp ?? message[message.type]?.sdp });
        break;
      case 'candidate': // a flat one has its members beside the type
        this.#tell('candidate', typeof message.candidate === 'string' ? message : message.candidate);
        break;
      case 'error':
        if (message.code !== 'no-peer' && message.code !== 'room-full') this.#tell('problem', [message.message, message.hint].filter(Boolean).join(' '));
        break;
    }
  }
}
