// Plays one case of our page: a signaling-server, a browser, and whatever the scene starts besides.

import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FRAMES_PER_SECOND } from '../judge.js';
import { networks } from '../networks.js';
import { endOf, portAnswers, sleep, start, stopAll, succeeds, withTimeout } from '../process.js';
import { browsers } from './browsers.js';
import { scenes } from './scenes.js';

const PATIENCE_MS = 25000;
const SCENE_MS = 120000;

const source = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const WATCH = `{ ${source('../stamp.js').replace(/^export /gm, '')} ${source('watch.js')} }`;

// What a scene has in its hands.
export class Stage {
  #folder;
  #network;
  #address;
  #launched = new Map();
  #build;
  pages = [];

  constructor(folder, network, build) {
    this.#folder = folder;
    this.#network = network;
    this.#build = build;
  }

  async begin() {
    const server = await this.#network.server();
    this.#address = `${server.address}:${server.port}`;
    const token = join(this.#folder, 'token');
    await writeFile(token, 'a-token-of-the-room\n', { mode: 0o600 });
    start([...server.prefix, join(this.#build, 'signaling-server'), '--listen', this.#address, '--token-file', token, ...server.flags, '-v'], join(this.#folder, 'signaling-server.log'));
    await portAnswers(server.address, server.port, 30000);
    for (const [i, service] of this.#network.services.entries()) {
      start(service.command, join(this.#folder, `service-${i}.log`));
      await succeeds(service.ready, join(this.#folder, `service-${i}-ready.log`), 30000);
    }
  }

  async launch(peer) {
    if (!this.#launched.has(peer)) this.#launched.set(peer, await browsers[peer].launch({ folder: this.#folder, loopback: this.#network.browser.loopback }));
    return this.#launched.get(peer);
  }

  get room() {
    return `ws://${this.#address}/r/page`;
  }

  // Our page, or another address; ready: what must be there.
  async open(peer, options = {}) {
    const page = await (await this.launch(peer)).open(options.url ?? `http://${this.#address}/r/page`, { ready: '#join:not(:disabled)', ...options });
    this.pages.push(page);
    return page;
  }

  // caller or callee, sending its pattern and this tone; talks: with --data among the flags.
  program(name, toneHz, flags = [], { talks = false } = {}) {
    const record = join(this.#folder, name), json = join(this.#folder, `${name}.json`), log = join(this.#folder, `${name}.log`);
    const child = start([
      ...this.#network.ours.prefix, join(this.#build, name), ...this.#network.ours.flags, '--audio', `tone:${toneHz}`, '--video', 'pattern',
      '--record', record, '--wait', '40', `--json=${json}`, '-v', ...flags, this.room,
    ], log, { talks });
    return {
      record,
      say: (text) => child.stdin.write(text),
      hush: () => child.stdin.end(),
      said: () => child.said,
      end: (ms) => endOf(child, ms),
      words: () => readFile(log, 'utf8'),
      // decoded so far
      async pictures() {
        const lines = existsSync(json) ? (await readFile(json, 'utf8')).split('\n').slice(0, -1).map((line) => JSON.parse(line)) : [];
        const last = lines.findLast((line) => line.event === 'stats');
        return Object.values(last?.stats ?? {}).find((s) => s.type === 'inbound-rtp' && s.kind === 'video')?.framesDecoded ?? 0;
      },
    };
  }

  // The network between the page and everybody else goes, and comes back. Nobody is told.
  cut() {
    return this.#rule("add table inet cut; add chain inet cut away { type filter hook forward priority -300; policy drop; }");
  }

  mend() {
    return this.#rule('delete table inet cut');
  }

  async #rule(text) {
    const code = await start([...this.#network.pageRouter, 'nft', text], join(this.#folder, 'nft.log')).ended;
    if (code !== 0) throw new Error(`nft: exit code ${code}`);
  }

  async end() {
    const screens = await Promise.all(this.pages.map((page, i) => page.run(() => document.body.innerText).then((text) => `page ${i}\n${text}\n${page.errors.join('\n')}\n`).catch(String)));
    await writeFile(join(this.#folder, 'pages.txt'), screens.join('\n'));
    for (const launched of this.#launched.values()) await launched.close().catch(() => {});
    await stopAll();
  }
}

// Until the page says so. The words are a regular expression.
export async function reads(page, selector, words, ms = PATIENCE_MS) {
  let text = '';
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    text = await page.text(selector);
    if (words.test(text)) return text;
  }
  throw new Error(`the page does not say ${words} but "${text}" in ${selector}`);
}

// Media come, says the lamp.
export const flows = (page) => reads(page, '#lamp-media', /flowing/);

// So many seconds; on a busy machine longer, until the judge's number of pictures has come to the pages that are watched and to the program.
export async function attend(seconds, pages, program = null) {
  await sleep(seconds * 1000);
  const wanted = FRAMES_PER_SECOND * seconds;
  const hasEnough = async () => {
    for (const page of pages) if (new Set((await seenBy(page)).stamps.map((stamp) => stamp.number)).size < wanted) return false;
    return program === null || (await program.pictures()) >= wanted;
  };
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end && !(await hasEnough());) await sleep(250);
}

export const watch = (page) => page.run(WATCH);
export const seenBy = (page) => page.run(() => window.seen);

// Presses the one button, having chosen what is drawn when `drawn`. The camera is held although it is not sent: to a page that may not use it a
// browser gives only the address of its default route, behind a name.
export async function enter(page, { drawn = true } = {}) {
  if (drawn) {
    await page.run(async () => void (window.held ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: true })));
    await page.choose('#camera', 'drawn');
    await page.choose('#microphone', 'drawn');
  }
  await page.press('#join');
}

export async function playPage(c, folder, { build }) {
  const network = { ...networks[c.network], pageRouter: ['ip', 'netns', 'exec', `${process.env.INTEROP_LAB}-rA`] };
  const stage = new Stage(folder, network, build);
  const complaints = [];
  let facts = '', version = '';
  try {
    await stage.begin();
    facts = (await withTimeout(scenes[c.pageScene]({ stage, peer: c.peer, complain: (what) => complaints.push(what) }), SCENE_MS, 'the scene')) ?? '';
    version = (await stage.launch(c.peer)).version;
    for (const [i, page] of stage.pages.entries()) complaints.push(...page.errors.map((error) => `the console of page ${i}: ${error}`));
  } catch (error) {
    complaints.push(error.message.split('\n')[0]);
  } finally {
    await stage.end();
  }
  return { complaints, facts, version };
}
