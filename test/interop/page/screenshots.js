// Makes the pictures of docs/page.md anew: a page in a call with callee, light and dark, and on a phone. Run it in the repository, after make.

import { mkdir } from 'node:fs/promises';
import { networks } from '../networks.js';
import { sleep } from '../process.js';
import { Stage, enter, reads } from './play.js';

const SECONDS = 25; // so that the charts have something to show
const LOOKS = { light: { scheme: 'light' }, dark: { scheme: 'dark' }, phone: { phone: true, scheme: 'dark' } };
const build = process.env.INTEROP_BUILD ?? 'build/release', folder = 'build/interop/screenshots';

await mkdir(folder, { recursive: true });
await mkdir('docs/page', { recursive: true });
for (const [name, look] of Object.entries(LOOKS)) {
  const stage = new Stage(folder, networks.loopback, build);
  try {
    await stage.begin();
    const page = await stage.open('chromium', look);
    stage.program('callee', 700);
    await enter(page);
    await reads(page, '#lamp-media', /flowing/);
    await sleep(SECONDS * 1000);
    await page.shoot(`docs/page/${name}.jpg`);
  } finally {
    await stage.end();
  }
}
