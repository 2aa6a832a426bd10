// The browsers that open our page: Debian's, headless, with their own defaults except what stands below. A browser is an object with
// missing() -> why it cannot play, or null; launch(options) -> { version, open, close }. open(url, options) gives a page:
//   run(function, argument)   in the page; press, text, choose: what a person does and reads; paint(scheme): light or dark
//   download(selector)        { name, text } of the file that a press of it makes
//   errors                    what its console showed that is a warning or worse

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EXECUTABLE, firefox, preferencesOf, soundServer } from '../firefox.js';

const CHROMIUM = '/usr/bin/chromium';
const DESK = { width: 1200, height: 900 };

const isBad = (type) => ['error', 'warn', 'warning', 'assert'].includes(type);

function wrap(page, errors, more) {
  return {
    errors,
    run: (work, argument) => page.evaluate(work, argument),
    press: (selector) => page.click(selector),
    text: (selector) => page.evaluate((s) => document.querySelector(s).textContent.replace(/\s+/g, ' ').trim(), selector),
    choose: (selector, value) => page.evaluate(([s, v]) => {
      const list = document.querySelector(s);
      list.value = v;
      list.dispatchEvent(new Event('change'));
    }, [selector, value]),
    async reload() {
      await page.reload();
      await page.waitForSelector('#join:not(:disabled)');
    },
    shoot: (path) => page.screenshot({ path, fullPage: true, type: 'jpeg', quality: 60 }),
    close: () => page.close(),
    ...more,
  };
}

// loopback: 127.0.0.1 is a host candidate. secure: an origin that counts as secure although it is plain http. executable: another way to start it.
async function launchChromium({ loopback, secure, executable = CHROMIUM }) {
  const { chromium } = await import('playwright-core');
  const args = [
    '--headless=new', '--no-sandbox', // root, as CI is, has no sandbox
    '--disable-gpu', '--autoplay-policy=no-user-gesture-required',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', // a camera and a microphone, and somebody who says yes
    '--auto-select-desktop-capture-source=Entire screen', // and who picks a screen
  ];
  if (loopback) args.push('--allow-loopback-in-peer-connection');
  if (secure) args.push(`--unsafely-treat-insecure-origin-as-secure=${secure}`);
  const browser = await chromium.launch({ executablePath: executable, args });
  async function open(url, { ready, phone = false, scheme = 'light', script }) {
    const context = await browser.newContext({ viewport: phone ? { width: 375, height: 812 } : DESK, isMobile: phone, colorScheme: scheme, acceptDownloads: true });
    const page = await context.newPage(), errors = [];
    page.on('console', (message) => isBad(message.type()) && errors.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => errors.push(String(error)));
    if (script) await page.addInitScript({ content: script });
    await page.goto(url);
    await page.waitForSelector(ready);
    return wrap(page, errors, {
      paint: (colorScheme) => page.emulateMedia({ colorScheme }),
      async download(selector) {
        const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
        return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
      },
      close: () => context.close(),
    });
  }
  return { version: `Chrome/${browser.version().split('.')[0]}`, open, close: () => browser.close() };
}

// Every page has a browser of its own: in a tab that nobody sees Firefox lets timers fire once a second, and a drawn picture stands still.
async function launchFirefox({ folder, loopback }) {
  const { default: puppeteer } = await import('puppeteer-core');
  const browsers = [];
  const sound = await soundServer();
  const options = {
    browser: 'firefox', executablePath: EXECUTABLE, headless: true, timeout: 60000, env: { ...process.env, PULSE_SERVER: sound.address },
    extraPrefsFirefox: preferencesOf({ camera: true, loopback }),
  };
  const start = async (defaultViewport) => {
    const userDataDir = join(resolve(folder), `firefox-${browsers.length}`);
    const browser = await puppeteer.launch({ ...options, userDataDir, defaultViewport });
    browsers.push({ browser, userDataDir });
    return browser;
  };
  const close = async () => {
    await Promise.all(browsers.splice(0).map(async ({ browser, userDataDir }) => {
      await browser.close();
      await rm(userDataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }));
    await sound.close();
  };
  const launched = { version: 'Firefox', open, close };
  async function open(url, { ready, phone = false }) {
    const browser = await start(phone ? { width: 375, height: 812 } : DESK);
    launched.version = (await browser.version()).replace(/^firefox\/(\d+).*/i, 'Firefox/$1');
    const page = await browser.newPage(), errors = [];
    page.on('console', (message) => isBad(message.type()) && errors.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(url);
    await page.waitForSelector(ready);
    return wrap(page, errors, {
      // BiDi tells of no download: what the page makes a file of is caught before it is one.
      async download(selector) {
        await page.evaluate(() => {
          const make = URL.createObjectURL;
          URL.createObjectURL = (blob) => ((window.made = blob), make(blob));
          HTMLAnchorElement.prototype.click = function () { window.madeName = this.download; };
        });
        await page.click(selector);
        return page.evaluate(async () => ({ name: window.madeName, text: await window.made.text() }));
      },
    });
  }
  return launched;
}

export const browsers = {
  chromium: { missing: () => (existsSync(CHROMIUM) ? null : `${CHROMIUM} is not installed`), launch: launchChromium },
  firefox: { missing: firefox.missing, launch: launchFirefox },
};
