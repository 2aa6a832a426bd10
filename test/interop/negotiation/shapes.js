// The shapes of a first offer and answer (docs/interop.md). Each is played in both roles: the browser offers and we answer, and the other
// way round; both do the same steps (steps.js).
//
//   offerer     what the one who offers does before createOffer
//   prepared    what the other one has done before the offer comes
//   answering   what it does between setRemoteDescription and createAnswer
//   agreed      what comes of each section, as the offerer says it: a direction, or 'refused'
//   codecs      of each section; absent: opus and VP8
//   without     browsers that cannot play it, and why
//   echoes      the offerer's data channel carries messages there and back (echo.js), and is closed
//   only        who can offer it; absent: both. Several encodings are not ours to offer. 'H264 in common': a Chromium that
//               answers sends what its answer has left out, against RFC 3264 section 6.1 (VP8, since that stood first in the offer)
//   policy      bundlePolicy of the offerer
//   unbundled   a=group goes missing on the way: neither side may use BUNDLE, and the answerer's policy lets that pass
//   trickle     false: candidates are in the descriptions, and nowhere else
//   early       candidates come to us before the description that they belong to (a browser refuses them)
//   silent      numbers of sections on which the offerer has agreed to send, and has nothing
//   after       what is done once media flows, and what must be true then:
//               { offerer, answerer: steps, silent: the same as above, from then on }; digits are wanted as the browser pressed them

const both = [['addTrack', 'audio'], ['addTrack', 'video']];
const repeat = (times, steps) => Array.from({ length: times }, () => steps).flat();
const video = (codecs, direction = 'sendrecv') => ['addTransceiver', 'video', { direction, codecs }];
const audio = (codecs, direction = 'sendrecv') => ['addTransceiver', 'audio', { direction, codecs }];
const withVideo = (codecs, number = 0) => [['addTrack', 'video'], ['setCodecs', number, codecs]];
const noH264 = { firefox: 'its H264 is a plug-in that it downloads' };
const encodings = ['low', 'middle', 'high'].map((rid, i) => ({ rid, scaleResolutionDownBy: 4 >> i }));
const bare = (kind, direction) => ['addTransceiver', kind, { direction }];

