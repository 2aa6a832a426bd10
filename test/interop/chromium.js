// The peer "chromium": Debian's, headless, with its own defaults except the flags below (each with its reason). A peer is an object with
// missing() -> why it cannot play, or null; open(options) -> { join, measure, path, restart, act, close, version }; and browser(options), for many
// pages one after another -> { page, close, version }.

import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join as joinPath, resolve } from 'node:path';

const EXECUTABLE = '/usr/bin/chromium';
const PAGES = { '/': 'page.html', '/negotiation/': 'negotiation/page.html' };
const SCRIPTS = ['page.js', 'stamp.js', 'negotiation/page.js', 'negotiation/perfect.js', 'negotiation/steps.js'];

const FLAGS = [
  '--headless=new',
  '--no-sandbox', // root, as CI is, has no sandbox
  '--disable-gpu', '--no-first-run', '--remote-debugging-pipe',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', // nothing but the call on the wire
  '--autoplay-policy=no-user-gesture-required', // nobody is there to press play
];

const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']; // a camera and a microphone, and somebody who says yes

// The pages, from the test's own folder, on the 127.0.0.1 of where the browser is: a secure context, so there is a camera.
async function servePages() {
  const server = createServer(async (request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    const script = SCRIPTS.find((name) => `/${name}` === request.url), file = script ?? PAGES[request.url];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': `text/${script ? 'javascript' : 'html'}; charset=utf-8` }).end(await readFile(new URL(file, import.meta.url)));
  });
  await new Promise((listening, failed) => server.on('error', failed).listen(0, '127.0.0.1', listening));
  return server;
}

// folder: for a fresh profile; loopback: 127.0.0.1 is a host candidate; camera: there is one, and pages may use it (else the browser hides
// host addresses behind names, as it does by default).
async function browser({ folder, loopback, camera }) {
  const { chromium } = await import('playwright-core');
  const profile = joinPath(resolve(folder), 'profile');
  const args = [...FLAGS, ...(camera ? CAMERA : []), `--user-data-dir=${profile}`];
  if (loopback) args.push('--allow-loopback-in-peer-connection');
  const server = await servePages();
  let context = null, version = 'Chrome';
  const close = async () => {
    if (context !== null) await context.close();
    server.closeAllConnections?.();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  // path: one of PAGES; ready: a name that its script gives to window; onConsole: what the page says to itself.
  async function page(path, ready, onConsole) {
    const opened = await context.newPage();
    opened.on('console', (message) => onConsole(message.text()));
    opened.on('pageerror', (error) => onConsole(String(error)));
    await opened.goto(`http://127.0.0.1:${server.address().port}${path}`);
    await opened.waitForFunction((name) => window[name] !== undefined, ready);
    return opened;
  }
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE, ignoreDefaultArgs: true, args: [...args, 'about:blank'], viewport: null, timeout: 30000,
    });
    version = (await (context.pages()[0] ?? (await context.newPage())).evaluate(() => navigator.userAgent)).match(/Chrome\/\d+/)?.[0] ?? version;
  } catch (error) {
    await close();
    throw error;
  }
  return { version, page, close };
}

async function open({ onConsole, ...options }) {
  const { version, page, close } = await browser(options);
  try {
    const opened = await page('/', 'interop', onConsole);
    return {
      version,
      join: (given) => opened.evaluate((o) => window.interop.join(o), given),
      measure: () => opened.evaluate(() => window.interop.measure()),
      path: () => opened.evaluate(() => window.interop.path()),
      restart: () => opened.evaluate(() => window.interop.restart()),
      act: (what) => opened.evaluate((name) => window.interop.acts[name](), what),
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
  browser,
};
