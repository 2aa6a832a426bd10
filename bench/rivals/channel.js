/*
 * One run of a rival: both ends in this process, one reliable ordered data channel over loopback, messages of LENGTH bytes until BYTES have arrived.
 * Back-pressure as in bench_data_channel: at most 1 MiB waits (bufferedAmount), filled up again from 256 KiB on. One line of JSON on stdout.
 *
 *     node channel.js node-datachannel|wrtc LENGTH MEGABYTES
 */
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;
const PATIENCE_MS = 120000;

/* Each opens a channel between two connections: { send, buffered, onLow, onMessage, close }. */
const rivals = {
  async 'node-datachannel'() {
    const { default: rtc } = await import('node-datachannel');
    const from = new rtc.PeerConnection('from', { iceServers: [], bindAddress: '127.0.0.1' });
    const to = new rtc.PeerConnection('to', { iceServers: [], bindAddress: '127.0.0.1' });
    from.onLocalDescription((sdp, type) => to.setRemoteDescription(sdp, type));
    to.onLocalDescription((sdp, type) => from.setRemoteDescription(sdp, type));
    from.onLocalCandidate((candidate, mid) => to.addRemoteCandidate(candidate, mid));
    to.onLocalCandidate((candidate, mid) => from.addRemoteCandidate(candidate, mid));
    const arrived = new Promise((resolve) => to.onDataChannel(resolve));
    const sender = from.createDataChannel('bulk');
    await new Promise((resolve) => sender.onOpen(resolve));
    const receiver = await arrived;
    sender.setBufferedAmountLowThreshold(LOW);
    return {
      send: (bytes) => sender.sendMessageBinary(bytes),
      buffered: () => sender.bufferedAmount(),
      onLow: (handler) => sender.onBufferedAmountLow(handler),
      onMessage: (handler) => receiver.onMessage((message) => handler(message.length)),
      close() {
        from.close();
        to.close();
        rtc.cleanup();
      },
    };
  },

  async wrtc() {
    const { default: rtc } = await import('@roamhq/wrtc');
    const from = new rtc.RTCPeerConnection();
    const to = new rtc.RTCPeerConnection();
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate);
    to.onicecandidate = ({ candidate }) => candidate && from.addIceCandidate(candidate);
    const arrived = new Promise((resolve) => (to.ondatachannel = ({ channel }) => resolve(channel)));
    const sender = from.createDataChannel('bulk');
    const open = new Promise((resolve) => (sender.onopen = resolve));
    await from.setLocalDescription(await from.createOffer());
    await to.setRemoteDescription(from.localDescription);
    await to.setLocalDescription(await to.createAnswer());
    await from.setRemoteDescription(to.localDescription);
    await open;
    const receiver = await arrived;
    receiver.binaryType = 'arraybuffer';
    return {
      send: (bytes) => sender.send(bytes),
      buffered: () => sender.bufferedAmount,
      onLow: (handler) => setInterval(handler, 5), /* this build never fires bufferedamountlow */
      onMessage: (handler) => (receiver.onmessage = ({ data }) => handler(data.byteLength)),
      close() {
        from.close();
        to.close();
      },
    };
  },
};

const [name, length, megabytes] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
if (!rivals[name] || !(length > 0) || !(megabytes > 0)) {
  console.error(`usage: node channel.js ${Object.keys(rivals).join('|')} LENGTH MEGABYTES`);
  process.exit(64);
}
setTimeout(() => {
  console.error(`${name}: nothing more after ${PATIENCE_MS / 1000} s`);
  process.exit(1);
}, PATIENCE_MS).unref();

const channel = await rivals[name]();
const message = Buffer.alloc(length, 0x5a);
const total = Math.floor((megabytes * 1e6) / length) * length;
let toSend = total;
let received = 0;

function fill() {
  while (toSend > 0 && channel.buffered() + length <= HIGH) {
    channel.send(message);
    toSend -= length;
  }
}

const cpu = process.cpuUsage();
const start = process.hrtime.bigint();
await new Promise((resolve) => {
  channel.onMessage((bytes) => {
    received += bytes;
    if (received >= total) resolve();
    else if (channel.buffered() <= LOW) fill();
  });
  channel.onLow(fill);
  fill();
});
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ bytes: total, seconds, cpu: (user + system) / 1e6 }));
channel.close();
process.exit(0);
