// The test pages, and a browser that shows them as a peer of a case.
//
// A peer is an object with missing() -> why it cannot play, or null; open(options) -> { join, measure, path, restart, act, close, version };
// and browser(options), for many pages one after another -> { page(path, ready, onConsole), close, version }. options: folder, for the browser's fresh
// profile; loopback: 127.0.0.1 is a host candidate; camera: there is one, and pages may use it (else a browser hides host addresses behind
// names, as it does by default).

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const PAGES = { '/': 'page.html', '/negotiation/': 'negotiation/page.html', '/data/': 'data/page.html' };
const SCRIPTS = ['page.js', 'stamp.js', 'negotiation/page.js', 'negotiation/echo.js', 'negotiation/perfect.js', 'negotiation/steps.js', 'data/content.js', 'data/party.js'];

// From the test's own folder, on the 127.0.0.1 of where the browser is: a secure context, so there is a camera.
export async function servePages() {
  const server = createServer(async (request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    const script = SCRIPTS.find((name) => `/${name}` === request.url), file = script ?? PAGES[request.url];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': `text/${script ? 'javascript' : 'html'}; charset=utf-8` }).end(await readFile(new URL(file, import.meta.url)));
  });
  await new Promise((listening, failed) => server.on('error', failed).listen(0, '127.0.0.1', listening));
  return {
    url: (path) => `http://127.0.0.1:${server.address().port}${path}`,
    close() {
      server.closeAllConnections?.();
      server.close();
    },
  };
}

// ---- a browser for many cases ---------------------------------------------------------------------------------------------------

// A browser starts as slowly as a case is played. So it is kept from one case to the next that wants the same of it, each with a page of its own; there is
// one at a time, and a case that went wrong takes it away (dropBrowser).
let kept = null;

export const sameBrowser = (peer, { loopback, camera }) => `${peer} ${loopback ? 'loopback' : 'network'} ${camera ? 'camera' : 'no camera'}`;

export async function keptBrowser(browser, { folder, loopback, camera }) {
  if (kept === null || kept.browser !== browser || kept.loopback !== loopback || kept.camera !== camera) {
    await dropBrowser();
    kept = { browser, loopback, camera, opened: browser({ folder, loopback, camera }) };
  }
  return kept.opened;
}

export async function dropBrowser() {
  const was = kept;
  kept = null;
  await (await was?.opened.catch(() => null))?.close();
}

// The peer of a browser: one page of it.
export const openPage = (browser) => async ({ onConsole, ...options }) => {
  const { version, page } = await keptBrowser(browser, options);
  const opened = await page('/', 'interop', onConsole);
  return {
    version,
    join: (given) => opened.evaluate((o) => window.interop.join(o), given),
    measure: () => opened.evaluate(() => window.interop.measure()),
    path: () => opened.evaluate(() => window.interop.path()),
    restart: () => opened.evaluate(() => window.interop.restart()),
    act: (what) => opened.evaluate((name) => window.interop.acts[name](), what),
    close: () => opened.close(),
  };
};