export const shapes = {
  'audio and video': { offerer: both, prepared: both, agreed: ['sendrecv', 'sendrecv'] },
  'audio alone': { offerer: [['addTrack', 'audio']], prepared: [['addTrack', 'audio']], agreed: ['sendrecv'] },
  'video alone': { offerer: [['addTrack', 'video']], prepared: [['addTrack', 'video']], agreed: ['sendrecv'] },
  'tracks while answering': { offerer: both, answering: both, agreed: ['sendrecv', 'sendrecv'] },
  'nothing to send back': { offerer: both, agreed: ['sendonly', 'sendonly'] },
  'sendonly': { offerer: [bare('audio', 'sendonly'), bare('video', 'sendonly')], prepared: both, agreed: ['sendonly', 'sendonly'] },
  'recvonly': { offerer: [bare('audio', 'recvonly'), bare('video', 'recvonly')], prepared: both, agreed: ['recvonly', 'recvonly'] },
  'inactive': { offerer: [bare('audio', 'inactive'), bare('video', 'inactive')], prepared: both, agreed: ['inactive', 'inactive'] },
  'mixed directions': {
    offerer: [bare('audio', 'sendrecv'), bare('video', 'sendonly'), bare('audio', 'recvonly'), bare('video', 'inactive')],
    prepared: [['addTrack', 'audio'], ['addTrack', 'audio'], ['addTrack', 'video']],
    agreed: ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
  },
  'answerer takes away': { offerer: both, prepared: both, answering: [['setDirection', '0', 'recvonly'], ['setDirection', '1', 'inactive']], agreed: ['sendonly', 'inactive'] },
  'three and three': { offerer: repeat(3, both), prepared: repeat(3, both), agreed: repeat(3, ['sendrecv', 'sendrecv']) },
  'twenty sections': { offerer: repeat(10, both), prepared: repeat(2, both), agreed: [...repeat(4, ['sendrecv']), ...repeat(16, ['sendonly'])] },
  'transceiver without track': {
    only: 'browser', offerer: [['addTransceiver', 'audio', { track: false }], ['addTransceiver', 'video', { track: false }]], prepared: both,
    agreed: ['sendrecv', 'sendrecv'], silent: [0, 1],
    after: { offerer: [['replaceTrack', '0'], ['replaceTrack', '1']], silent: [] },
  },
  'stopped before it was offered': { offerer: [...both, bare('video', 'sendrecv'), ['stop', 2]], prepared: both, agreed: ['sendrecv', 'sendrecv'] },
  'answerer stops one': { offerer: both, prepared: [['addTrack', 'audio']], answering: [['stop', '1']], agreed: ['sendrecv', 'inactive'] },
  'max-compat': { policy: 'max-compat', offerer: [...both, bare('video', 'sendrecv')], prepared: both, agreed: ['sendrecv', 'sendrecv', 'sendonly'] },
  'max-bundle': { policy: 'max-bundle', offerer: [...both, bare('video', 'sendrecv')], prepared: both, agreed: ['sendrecv', 'sendrecv', 'sendonly'] },
  'balanced': { policy: 'balanced', offerer: repeat(2, both), prepared: repeat(2, both), agreed: repeat(2, ['sendrecv', 'sendrecv']) },
  'no BUNDLE': { policy: 'max-compat', unbundled: true, offerer: [...both, bare('audio', 'sendrecv')], prepared: both, agreed: ['sendrecv', 'sendrecv', 'sendonly'] },
  'H264 only': { without: noH264, offerer: [video(['H264'])], prepared: withVideo(['H264']), agreed: ['sendrecv'], codecs: ['H264'] },
  'VP9 first': { offerer: [audio(['opus']), video(['VP9', 'VP8'])], prepared: both, agreed: ['sendrecv', 'sendrecv'], codecs: ['opus', 'VP9'] },
  'AV1 only': { offerer: [video(['AV1'])], prepared: withVideo(['AV1']), agreed: ['sendrecv'], codecs: ['AV1'] },
  'PCMU only': { offerer: [audio(['PCMU'])], prepared: both.slice(0, 1), agreed: ['sendrecv'], codecs: ['PCMU'] },
  'PCMA before opus': { offerer: [audio(['PCMA', 'opus'])], prepared: both.slice(0, 1), agreed: ['sendrecv'], codecs: ['PCMA'] },
  'H264 in common': { without: noH264, only: 'browser', offerer: [video(['VP8', 'H264'])], prepared: withVideo(['VP9', 'H264']), agreed: ['sendrecv'], codecs: ['H264'] },
  'no codec in common': { offerer: [['addTrack', 'audio'], video(['VP9'])], prepared: [['addTrack', 'audio'], ...withVideo(['AV1'], 1)], agreed: ['sendrecv', 'refused'] },
  'telephone-event': {
    without: { firefox: 'it has telephone-event at 8000 Hz alone, and Opus is at 48000' }, // RFC 4733 section 2.1: the clock is that of the sound
    offerer: [['addTrack', 'audio']], prepared: [['addTrack', 'audio']], agreed: ['sendrecv'],
    after: { offerer: [['insertDTMF', '0', '15#']], answerer: [['insertDTMF', '0', '*2']] },
  },
  'telephone-event beside PCMU': {
    offerer: [audio(['PCMU'])], prepared: both.slice(0, 1), agreed: ['sendrecv'], codecs: ['PCMU'],
    after: { offerer: [['insertDTMF', '0', '15#']], answerer: [['insertDTMF', '0', '*2']] },
  },
  'simulcast': { only: 'browser', offerer: [['addTrack', 'audio'], ['addTransceiver', 'video', { direction: 'sendonly', encodings }]], prepared: both, agreed: ['sendrecv', 'sendonly'] },
  'data channel alone': { offerer: [['dataChannel']], echoes: true, agreed: ['sendrecv'] },
  'data channel beside': { offerer: [...both, ['dataChannel']], prepared: both, echoes: true, agreed: ['sendrecv', 'sendrecv', 'sendrecv'] },
  'candidates in the descriptions': { trickle: false, offerer: both, prepared: both, agreed: ['sendrecv', 'sendrecv'] },
  'candidates before the description': { early: true, offerer: both, prepared: both, agreed: ['sendrecv', 'sendrecv'] },
};
