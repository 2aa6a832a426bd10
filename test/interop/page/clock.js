// Runs in the page before the page does: when what happened first, as milliseconds of the wall clock. A picture counts once it is decoded and handed to
// its track, not when it is painted.

/* global MediaStreamTrackProcessor */
(() => {
  const marks = (window.marks = {});
  const mark = (name) => (marks[name] ??= performance.timeOrigin + performance.now());
  addEventListener('submit', () => mark('click'), true);

  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      mark('socket');
      this.addEventListener('message', ({ data }) => mark(`heard ${JSON.parse(data).type}`));
    }

    send(text) {
      mark(`said ${JSON.parse(text).type}`);
      super.send(text);
    }
  };

  async function firstPicture(track) {
    await new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader().read();
    mark('picture');
  }

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      mark('connection');
      this.addEventListener('iceconnectionstatechange', () => ['connected', 'completed'].includes(this.iceConnectionState) && mark('ice'));
      this.addEventListener('connectionstatechange', () => this.connectionState === 'connected' && mark('dtls'));
      this.addEventListener('track', ({ track }) => track.kind === 'video' && firstPicture(track));
      this.addEventListener('signalingstatechange', () => this.signalingState === 'stable' && mark('described'));
    }
  };
})();
