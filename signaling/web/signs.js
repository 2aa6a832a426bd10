// What the person is told: one sentence, and a lamp for each layer. Nothing is told by colour alone.

const LAMP_OF_STATE = {
  connected: 'good', completed: 'good', open: 'good', flowing: 'good',
  failed: 'bad', closed: 'bad', disconnected: 'bad', stopped: 'bad',
  connecting: 'busy', checking: 'busy',
};

export function say(sentence, isBad = false) {
  const message = document.getElementById('message');
  message.textContent = sentence;
  message.classList.toggle('bad', isBad);
}

export function light(lamp, state) {
  const element = document.getElementById(`lamp-${lamp}`);
  element.dataset.state = LAMP_OF_STATE[state] ?? 'new';
  element.lastElementChild.textContent = state;
}

export const WAITING = 'Waiting for the other side. Give them the address of this page.';

const NO_PATH = 'No path was found. If both sides are behind strict NATs, the room needs a TURN server.';

// A sentence for a state of the connection, and whether it is bad news; null: nothing to say. isDtls: it was DTLS that failed.
export function sentenceOf(state, { wasConnected, isDtls, canAsk }) {
  switch (state) {
    case 'connecting':
      return wasConnected ? null : ['Looking for a path to the other side.', false];
    case 'connected':
      return [wasConnected ? 'Connected again.' : 'Connected.', false];
    case 'disconnected':
      return ['Nothing comes from the other side any more. Waiting for the network.', true];
    case 'failed':
      if (isDtls) return ['A path was found, but DTLS failed on it: who answers there is not who the signaling promised.', true];
      if (!wasConnected) return [NO_PATH, true];
      return [canAsk ? 'The path was lost. Looking for another one.' : 'The path was lost, and the other side is not in the room to look for another one.', true];
    case 'closed':
      return ['The other side has closed the connection.', true];
    default:
      return null;
  }
}

// Why the signaling server let us go (docs/signaling.md has its close codes).
export function sentenceOfClose({ code, wasJoined }) {
  if (code === 4000) return 'The room is full. Take another one, or join again once somebody has left.';
  if (code === 4001) return 'The signaling server has had too much from here. Join again in a minute.';
  if (code === 4002 || code === 1001) return 'The signaling server takes nobody at the moment. Join again later.';
  return wasJoined ? 'The signaling server is gone. The call goes on without it, and the page keeps knocking.' : 'The signaling server does not answer.';
}
