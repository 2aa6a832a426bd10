// One end of a case while it is played: its channels, and what came on them.

import { sleep } from '../process.js';

const PATIENCE_MS = 20000;

export async function until(what, isSo, ms = PATIENCE_MS) {
  for (const end = Date.now() + ms; !isSo(); await sleep(10)) {
    if (Date.now() > end) throw new Error(`never: ${what()}`);
  }
}

class Channel {
  isOpen = false;
  isShut = false;
  messages = [];
  constructor(end, number, facts = {}) {
    Object.assign(this, { end, number, facts });
  }
  send(members) { return this.end.agent.request('send', { channel: this.number, text: false, number: 0, count: 1, ...members }); }
  shut() { return this.end.agent.request('shut', { channel: this.number }); }
  async readFacts() { return (await this.end.agent.request('facts', { channel: this.number })).facts; }
  opened() { return until(() => `${this.end.name}: a channel open`, () => this.isOpen); }
  gone() { return until(() => `${this.end.name}: a channel closed`, () => this.isShut); }
  // That many messages are here.
  async got(count) {
    await until(() => `${this.end.name}: ${count} messages, but ${this.messages.length}`, () => this.messages.length >= count);
    return this.messages;
  }
}

export class End {
  channels = new Map();
  state = 'new';
  failures = [];
  #early = [];

  constructor(name) {
    this.name = name;
  }

  // What the agent tells. An event may be here before the reply that names its channel.
  handle = (event) => {
    if (event.event === 'candidate') return this.oncandidate(event.candidate);
    if (event.event === 'state') return void (this.state = event.state);
    if (event.event === 'failure') return void this.failures.push(event.why);
    if (event.event === 'channel') this.channels.set(event.channel, new Channel(this, event.channel, { ...event.facts, isOfPeer: true }));
    const channel = this.channels.get(event.channel);
    if (!channel) return void this.#early.push(event);
    if (event.event === 'opened') channel.isOpen = true;
    if (event.event === 'shut') channel.isShut = true;
    if (event.event === 'message') channel.messages.push(event);
  };

  async create({ label, ...init }) {
    const { channel: number } = await this.agent.request('channel', { label, init });
    const channel = new Channel(this, number, { label, ...init });
    this.channels.set(number, channel);
    this.#early.splice(0).forEach(this.handle);
    return channel;
  }

  // The channel that the other end has opened under this label.
  async incoming(label) {
    const found = () => [...this.channels.values()].find((channel) => channel.facts.isOfPeer && channel.facts.label === label && !channel.isTaken);
    await until(() => `${this.name}: a channel "${label}"`, () => found()?.isOpen);
    const channel = found();
    channel.isTaken = true;
    return channel;
  }
}

// A channel of both: created by the first, or by agreement.
export async function pairOf(creator, other, init) {
  if (init.negotiated) {
    const both = await Promise.all([creator.create(init), other.create(init)]);
    await Promise.all(both.map((channel) => channel.opened()));
    return both;
  }
  const ours = await creator.create(init);
  const [theirs] = await Promise.all([other.incoming(init.label), ours.opened()]);
  return [ours, theirs];
}
