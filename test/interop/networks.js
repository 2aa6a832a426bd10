// Where the two peers of a case are, and how a command gets there. The runner itself runs where the browser is, so that the test page
// is a page of its own 127.0.0.1; inside of the lab (test/lab/topology.sh, docs/lab.md) that is the home hA.
//
// A network is an object with
//   lab                  which laboratory smoke.sh builds around the runner: two homes of a kind, or one ("lan")
//   missing()            why it cannot be had, or null
//   browser              { loopback, camera, iceServers }: what the peer opens with; iceServers: it uses those of the room
//   ours                 { prefix, flags }: how our program is started
//   server()             where signaling-server runs and with which flags
//   services             what else has to run: { command, ready }
//   path                 what must be true of the selected pair (judge.js)

import { existsSync } from 'node:fs';
import { createServer } from 'node:net';

const lab = process.env.INTEROP_LAB ?? ''; // the prefix of the namespaces' names, the kind and the folder of the laboratory: by smoke.sh
const labKind = process.env.INTEROP_LAB_KIND ?? '';
const labFolder = process.env.INTEROP_LAB_LOG ?? '';
const PUBLIC = '203.0.113.10';
const ROUTER_A = '10.1.0.1';

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

const needsLab = (kind) => () => {
  if (lab === '') return 'no lab of namespaces (it needs root, iproute2 and nftables)';
  return labKind === kind ? null : `its lab is ${kind}, this one is ${labKind}`;
};

const needsCoturn = (kind) => () => needsLab(kind)() ?? (existsSync('/usr/bin/turnserver') ? null : 'coturn is not installed');

// Servers of the public segment. coturn's configuration and certificates are test/lab/servers.sh's.
const publicServer = (flags) => async () => ({ prefix: inside('pub'), address: PUBLIC, port: 8080, flags });
const stun = ['--ice-server', `stun:${PUBLIC}:3478`];
const turn = (uri) => ['--ice-server', uri, '--ice-username', 'lab', '--ice-credential', 'lab'];
const turnUris = {
  udp: `turn:${PUBLIC}:3478?transport=udp`,
  tcp: `turn:${PUBLIC}:3478?transport=tcp`,
  tls: `turns:${PUBLIC}:443?transport=tcp`,
};
const coturn = {
  command: [...inside('pub'), 'turnserver', '-c', `${labFolder}/turnserver.conf`],
  ready: [...inside('pub'), 'bash', '-c', `turnutils_stunclient -p 3478 ${PUBLIC} && exec 3<>/dev/tcp/${PUBLIC}/443`],
};

const plainBrowser = { loopback: false, camera: true, iceServers: true };

// Two homes whose NATs would let a direct path through, but our program may use nothing except its relay. The browser may use all.
const relay = (transport) => ({
  lab: 'port-restricted',
  missing: needsCoturn('port-restricted'),
  browser: plainBrowser,
  ours: { prefix: inside('hB'), flags: ['--ice-transport-policy', 'relay', '--turn-ca', `${labFolder}/ca.pem`, ...turn(turnUris[transport])] },
  server: publicServer(stun),
  services: [coturn],
  path: { local: ['relay'], relayProtocol: transport, remote: ['srflx', 'prflx'], peerSees: PUBLIC },
});

// One LAN, nothing outside of it: signaling on its router. The page may not use the camera, so the browser hides its addresses. It is
// given no server either: STUN on the LAN would say the hidden address, as a server-reflexive one. Its checks may be here before its name is resolved: then it is prflx.
const mdns = (flags, oursHidden) => ({
  lab: 'lan',
  missing: needsLab('lan'),
  browser: { loopback: false, camera: false, iceServers: false },
  ours: { prefix: inside('hB'), flags },
  server: async () => ({ prefix: inside('rA'), address: ROUTER_A, port: 8080, flags: [] }),
  services: [],
  path: { local: ['host'], remote: ['host', 'prflx'], peerHidden: true, oursHidden },
});

export const networks = {
  loopback: {
    // The runner's own namespace has other addresses too; a flag on each side makes both use this one.
    lab: 'port-restricted',
    missing: () => null,
    browser: { loopback: true, camera: true, iceServers: true },
    ours: { prefix: [], flags: ['--interface', 'lo'] },
    server: async () => ({ prefix: [], address: '127.0.0.1', port: await freePort(), flags: [] }),
    services: [],
    path: { remote: ['host', 'prflx'] },
  },
  lan: {
    lab: 'port-restricted',
    missing: needsLab('port-restricted'),
    browser: plainBrowser,
    ours: { prefix: inside('rA'), flags: [] },
    server: publicServer([]),
    services: [],
    path: { remote: ['host', 'prflx'] },
  },
  nat: {
    lab: 'port-restricted',
    missing: needsCoturn('port-restricted'),
    browser: plainBrowser,
    ours: { prefix: inside('hB'), flags: [] },
    server: publicServer(stun),
    services: [coturn],
    path: { remote: ['srflx', 'prflx'] },
  },
  'relay-udp': relay('udp'),
  'relay-tcp': relay('tcp'),
  'relay-tls': relay('tls'),
  symmetric: {
    lab: 'symmetric',
    missing: needsCoturn('symmetric'),
    browser: plainBrowser,
    ours: { prefix: inside('hB'), flags: [] },
    server: publicServer([...stun, ...turn(turnUris.udp)]),
    services: [coturn],
    path: { relayed: true },
  },
  mdns: mdns([], false),
  'mdns-offer': mdns(['--mdns', 'offer'], true),
};
