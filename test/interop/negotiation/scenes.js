// What two parties do to each other in the middle of a call. Both negotiate by themselves, as W3C webrtc section 10.7 has it (perfect.js);
// `first` makes the first offer. Each scene is played with the browser as first and with ours; one in which offers cross, with each of both polite.
// After each step both must be stable and say the same, and media must flow as agreed, and only so.
//
//   first, second  steps (steps.js). When both have some, all are done before anything of one reaches the other: offers cross
//   agreed         what is then true of each section, as the first says it: a list, or, where it depends on who is polite, two
//   codecs         as in shapes.js
//   strays         from here on candidates of an offer that was taken back may come: an error in adding them is none
//   restarted      the ufrags of both are others than before

const both = [['addTrack', 'audio'], ['addTrack', 'video']];
const call = [
  { first: both, agreed: ['sendonly', 'sendonly'] },
  { second: both, agreed: ['sendrecv', 'sendrecv'] },
];

export const scenes = {
  'add and remove': [
    ...call,
    { first: [['addTrack', 'video']], agreed: ['sendrecv', 'sendrecv', 'sendonly'] },
    { second: [['addTrack', 'video']], agreed: ['sendrecv', 'sendrecv', 'sendrecv'] },
    { first: [['removeTrack', '1']], agreed: ['sendrecv', 'recvonly', 'sendrecv'] },
    { second: [['removeTrack', '1']], agreed: ['sendrecv', 'inactive', 'sendrecv'] },
    { second: [['addTrack', 'audio']], agreed: ['sendrecv', 'inactive', 'sendrecv', 'recvonly'] },
  ],
  'hold and take back': [
    ...call,
    { first: [['setDirection', '0', 'sendonly'], ['setDirection', '1', 'sendonly']], agreed: ['sendonly', 'sendonly'] },
    { second: [['setDirection', '0', 'inactive']], agreed: ['inactive', 'sendonly'] },
    { first: [['setDirection', '1', 'sendrecv']], agreed: ['inactive', 'sendrecv'] },
    { second: [['setDirection', '0', 'sendrecv'], ['setDirection', '1', 'recvonly']], agreed: ['sendonly', 'sendonly'] },
    { first: [['setDirection', '0', 'sendrecv']], agreed: ['sendrecv', 'sendonly'] },
  ],
  // Never the first section: a Chromium that gives up the one that carries the BUNDLE gives up its transport too (docs/interop.md).
  'stop and recycle': [
    ...call,
    { first: [['stop', '1']], agreed: ['sendrecv', 'refused'] },
    { first: [['addTrack', 'video']], agreed: ['sendrecv', 'sendonly'] },
    { second: [['stop', '2']], agreed: ['sendrecv', 'refused'] },
    { second: [['addTrack', 'video']], agreed: ['sendrecv', 'recvonly'] },
    { first: [['addTrack', 'video']], agreed: ['sendrecv', 'sendrecv'] },
  ],
  'another codec': [ // setCodecPreferences asks for no negotiation (W3C webrtc section 5.4): the step 'offer' does
    ...call,
    { first: [['setCodecs', '1', ['VP9', 'VP8']], ['offer']], agreed: ['sendrecv', 'sendrecv'], codecs: ['opus', 'VP9'] },
    { second: [['setCodecs', '1', ['VP8']], ['offer']], agreed: ['sendrecv', 'sendrecv'], codecs: ['opus', 'VP8'] },
    { first: [['setCodecs', '0', ['PCMU']], ['setCodecs', '1', ['VP8']], ['offer']], agreed: ['sendrecv', 'sendrecv'], codecs: ['PCMU', 'VP8'] },
  ],
  'restart': [
    ...call,
    { first: [['restartIce']], agreed: ['sendrecv', 'sendrecv'], restarted: true },
    { second: [['restartIce']], agreed: ['sendrecv', 'sendrecv'], restarted: true },
  ],
  'rollback': [
    ...call,
    { first: [['rollback']], agreed: ['sendrecv', 'sendrecv'] },
    { first: [['restartIce'], ['rollback']], agreed: ['sendrecv', 'sendrecv'], restarted: true, strays: true },
    { second: [['addTrack', 'video'], ['rollback']], agreed: ['sendrecv', 'sendrecv', 'recvonly'] },
  ],
  'offers cross at the beginning': [{ first: both, second: both, agreed: ['sendrecv', 'sendrecv'] }],
  'both add a picture': [...call, { first: [['addTrack', 'video']], second: [['addTrack', 'video']], agreed: ['sendrecv', 'sendrecv', 'sendrecv'] }],
  'one adds a picture, one a sound': [
    ...call,
    {
      first: [['addTrack', 'video']], second: [['addTrack', 'audio']],
      agreed: { politeFirst: ['sendrecv', 'sendrecv', 'recvonly', 'sendonly'], politeSecond: ['sendrecv', 'sendrecv', 'sendonly', 'recvonly'] },
    },
  ],
  'one stops, one takes away': [
    ...call,
    { first: [['stop', '1']], second: [['setDirection', '0', 'recvonly']], agreed: ['sendonly', 'refused'] },
    { first: [['addTrack', 'video']], second: [['setDirection', '0', 'sendrecv']], agreed: ['sendrecv', 'sendonly'] },
  ],
  'both restart': [...call, { first: [['restartIce']], second: [['restartIce']], agreed: ['sendrecv', 'sendrecv'], restarted: true }],
};

export const offersCross = (name) => scenes[name].some((step) => step.first && step.second);
