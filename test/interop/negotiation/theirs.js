// The browser's RTCPeerConnection as node sees it: the party of page.js, with the interface of ours.js.

export class TheirConnection {
  localDescription = null;
  refusesEarly = true; // candidates before the remote description
  #page; #receive = null;

  constructor(page) {
    this.#page = page;
  }

  // The page, opened by chromium.js.
  static async on(page) {
    const connection = new TheirConnection(page);
    await page.exposeFunction('told', (message) => connection.#told(message));
    return connection;
  }

  #told(message) {
    if (this.#receive) this.#receive(message);
    else this.onicecandidate?.(message);
  }

  #ask(what, argument) {
    return this.#page.evaluate(([name, given]) => window.party[name](given ?? undefined), [what, argument]).catch((error) => {
      throw new Error(`the browser: ${what}: ${error.message.split('\n')[0].replace(/^page.evaluate: /, '')}`);
    });
  }

  open(options) { return this.#ask('open', options); }
  perform(list) { return this.#ask('perform', list); }
  async setLocalDescription(description) { this.localDescription = await this.#ask('setLocalDescription', description); }
  setRemoteDescription(description) { return this.#ask('setRemoteDescription', description); }
  addIceCandidate(candidate) { return this.#ask('addIceCandidate', candidate); }
  look() { return this.#ask('look'); }
  longestGap() { return this.#ask('longestGap'); }
  close() { return this.#ask('close'); }

  // From now on it negotiates by itself; what it says goes to send(), what the other side says comes by the function that this gives.
  async negotiate({ polite, send }) {
    this.#receive = send;
    await this.#ask('negotiate', { polite });
    return (message) => this.#ask('receive', message);
  }
}
