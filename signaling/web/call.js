// One RTCPeerConnection with one peer: perfect negotiation (W3C webrtc section 10.7), and nothing about who draws what.
//
// Events: change (some state is another), track (detail: {track}), candidate (detail: {side, candidate}, null: that was the last one of that side),
// refused (detail: what an ICE server said), problem (detail: a sentence).

// RFC 8829 section 5.2.1: the session id in o= stays as long as the connection does.
const sessionOf = (sdp) => sdp?.match(/^o=\S+ (\d+) /m)?.[1];

export class Call extends EventTarget {
  #room;
  #isOffering = false;
  #ignoresOffer = false;
  #added = Promise.resolve();
  #began = performance.now();

  constructor(room, iceServers, relayOnly, tracks) {
    super();
    this.#room = room;
    this.peer = room.peer;
    const stream = new MediaStream(tracks);
    this.connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: relayOnly ? 'relay' : 'all', bundlePolicy: 'max-bundle' });
    for (const track of tracks) this.connection.addTrack(track, stream);
    this.#listen();
  }

  // Seconds since this call began.
  get age() {
    return (performance.now() - this.#began) / 1000;
  }

  // It neither is connected nor will be by itself.
  get isOver() {
    return ['disconnected', 'failed', 'closed'].includes(this.connection.connectionState);
  }

  get dtlsState() {
    return this.connection.getReceivers().find((receiver) => receiver.transport)?.transport.state ?? 'new';
  }

  // Whether an offer is of the one that we talk to; otherwise it begins another call.
  takesOffer(description) {
    const known = sessionOf(this.connection.remoteDescription?.sdp);
    return this.connection.signalingState !== 'closed' && (known === undefined || known === sessionOf(description.sdp));
  }

  begin() {
    this.connection.onnegotiationneeded = () => this.#offer();
  }

  // From the first offer on either side may make the next one.
  async takeDescription(description) {
    const connection = this.connection;
    const collides = description.type === 'offer' && (this.#isOffering || connection.signalingState !== 'stable');
    this.#ignoresOffer = collides && !this.#room.isPolite;
    if (this.#ignoresOffer) return;
    await this.#guard(`The other side's ${description.type} cannot be used`, async () => {
      await connection.setRemoteDescription(description);
      if (description.type !== 'offer') return;
      await connection.setLocalDescription();
      this.#room.sendDescription(connection.localDescription);
      connection.onnegotiationneeded ??= () => this.#offer();
    });
  }

  // One after another: a browser may be done with "no more" before it is done with those that came earlier.
  takeCandidate(candidate) {
    this.#added = this.#added.then(() => this.#add(candidate));
  }

  async #add(candidate) {
    await this.#guard('A candidate of the other side cannot be used', async () => {
      try {
        await this.connection.addIceCandidate(candidate ?? undefined);
        this.#tell('candidate', { side: 'remote', candidate: candidate?.candidate ? new RTCIceCandidate(candidate) : null });
      } catch (error) {
        if (!this.#ignoresOffer) throw error;
      }
    });
  }

  // What we send of a kind is another track from now on; no negotiation is needed for that.
  async replace(kind, track) {
    await this.#guard('It cannot be sent', async () => {
      const transceiver = this.connection.getTransceivers().find((one) => one.receiver.track.kind === kind && one.currentDirection !== 'stopped');
      await transceiver?.sender.replaceTrack(track);
    });
  }

  restart(relayOnly) {
    this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceTransportPolicy: relayOnly ? 'relay' : 'all' });
    this.connection.restartIce();
  }

  close() {
    this.connection.close();
  }

  #listen() {
    const connection = this.connection;
    const change = () => this.#tell('change');
    for (const event of ['connectionstatechange', 'iceconnectionstatechange']) connection.addEventListener(event, change);
    connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null && candidate.candidate === '') return; // the end of one generation; null is the end of all
      this.#room.sendCandidate(candidate);
      this.#tell('candidate', { side: 'local', candidate });
    };
    connection.onicecandidateerror = ({ url, errorCode, errorText }) => this.#tell('refused', `${url}: ${errorCode} ${errorText}`);
    connection.ontrack = ({ track }) => this.#tell('track', { track });
  }

  async #offer() {
    await this.#guard('No offer can be made', async () => {
      this.#isOffering = true;
      try {
        await this.connection.setLocalDescription();
        this.#room.sendDescription(this.connection.localDescription);
      } finally {
        this.#isOffering = false;
      }
    });
  }

  async #guard(what, work) {
    try {
      await work();
    } catch (error) {
      if (this.connection.signalingState !== 'closed') this.#tell('problem', `${what}: ${error.message}`);
    }
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
