// A step is a list: what to do, and with what. The words are those of RTCPeerConnection; the same steps are done by the page and by ours.
//
//   ['addTrack', kind]                       ['addTransceiver', kind, { direction, codecs, streams, encodings, track: false }]
//   ['removeTrack', which]                   ['setDirection', which, direction]        ['stop', which]
//   ['setCodecs', which, [codec, ...]]       ['replaceTrack', which]                   ['insertDTMF', which, tones]
//   ['restartIce']                           ['dataChannel']
//   ['offer']       negotiates although nothing asks for it       ['rollback']    sets an offer, and takes it back
// which: a mid, or the number of a transceiver in the order in which they came.

async function find(connection, which) {
  const all = await connection.getTransceivers();
  const found = typeof which === 'number' ? all[which] : all.find((t) => t.mid === which && t.currentDirection !== 'stopped' && !t.stopped);
  if (!found) throw new Error(`there is no transceiver ${which}`);
  return found;
}

const steps = {
  addTrack: (connection, kind) => connection.addTrack(kind),
  addTransceiver: (connection, kind, options = {}) => connection.addTransceiver(kind, options),
  removeTrack: async (connection, which) => (await find(connection, which)).removeTrack(),
  setDirection: async (connection, which, direction) => (await find(connection, which)).setDirection(direction),
  setCodecs: async (connection, which, codecs) => (await find(connection, which)).setCodecs(codecs),
  stop: async (connection, which) => (await find(connection, which)).stop(),
  replaceTrack: async (connection, which) => (await find(connection, which)).replaceTrack(),
  insertDTMF: async (connection, which, tones) => (await find(connection, which)).insertDTMF(tones),
  restartIce: (connection) => connection.restartIce(),
  offer: (connection) => connection.onnegotiationneeded(),
  async rollback(connection) {
    await connection.setLocalDescription();
    await connection.setLocalDescription({ type: 'rollback' });
  },
  dataChannel: (connection) => connection.createDataChannel(),
};

export async function perform(connection, list) {
  for (const [what, ...rest] of list) await steps[what](connection, ...rest);
}
