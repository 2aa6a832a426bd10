// The peer "firefox" (pages.js): Debian's firefox-esr, headless, by WebDriver BiDi, with its own defaults except the preferences below,
// each with its reason.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openPage, servePages } from './pages.js';
import { sleep } from './process.js';

export const EXECUTABLE = '/usr/bin/firefox-esr';
const SOUND_SERVER = '/usr/bin/pulseaudio';

const PREFERENCES = {
  'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0, // nobody is there to press play
  'media.gmp-manager.updateEnabled': false, 'extensions.update.enabled': false, 'network.captive-portal-service.enabled': false, // nothing but the call on the wire
};

// A camera and a microphone, and somebody who says yes each time. That shows no address: host addresses are behind names, as by default.
const CAMERA = { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true };

// 127.0.0.1, and no other address. It has no name, so the page is one that may use the camera for good.
const LOOPBACK = {
  'media.peerconnection.ice.loopback': true, 'media.peerconnection.ice.force_interface': 'lo',
  'media.navigator.permission.disabled': false, 'permissions.default.camera': 1, 'permissions.default.microphone': 1,
};

export const preferencesOf = ({ camera, loopback }) => ({ ...PREFERENCES, ...(camera ? CAMERA : {}), ...(loopback ? LOOPBACK : {}) });

// Without a sound card Firefox's AudioContext stands still: a sound server whose only output is nowhere. Its socket's path must be short.
export async function soundServer() {
  const folder = await mkdtemp(join(tmpdir(), 'strata-sound-')), socket = join(folder, 'socket');
  const child = spawn(SOUND_SERVER, [
    '-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--disable-shm=yes',
    '--load=module-null-sink rate=48000', `--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`,
  ], { stdio: 'ignore', env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const close = async () => {
    kill();
    process.off('exit', kill);
    await rm(folder, { recursive: true, force: true });
  };
  for (const end = Date.now() + 5000; !existsSync(socket); await sleep(20)) {
    if (Date.now() < end && child.exitCode === null) continue;
    await close();
    throw new Error(`${SOUND_SERVER} did not start`);
  }
  return { address: `unix:${socket}`, close };
}

async function browser({ folder, loopback, camera }) {
  const { default: driver } = await import('puppeteer-core');
  const profile = join(resolve(folder), 'profile');
  await mkdir(profile, { recursive: true });
  const server = await servePages(), sound = await soundServer();
  let running = null, version = 'Firefox';
  const close = async () => {
    if (running !== null) await running.close();
    server.close();
    await sound.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  async function page(path, ready, onConsole) {
    const opened = await running.newPage();
    opened.on('console', (message) => onConsole(message.text()));
    opened.on('pageerror', (error) => onConsole(String(error)));
    await opened.goto(server.url(path));
    await opened.waitForFunction((name) => window[name] !== undefined, {}, ready);
    return opened;
  }
  try {
    running = await driver.launch({
      browser: 'firefox', executablePath: EXECUTABLE, headless: true, userDataDir: profile, timeout: 60000,
      env: { ...process.env, PULSE_SERVER: sound.address },
      extraPrefsFirefox: preferencesOf({ camera, loopback }),
    });
    version = (await running.version()).replace(/^firefox/, 'Firefox').match(/^Firefox\/\d+/)?.[0] ?? version;
  } catch (error) {
    await close();
    throw error;
  }
  return { version, page, close };
}

export const firefox = {
  missing: () => [EXECUTABLE, SOUND_SERVER].filter((file) => !existsSync(file)).map((file) => `${file} is not installed`)[0] ?? null,
  open: openPage(browser),
  browser,
};
