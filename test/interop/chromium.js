// The peer "chromium": Debian's, headless, with its own defaults except the flags below (each with its reason). A peer is an object with
// missing() -> why it cannot play, or null; and open(options) -> { join, measure, path, restart, close, version }.

import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join as joinPath, resolve } from 'node:path';

const EXECUTABLE = '/usr/bin/chromium';
const PAGE_FILES = { '/': ['page.html', 'text/html'], '/page.js': ['page.js', 'text/javascript'], '/stamp.js': ['stamp.js', 'text/javascript'] };

const FLAGS = [
  '--headless=new',
  '--no-sandbox', // root, as CI is, has no sandbox
  '--disable-gpu', '--no-first-run', '--remote-debugging-pipe',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', // nothing but the call on the wire
  '--autoplay-policy=no-user-gesture-required', // nobody is there to press play
];

const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']; // a camera and a microphone, and somebody who says yes

// The page, from the test's own folder, on the 127.0.0.1 of where the browser is: a secure context, so there is a camera.
async function servePage() {
  const server = createServer(async (request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    const file = PAGE_FILES[request.url];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': `${file[1]}; charset=utf-8` }).end(await readFile(new URL(file[0], import.meta.url)));
  });
  await new Promise((listening, failed) => server.on('error', failed).listen(0, '127.0.0.1', listening));
  return server;
}

// folder: of this case, for a fresh profile; loopback: 127.0.0.1 is a host candidate; camera: there is one, and the page may use it (else
// the browser hides host addresses behind names, as it does by default); onConsole: what the page says to itself.
async function open({ folder, loopback, camera, onConsole }) {
  const { chromium } = await import('playwright-core');
  const profile = joinPath(resolve(folder), 'profile');
  const args = [...FLAGS, ...(camera ? CAMERA : []), `--user-data-dir=${profile}`];
  if (loopback) args.push('--allow-loopback-in-peer-connection');
  const server = await servePage();
  let context = null;
  const close = async () => {
    if (context !== null) await context.close();
    server.closeAllConnections?.();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE, ignoreDefaultArgs: true, args: [...args, 'about:blank'], viewport: null, timeout: 30000,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    page.on('console', (message) => onConsole(message.text()));
    page.on('pageerror', (error) => onConsole(String(error)));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => window.interop !== undefined);
    return {
      version: (await page.evaluate(() => navigator.userAgent)).match(/Chrome\/\d+/)?.[0] ?? 'Chrome',
      join: (options) => page.evaluate((o) => window.interop.join(o), options),
      measure: () => page.evaluate(() => window.interop.measure()),
      path: () => page.evaluate(() => window.interop.path()),
      restart: () => page.evaluate(() => window.interop.restart()),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export const chromium = {
  missing: () => (existsSync(EXECUTABLE) ? null : `${EXECUTABLE} is not installed`),
  open,
};
