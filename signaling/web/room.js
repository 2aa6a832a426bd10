// One room of the signaling server: a WebSocket, and who offers. docs/signaling.md has the messages.
//
// Events: open, closed (detail: why), joined (iceServers), peer (someone is there, or left), turn (it is ours to offer), description, candidate, problem.

export class Room extends EventTarget {
  #socket;
  #isReady = false;    // our person has pressed the button, and the media is there
  #peer = null;        // id of the other one
  #peerSaid = null;    // its `ready`
  #joinedLast = false; // later than the peer: then we offer between two pages, and the other one yields when offers cross

  static url() {
    const url = new URL(location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = url.search = '';
    return url.href;
  }

  join() {
    this.#socket = new WebSocket(Room.url(), 'strata.v1');
    this.#socket.onopen = () => this.#tell('open');
    this.#socket.onclose = (event) => this.#tell('closed', event.reason || `the server closed the connection (code ${event.code})`);
    this.#socket.onmessage = (event) => this.#take(JSON.parse(event.data));
  }

  leave() {
    if (!this.#socket) return;
    this.#socket.onclose = null;
    if (this.#socket.readyState === WebSocket.OPEN) this.#send({ type: 'bye' });
    this.#socket.close();
  }

  // Who joined first yields when offers cross (W3C webrtc section 10.7).
  get isPolite() {
    return !this.#joinedLast;
  }

  ready() {
    this.#isReady = true;
    this.#sayReady();
    this.#askWhoseTurn();
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

  #sayReady() {
    if (this.#isReady && this.#peer) this.#send({ type: 'ready' });
  }

  // A caller offers by itself, a callee never; between two pages the one that joined last does.
  #askWhoseTurn() {
    if (!this.#isReady || !this.#peerSaid) return;
    const role = this.#peerSaid.role;
    if (role === 'callee' || (role !== 'caller' && this.#joinedLast)) this.#tell('turn');
  }

  #meet(id, joinedLast) {
    this.#peer = id;
    this.#peerSaid = null;
    this.#joinedLast = joinedLast;
    this.#tell('peer', id);
    this.#sayReady();
  }

  #take(message) {
    switch (message.type) {
      case 'joined':
        this.#tell('joined', message.iceServers ?? []);
        if (message.peers.length > 0) this.#meet(message.peers[0], true);
        break;
      case 'peer-joined':
        this.#meet(message.id, false);
        break;
      case 'peer-left':
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
        this.#tell('description', { type: message.type, sdp: message.sdp });
        break;
      case 'candidate':
        this.#tell('candidate', message.candidate);
        break;
      case 'error':
        if (message.code !== 'no-peer') this.#tell('problem', message.hint ? `${message.message} ${message.hint}` : message.message);
        break;
    }
  }
}
