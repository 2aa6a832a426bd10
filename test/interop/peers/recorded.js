// What is measured of a peer that does not decode: what it recorded is read by ffmpeg, as our own recordings are.

import { join } from 'node:path';
import { OUR_TONE_HZ } from '../judge.js';
import { recordedStamps, recordedTone } from '../recording.js';

const unreadable = (empty) => (error) => ({ ...empty, error: error.message });

// The pictures and the sound, by the names of their files in the peer's folder.
export const readContent = (names) => async (folder, media) => ({
  picture: media.includes('video') ? await recordedStamps(join(folder, names.video)).catch(unreadable({ frames: 0, stamps: [] })) : { frames: 0, stamps: [] },
  sound: media.includes('audio') ? await recordedTone(join(folder, names.audio), OUR_TONE_HZ).catch(unreadable({ share: 0 })) : {},
});

// The same of a peer that counts no streams in its stats. Of the program's "measure": stats, and by kind, received (packets) and codecs.
export const readRecorded = (names) => async (folder, media, { received, codecs, stats }) => {
  const candidates = stats.map((s) => (s.ip ? { ...s, address: s.ip } : s)); // its name before webrtc-stats settled on another
  const counted = media.map((kind) => ({ type: 'inbound-rtp', id: `received-${kind}`, kind, packetsReceived: received[kind] ?? 0, codecId: `codec-${kind}` }));
  const named = media.map((kind) => ({ type: 'codec', id: `codec-${kind}`, mimeType: codecs[kind] }));
  return { stats: [...candidates, ...counted, ...named], ...(await readContent(names)(folder, media)), lacks: ['outbound', 'reports', 'age'] };
};
