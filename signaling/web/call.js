// One RTCPeerConnection with one peer: perfect negotiation (W3C webrtc section 10.7), and nothing about who draws what.
//
// Events: change (some state is another), track (detail: MediaStream), candidate (detail: {side, candidate}), problem (detail: sentence).

export class Call extends EventTarget {
  #room;
  #isOffering = false;
  #ignoresOffer = false;
  #began = performance.now();

  constructor(room, iceServers, relayOnly, tracks, stream) {
    super();
    this.#room = room;
    this.connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: relayOnly ? 'relay' : 'all', bundlePolicy: 'max-bundle' });
    for (const track of tracks) this.connection.addTrack(track, stream);
    this.#listen();
  }

  // Milliseconds since this call began.
  get age() {
    return performance.now() - this.#began;
  }

  begin() {
    this.connection.onnegotiationneeded = () => this.#guard(() => this.#offer());
    this.#guard(() => this.#offer());
  }

  // An offer came: from now on either side may make the next one.
  async takeDescription(description) {
    await this.#guard(async () => {
      const connection = this.connection;
      const collides = description.type === 'offer' && (this.#isOffering || connection.signalingState !== 'stable');
      this.#ignoresOffer = collides && !this.#room.isPolite;
      if (this.#ignoresOffer) return;
      await connection.setRemoteDescription(description);
      if (description.type === 'offer') {
        await connection.setLocalDescription();
        this.#room.sendDescription(connection.localDescription);
        connection.onnegotiationneeded ??= () => this.#guard(() => this.#offer());
      }
    });
  }

  async takeCandidate(candidate) {
    await this.#guard(async () => {
      try {
        await this.connection.addIceCandidate(candidate ?? undefined);
        if (candidate?.candidate) this.#tell('candidate', { side: 'remote', candidate: new RTCIceCandidate(candidate) });
      } catch (error) {
        if (!this.#ignoresOffer) throw error;
      }
    });
  }

  // What we send of a kind is another track from now on; no negotiation is needed for that.
  async replace(kind, track) {
    const sender = this.connection.getSenders().find((one) => one.track?.kind === kind);
    if (sender) await sender.replaceTrack(track);
  }

  close() {
    this.connection.close();
  }

  #listen() {
    const connection = this.connection;
    const change = () => this.#tell('change');
    for (const event of ['connectionstatechange', 'iceconnectionstatechange', 'icegatheringstatechange', 'signalingstatechange'])
      connection.addEventListener(event, change);
    connection.onicecandidate = ({ candidate }) => {
      this.#room.sendCandidate(candidate);
      if (candidate?.candidate) this.#tell('candidate', { side: 'local', candidate });
    };
    connection.ontrack = ({ track, streams }) => this.#tell('track', { track, stream: streams[0] ?? new MediaStream([track]) });
  }

  async #offer() {
    this.#isOffering = true;
    try {
      await this.connection.setLocalDescription();
      this.#room.sendDescription(this.connection.localDescription);
    } finally {
      this.#isOffering = false;
    }
  }

  async #guard(work) {
    try {
      await work();
    } catch (error) {
      if (this.connection.signalingState !== 'closed') this.#tell('problem', `The browser says: ${error.message}`);
    }
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
