// Where the two peers of a case are, and how a command gets there. The runner itself runs where the browser is, so that the test page
// is a page of its own 127.0.0.1; inside of the lab (test/lab/net.sh, docs/lab.md) that is the home hA.
//
//   name      the browser          our program    signaling-server, STUN
//   loopback  127.0.0.1            127.0.0.1      127.0.0.1
//   lan       hA 10.1.0.2          rA 10.1.0.1    pub, behind rA's NAT from here; no STUN
//   nat       hA behind rA's NAT   hB behind rB's pub; STUN by coturn

import { existsSync } from 'node:fs';
import { createServer } from 'node:net';

const lab = process.env.INTEROP_LAB ?? ''; // the prefix of the namespaces' names, set by smoke.sh
const PUBLIC = '203.0.113.10';

const inside = (node) => ['ip', 'netns', 'exec', `${lab}-${node}`];

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const needsLab = () => (lab === '' ? 'no lab of namespaces (it needs root, iproute2 and nftables)' : null);

export const networks = {
  loopback: {
    // The runner's own namespace has other addresses too; a flag on each side makes both use this one.
    missing: () => null,
    browser: { loopback: true },
    ours: { prefix: [], flags: ['--interface', 'lo'] },
    server: async () => ({ prefix: [], address: '127.0.0.1', port: await freePort(), flags: [] }),
    services: [],
    pairTypes: ['host', 'prflx'],
  },
  lan: {
    missing: needsLab,
    browser: { loopback: false },
    ours: { prefix: inside('rA'), flags: [] },
    server: async () => ({ prefix: inside('pub'), address: PUBLIC, port: 8080, flags: [] }),
    services: [],
    pairTypes: ['host', 'prflx'],
  },
  nat: {
    missing: () => needsLab() ?? (existsSync('/usr/bin/turnserver') ? null : 'coturn, which answers STUN here, is not installed'),
    browser: { loopback: false },
    ours: { prefix: inside('hB'), flags: [] },
    server: async () => ({ prefix: inside('pub'), address: PUBLIC, port: 8080, flags: ['--ice-server', `stun:${PUBLIC}:3478`] }),
    services: [
      {
        command: [...inside('pub'), 'turnserver', '-n', '--stun-only', '--no-cli', '--no-tls', '--no-dtls', '--listening-ip', PUBLIC,
          '--listening-port', '3478', '--log-file', 'stdout', '--simple-log', '--pidfile', '/dev/null'],
        ready: [...inside('pub'), 'turnutils_stunclient', '-p', '3478', PUBLIC],
      },
    ],
    pairTypes: ['srflx', 'prflx'],
  },
};
