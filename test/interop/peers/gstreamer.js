// The peer "gstreamer": Debian's webrtcbin, from Python. It sends what was canned, and what it recorded is read by ffmpeg.

import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannedMedia } from './canned.js';
import { programPeer } from './program.js';
import { readRecorded } from './recorded.js';

const PYTHON = '/usr/bin/python3'; // the one that Debian's packages are for
const NEEDED = ['webrtcbin', 'nicesrc', 'rtpvp8pay', 'ivfparse', 'webmmux'];
const QUESTION = `import gi; gi.require_version("Gst", "1.0"); gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC; Gst.init(None)
print(*[n for n in ${JSON.stringify(NEEDED)} if not Gst.ElementFactory.find(n)])`;

const read = readRecorded({ video: 'peer-video.webm', audio: 'peer-audio.webm' });

export const gstreamer = programPeer({
  missing() {
    try {
      const lacking = execFileSync(PYTHON, ['-c', QUESTION], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
      return lacking === '' ? null : `GStreamer has no ${lacking}`;
    } catch {
      return 'python3-gst-1.0 or gir1.2-gst-plugins-bad-1.0 is not installed';
    }
  },
  command: () => [PYTHON, fileURLToPath(new URL('gstreamer_peer.py', import.meta.url))],
  given: async () => ({ canned: await cannedMedia(resolve(process.env.INTEROP_OUTPUT ?? 'build/interop', 'canned')) }),
  async recorded(folder, media, measured) {
    const seen = await read(folder, media, measured);
    return { ...seen, lacks: [...seen.lacks, 'path'], raw: measured.raw }; // its statistics are a text of its own; kept for people
  },
});
