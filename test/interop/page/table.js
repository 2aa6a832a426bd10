// What our page is put through. A case is peer x scene x network; the peer is the browser that shows the page, a scene is in scenes.js.

import { browsers } from './browsers.js';
import { playPage } from './play.js';

const case_ = (peer, scene, network, smoke = false) => ({
  peer, role: 'page', pageScene: scene, network, smoke, words: [scene, network], play: playPage, missing: browsers[peer].missing,
});

export const pageCases = ['chromium', 'firefox'].flatMap((peer) => [
  case_(peer, 'callee', 'loopback', true),
  case_(peer, 'caller', 'loopback'),
  case_(peer, 'page', 'loopback'),
  case_(peer, 'chat', 'loopback', peer === 'chromium'),
  case_(peer, 'reload', 'loopback'),
  case_(peer, 'full', 'loopback'),
  case_(peer, 'garbage', 'loopback'),
  case_(peer, 'tutorial', 'loopback'),
  case_(peer, 'whip', 'loopback', peer === 'chromium'),
  case_(peer, peer === 'chromium' ? 'screen' : 'no-screen', 'loopback'), // a headless Firefox has none
  case_(peer, 'devices', 'loopback'),
  case_(peer, 'mute', 'loopback'),
  case_(peer, 'relay', 'symmetric'),
  case_(peer, 'data-only', 'loopback'),
  case_(peer, 'audio-only', 'loopback'),
  ...(peer === 'chromium' ? [case_(peer, 'h264-only', 'loopback'), case_(peer, 'h264-taken', 'loopback')] : []), // Debian's Firefox has no H264
  case_(peer, 'plain', 'nat'),
  case_(peer, 'lost', 'nat'),
]).concat([case_('firefox', 'other-page', 'loopback')]);
