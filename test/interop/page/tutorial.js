// The classic client, as people write it from a tutorial. Deliberately plain.

const params = new URLSearchParams(location.search);
const signaling = new WebSocket(params.get('room'));
let pc;
let localStream;

document.getElementById('startButton').onclick = async () => {
  localStream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  document.getElementById('localVideo').srcObject = localStream;
  signaling.send(JSON.stringify({ type: 'ready' }));
};

document.getElementById('hangupButton').onclick = () => {
  hangup();
  signaling.send(JSON.stringify({ type: 'bye' }));
};

signaling.onmessage = (e) => {
  const message = JSON.parse(e.data);
  if (!localStream) {
    console.log('not ready yet');
    return;
  }
  switch (message.type) {
    case 'offer':
      handleOffer(message);
      break;
    case 'answer':
      handleAnswer(message);
      break;
    case 'candidate':
      handleCandidate(message);
      break;
    case 'ready':
      if (pc) {
        console.log('already in call, ignoring');
        return;
      }
      makeCall();
      break;
    case 'bye':
      if (pc) hangup();
      break;
    default:
      console.log('unhandled', message);
  }
};

function hangup() {
  if (pc) {
    pc.close();
    pc = null;
  }
  localStream.getTracks().forEach((track) => track.stop());
  localStream = null;
}

function createPeerConnection() {
  pc = new RTCPeerConnection();
  pc.onicecandidate = (e) => {
    if (params.has('flat') && e.candidate) {
      signaling.send(JSON.stringify({ type: 'candidate', candidate: e.candidate.candidate, sdpMid: e.candidate.sdpMid, sdpMLineIndex: e.candidate.sdpMLineIndex }));
    } else {
      signaling.send(JSON.stringify({ type: 'candidate', candidate: e.candidate }));
    }
  };
  pc.ontrack = (e) => (document.getElementById('remote').srcObject = e.streams[0]);
  localStream.getTracks().forEach((track) => pc.addTrack(track, localStream));
}

async function makeCall() {
  createPeerConnection();
  const offer = await pc.createOffer();
  signaling.send(JSON.stringify({ type: 'offer', sdp: offer.sdp }));
  await pc.setLocalDescription(offer);
}

async function handleOffer(offer) {
  if (pc) {
    console.error('existing peerconnection');
    return;
  }
  createPeerConnection();
  await pc.setRemoteDescription(offer);
  const answer = await pc.createAnswer();
  signaling.send(JSON.stringify({ type: 'answer', sdp: answer.sdp }));
  await pc.setLocalDescription(answer);
}

async function handleAnswer(answer) {
  if (!pc) {
    console.error('no peerconnection');
    return;
  }
  await pc.setRemoteDescription(answer);
}

async function handleCandidate(message) {
  if (!pc) {
    console.error('no peerconnection');
    return;
  }
  if (!message.candidate) await pc.addIceCandidate(null);
  else await pc.addIceCandidate(message.candidate);
}
