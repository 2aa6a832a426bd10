// Makes the pictures of docs/page.md anew: a page in a call with callee, with some lines of chat, light and dark, and on a phone. Run it in the repository, after make.

import { mkdir } from 'node:fs/promises';
import { networks } from '../networks.js';
import { sleep } from '../process.js';
import { Stage, enter, reads } from './play.js';

const SECONDS = 25; // so that the charts have something to show
const CHAT = [['you', 'Can you see the clock?'], ['they', 'Yes, 40 ms behind mine.'], ['you', 'Then it is the encoder, not the path.']];
const LOOKS = { light: { scheme: 'light' }, dark: { scheme: 'dark' }, phone: { phone: true, scheme: 'dark' } };
const build = process.env.INTEROP_BUILD ?? 'build/release', folder = 'build/interop/screenshots';

await mkdir(folder, { recursive: true });
await mkdir('docs/page', { recursive: true });
for (const [name, look] of Object.entries(LOOKS)) {
  const stage = new Stage(folder, networks.loopback, build);
  try {
    await stage.begin();
    const page = await stage.open('chromium', look);
    const callee = stage.program('callee', 700, ['--data', 'chat'], { talks: true });
    await enter(page);
    await reads(page, '#lamp-media', /flowing/);
    await page.run(async () => {
      while (document.querySelector('#say input').disabled) await new Promise((later) => setTimeout(later, 100));
    });
    for (const [who, line] of CHAT) {
      if (who === 'they') callee.say(`${line}\n`);
      else await page.run((text) => (document.querySelector('#say input').value = text), line).then(() => page.press('#say button'));
      await sleep(500);
    }
    await sleep(SECONDS * 1000);
    await page.shoot(`docs/page/${name}.jpg`);
  } finally {
    await stage.end();
  }
}
