// npm's janus-whep-server with the endpoint "demo" of each of two plugins. Usage: node whep_server.js PORT JANUS_URL ROOM FEED MOUNTPOINT TOKEN
// videoroom offers in its turn (406), streaming answers our offer (201).

import { register } from 'node:module';

// Its client of janus can speak over Unix sockets, too, by a module that has to be compiled when it is installed. Nobody does here.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) =>
  name === 'unix-dgram' ? { url: 'data:text/javascript,export const createSocket = null', shortCircuit: true } : next(name, context);`)}`);
const { JanusWhepServer } = await import('janus-whep-server');

const [port, address, room, feed, mountpoint, token] = process.argv.slice(2);
const server = new JanusWhepServer({ janus: { address }, rest: { port: Number(port), basePath: '/whep' }, debug: 'verb' });
await server.start();
server.createEndpoint({ id: 'room', plugin: 'videoroom', room: Number(room), feed: Number(feed), token });
server.createEndpoint({ id: 'stream', plugin: 'streaming', mountpoint: Number(mountpoint), token });
