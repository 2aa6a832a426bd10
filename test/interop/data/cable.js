// A cable between two ends of 127.0.0.1 that loses: each end is told candidates that are sockets of ours, and what comes in there goes on to the
// other end, or is lost.

import { createSocket } from 'node:dgram';

const ADDRESS = /^(\S+ \d+ (?:udp|UDP) \d+ )(\S+) (\d+)( typ host.*)$/;

export function newCable() {
  const sockets = [];
  const links = new Map(); // "end port of its own" -> the socket that stands for it
  const cable = { lost: 0, sent: 0, rate: 0 };
  // The socket by which `end` is seen, at that port of its.
  async function socketOf(end, port) {
    const key = `${end} ${port}`;
    if (!links.has(key)) {
      links.set(key, new Promise((resolve, reject) => {
        const socket = createSocket('udp4');
        sockets.push(socket);
        socket.on('error', reject);
        // From the other end, for this one: it goes on by the socket that stands for the sender.
        socket.on('message', async (bytes, from) => {
          cable.sent++;
          if (Math.random() < cable.rate) return void cable.lost++;
          (await socketOf(1 - end, from.port)).send(bytes, port, '127.0.0.1', () => {});
        });
        socket.bind(0, '127.0.0.1', () => resolve(socket));
      }));
    }
    return links.get(key);
  }
  return Object.assign(cable, {
    lose: (rate) => (cable.rate = rate),
    // What the other end is told of a candidate of `end`; null: nothing.
    async candidate(end, candidate) {
      const [, before, address, port, after] = candidate?.candidate?.match(ADDRESS) ?? [];
      if (address !== '127.0.0.1') return null;
      return { ...candidate, candidate: `${before}127.0.0.1 ${(await socketOf(end, Number(port))).address().port}${after}` };
    },
    close: () => sockets.forEach((socket) => socket.close()),
  });
}
