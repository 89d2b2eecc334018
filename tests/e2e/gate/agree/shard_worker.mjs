// The thread of shards.mjs.
import { createHash } from 'node:crypto';
import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { closing, opcode, Peer } from '../websocket.mjs';

let { delay } = workerData;

class Shard {
  constructor(name) {
    this.name = name;
    this.port = 0;
    this.requests = 0;
    this.checks = 0;
    this.censuses = 0;
    this.rooms = new Map();  // room -> {people, created}
    this.sockets = new Set();
  }

  listen() {
    this.server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => this.#answer(request, response));
    this.server.on('upgrade', (request, socket) => this.#tunnel(request, socket));
    this.server.on('connection', (socket) => {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    });
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, workerData.host, () => {
        this.port = this.server.address().port;
        resolve();
      });
    });
  }

  vanish() {
    return new Promise((resolve) => {
      this.server.close(resolve);
      for (const socket of this.sockets) socket.destroy();
    });
  }

  #answer(request, response) {
    if (request.url.startsWith('/about/health')) {
      ++this.checks;
      return response.end(JSON.stringify({ shard: this.name, state: 'ready', rooms: this.rooms.size }));
    }
    if (request.url.startsWith('/about/rooms')) {
      ++this.censuses;
      const rooms = [...this.rooms].map(([room, { people, created }]) => ({ room, participants: people, created }));
      return response.end(JSON.stringify({ shard: this.name, rooms }));
    }
    ++this.requests;
    response.setHeader('X-Shard', this.name);
    if (delay === 0) return response.end(this.name);
    return setTimeout(() => response.end(this.name), delay);
  }

  // Says its name, and sends texts back.
  #tunnel(request, socket) {
    const room = new URL(request.url, 'http://shard').searchParams.get('room');
    const entry = this.rooms.get(room) ?? { people: 0, created: new Date().toISOString() };
    ++entry.people;
    this.rooms.set(room, entry);
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const peer = new Peer(socket, { client: false });
    peer.send(opcode.text, this.name);
    let seen = 0;
    socket.on('data', () => {
      for (; seen < peer.frames.length; ++seen) {
        const { code, payload } = peer.frames[seen];
        if (code === opcode.text) peer.send(opcode.text, `${payload} back`);
        if (code === opcode.close) socket.end(closing(payload.readUInt16BE(0)));
      }
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      if (--entry.people === 0) this.rooms.delete(room);
    });
  }
}

const shards = Array.from({ length: workerData.count }, (_, i) => new Shard(`shard-${i}`));
for (const shard of shards) await shard.listen();
parentPort.postMessage(shards.map(({ port }) => port));
parentPort.on('message', async (asked) => {
  if (asked.delay !== undefined) ({ delay } = asked);
  if (asked.vanish !== undefined) await shards[asked.vanish].vanish();
  if (asked.appear !== undefined) await shards[asked.appear].listen();
  parentPort.postMessage(asked.facts
    ? shards.map(({ requests, checks, censuses, rooms }) => ({ requests, checks, censuses, rooms: [...rooms].map(([room, { people }]) => [room, people]) }))
    : 'done');
});
