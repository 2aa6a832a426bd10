// The peer "chromium" (pages.js): Debian's, headless, with its own defaults except the flags below, each with its reason.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openPage, servePages } from './pages.js';

const EXECUTABLE = '/usr/bin/chromium';

const FLAGS = [
  '--headless=new',
  '--no-sandbox', // root, as CI is, has no sandbox
  '--disable-gpu', '--no-first-run', '--remote-debugging-pipe',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', // nothing but the call on the wire
  '--autoplay-policy=no-user-gesture-required', // nobody is there to press play
];

const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']; // a camera and a microphone, and somebody who says yes

async function browser({ folder, loopback, camera }) {
  const { chromium: driver } = await import('playwright-core');
  const profile = join(resolve(folder), 'profile');
  const args = [...FLAGS, ...(camera ? CAMERA : []), `--user-data-dir=${profile}`];
  if (loopback) args.push('--allow-loopback-in-peer-connection');
  const server = await servePages();
  let context = null, version = 'Chrome';
  const close = async () => {
    if (context !== null) await context.close();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  async function page(path, ready, onConsole) {
    const opened = await context.newPage();
    opened.on('console', (message) => onConsole(message.text()));
    opened.on('pageerror', (error) => onConsole(String(error)));
    await opened.goto(server.url(path));
    await opened.waitForFunction((name) => window[name] !== undefined, ready);
    return opened;
  }
  try {
    context = await driver.launchPersistentContext(profile, {
      executablePath: EXECUTABLE, ignoreDefaultArgs: true, args: [...args, 'about:blank'], viewport: null, timeout: 30000,
    });
    version = (await (context.pages()[0] ?? (await context.newPage())).evaluate(() => navigator.userAgent)).match(/Chrome\/\d+/)?.[0] ?? version;
  } catch (error) {
    await close();
    throw error;
  }
  return { version, page, close };
}

export const chromium = {
  missing: () => (existsSync(EXECUTABLE) ? null : `${EXECUTABLE} is not installed`),
  open: openPage(browser),
  browser,
};
