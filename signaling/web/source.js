// What this side sends: a camera and a microphone where the page may use them, otherwise a drawn picture and a tone.

import { drawStamp } from './stamp.js';

export const mayUseDevices = () => Boolean(navigator.mediaDevices?.getUserMedia);

// Choices for the two lists. Before the page has been allowed to use a device, a browser may hide how many there are: then the usual one.
export async function listDevices(kind) {
  if (!mayUseDevices()) return [];
  const noun = kind === 'audioinput' ? 'microphone' : 'camera';
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind && device.deviceId !== '');
  if (devices.length === 0) return [{ id: '', name: `the usual ${noun}` }];
  return devices.map((device, i) => ({ id: device.deviceId, name: device.label || `${noun} ${i + 1}` }));
}

export async function openMicrophone(id) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: id ? { deviceId: { exact: id } } : true });
  return stream.getAudioTracks()[0];
}

export async function openCamera(id) {
  const size = { width: { ideal: 640 }, height: { ideal: 480 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: id ? { deviceId: { exact: id }, ...size } : size });
  return stream.getVideoTracks()[0];
}

export async function openScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  return stream.getVideoTracks()[0];
}

// A clock and moving stripes: whoever sees them knows at a glance whether the picture moves, and how late it is. The stamp says it to programs.
export function drawPicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 });
  const context = canvas.getContext('2d', { alpha: false });
  let number = 0;
  const draw = () => {
    const now = new Date();
    const shift = (now.getTime() / 40) % 360;
    for (let i = 0; i < 16; i++) {
      context.fillStyle = `hsl(${(shift + i * 22.5) % 360} 45% ${30 + (i % 2) * 12}%)`;
      context.fillRect(i * 40, 0, 40, 480);
    }
    context.fillStyle = '#fff';
    context.textAlign = 'center';
    context.font = '600 64px monospace';
    context.fillText(now.toISOString().slice(11, 23), 320, 240);
    context.font = '24px sans-serif';
    context.fillText('a drawn picture, not a camera', 320, 300);
    drawStamp(context, canvas.width, number++);
  };
  draw();
  const timer = setInterval(draw, 1000 / 30);
  const track = canvas.captureStream(30).getVideoTracks()[0];
  track.addEventListener('stopped', () => clearInterval(timer));
  return track;
}

// Two short beeps a second: heard, and not mistaken for anything else.
export function playTone() {
  const context = new AudioContext(); // it starts when the browser lets it: joining is the press of a button
  const tone = new OscillatorNode(context, { frequency: 440 });
  const gate = new OscillatorNode(context, { type: 'square', frequency: 2 });
  const depth = new GainNode(context, { gain: 0.06 });
  const volume = new GainNode(context, { gain: 0.06 });
  const output = context.createMediaStreamDestination();
  gate.connect(depth).connect(volume.gain);
  tone.connect(volume).connect(output);
  tone.start();
  gate.start();
  return output.stream.getAudioTracks()[0];
}

export function stop(track) {
  if (!track) return;
  track.stop();
  track.dispatchEvent(new Event('stopped'));
}
