// The far side of program.js, for programs of node: requests come on stdin, answers and events go to stdout, a line of JSON each.

import { createInterface } from 'node:readline';

export const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// acts: by the name of a request, (members) -> what its answer holds. One after another, until stdin ends.
export async function answerRequests(version, acts) {
  say({ event: 'version', version });
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: what, ...members } = JSON.parse(line);
    try {
      say({ id, ...(await acts[what](members)) });
    } catch (error) {
      say({ id, error: String(error) });
    }
  }
}

// What each RTCPeerConnection does alike; connectionOf() gives it. A candidate that is null, or empty, is the end of them.
export const negotiation = (connectionOf) => ({
  async offer() {
    const connection = connectionOf();
    await connection.setLocalDescription(await connection.createOffer());
    return { sdp: connection.localDescription.sdp };
  },
  async answer({ sdp }) {
    const connection = connectionOf();
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    return { sdp: connection.localDescription.sdp };
  },
  async accept({ sdp }) {
    await connectionOf().setRemoteDescription({ type: 'answer', sdp });
  },
  async candidate({ candidate }) {
    if (candidate) await connectionOf().addIceCandidate(candidate);
  },
});

export function tellCandidates(connection) {
  connection.onicecandidate = ({ candidate }) => {
    const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate ?? {};
    say({ event: 'candidate', candidate: line ? { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } : null });
  };
}
