// A text chat over data channels named "chat". Who makes the first offer opens one; when offers cross there may be two for a while: what is said goes
// by the first that is open, and both are heard.

const LABEL = 'chat';
const SHOWN_MAX = 200;            // lines; older ones go
const WAITING_MAX_BYTES = 65536;  // what may wait in the channel: more would only hide that nothing gets through
const MESSAGE_MAX_BYTES = 16384;  // every stack takes that

export class Chat {
  #list;
  #input;
  #button;
  #channels = new Set();

  // list: an <ol> in an element that scrolls; form: an input and a button.
  constructor(list, form) {
    this.#list = list;
    this.#input = form.querySelector('input');
    this.#button = form.querySelector('button');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
  }

  // Before the first offer.
  open(connection) {
    this.#take(connection.createDataChannel(LABEL));
  }

  // What the other side opens; another one than the chat is not for us.
  listen(connection) {
    connection.addEventListener('datachannel', ({ channel }) => {
      if (channel.label === LABEL) this.#take(channel);
      else channel.close();
    });
  }

  // Another call, or none: what was said stays to be read.
  reset() {
    this.#channels.clear();
    this.#show();
  }

  #take(channel) {
    this.#channels.add(channel);
    const change = () => {
      if (channel.readyState === 'closed') this.#channels.delete(channel);
      this.#show();
    };
    channel.onopen = channel.onclosing = channel.onclose = change;
    channel.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#add('they', data);
    };
    change();
  }

  get #channel() {
    return [...this.#channels].find((channel) => channel.readyState === 'open');
  }

  #show() {
    const isOpen = this.#channel !== undefined;
    this.#input.disabled = this.#button.disabled = !isOpen;
    this.#input.placeholder = isOpen ? '' : 'as soon as somebody with a chat is there';
  }

  #say() {
    const text = this.#input.value.trim(), channel = this.#channel;
    if (!text || !channel) return;
    const isTooLong = new TextEncoder().encode(text).length > MESSAGE_MAX_BYTES;
    if (isTooLong || channel.bufferedAmount > WAITING_MAX_BYTES) {
      this.#add('page', isTooLong ? 'That is too long for one message.' : 'What was said before is not through yet. Say it again in a moment.');
      return;
    }
    channel.send(text);
    this.#add('you', text);
    this.#input.value = '';
  }

  // Texts of the other side are text, never markup.
  #add(who, text) {
    const line = document.createElement('li');
    line.className = who;
    line.append(Object.assign(document.createElement('b'), { textContent: `${who}:` }), ` ${text}`);
    this.#list.append(line);
    while (this.#list.children.length > SHOWN_MAX) this.#list.firstElementChild.remove();
    this.#list.parentElement.scrollTop = this.#list.parentElement.scrollHeight;
  }
}
