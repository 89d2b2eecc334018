// WebSocket as far as the tests speak it (RFC 6455): frames of a peer, one by one, and a shard that answers as one does.
import { createHash } from 'node:crypto';
import { Raw, startRawBackend, upgradeAnswer, upgradeRequest } from './support.mjs';

export const opcode = { text: 1, binary: 2, close: 8, ping: 9 };

// A whole frame. A client's are masked; with zeros, so that payload stays readable.
export function frame(code, payload, { masked = false } = {}) {
  const body = Buffer.from(payload);
  const mask = masked ? 0x80 : 0;
  let head = Buffer.from([0x80 | code, mask | body.length]);
  if (body.length > 125) {
    head = Buffer.alloc(4);
    head.writeUInt16BE(body.length, 2);
    head[0] = 0x80 | code;
    head[1] = mask | 126;
  }
  if (body.length > 0xffff) throw new Error('the tests need no longer ones');
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}
export const closing = (code, options) => frame(opcode.close, Buffer.from([code >> 8, code & 255]), options);

// One end of a WebSocket over a duplex stream. `frames`: [{code, payload}], unmasked; `rest`: bytes of a frame that is
// not whole.
export class Peer {
  constructor(stream, { client, rest = Buffer.alloc(0) }) {
    this.stream = stream;
    this.client = client;
    this.frames = [];
    this.rest = rest;
    this.ended = false;
    this.waiters = [];
    stream.on('data', (data) => {
      this.rest = Buffer.concat([this.rest, data]);
      this.#read();
    });
    for (const event of ['end', 'close', 'error']) {
      stream.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
    this.#read();
  }

  #read() {
    for (;;) {
      let head = 2;
      if (this.rest.length < head) break;
      let size = this.rest[1] & 0x7f;
      if (size === 126) {
        head = 4;
        if (this.rest.length < head) break;
        size = this.rest.readUInt16BE(2);
      }
      const masked = (this.rest[1] & 0x80) !== 0;
      if (masked) head += 4;
      if (this.rest.length < head + size) break;
      const payload = Buffer.from(this.rest.subarray(head, head + size));
      if (masked) payload.forEach((byte, i) => { payload[i] = byte ^ this.rest[head - 4 + (i & 3)]; });
      this.frames.push({ code: this.rest[0] & 15, payload, masked });
      this.rest = this.rest.subarray(head + size);
    }
    this.#wake();
  }

  #wake() {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  send(code, payload) { this.stream.write(frame(code, payload, { masked: this.client })); }

  // The first frame that matches; undefined when the end came before it.
  async until(matches) {
    for (;;) {
      const found = this.frames.find(matches);
      if (found || this.ended) return found;
      await new Promise((resolve) => this.waiters.push(resolve));
    }
  }
  text(wanted) { return this.until((each) => each.code === opcode.text && each.payload.toString() === wanted); }

  // What the other said in its Close, answered as RFC 6455 5.5.1 wants it; undefined: it ended without one.
  async closed() {
    const found = await this.until((each) => each.code === opcode.close);
    if (found === undefined) return undefined;
    if (!this.ended) this.stream.write(closing(found.payload.readUInt16BE(0), { masked: this.client }));
    return found.payload.readUInt16BE(0);
  }
  async end() {
    while (!this.ended) await new Promise((resolve) => this.waiters.push(resolve));
  }
  async echo(word) {
    this.send(opcode.text, word);
    return (await this.text(`${word} back`)) !== undefined;
  }
}

// A client through the gate.
export async function connect(port, target, host) {
  const raw = await Raw.connect(port, undefined, host);
  raw.send(upgradeRequest(target));
  const text = await raw.until('\r\n\r\n');
  if (!text.startsWith('HTTP/1.1 101 ')) throw new Error(text);
  const behind = raw.received.subarray(text.indexOf('\r\n\r\n') + 4);
  raw.socket.removeAllListeners('data');
  return new Peer(raw.socket, { client: true, rest: behind });
}

// A shard that says its name first, sends texts back, and answers a Close. `peers`: [{target, peer}], all that came.
export async function startShard(t, name, { beforeAnswer = async () => {}, onRequest } = {}) {
  const peers = [];
  const backend = await startRawBackend(t, (socket) => socket.once('data', async (data) => {
    const target = data.toString('latin1').split(' ')[1];
    if (onRequest?.(target, socket)) return;
    await beforeAnswer(target);
    const key = /sec-websocket-key: (\S+)/i.exec(data.toString('latin1'))[1];
    socket.write(upgradeAnswer.replace(/Accept: \S+/, `Accept: ${accept(key)}`));
    const peer = new Peer(socket, { client: false });
    peers.push({ target, peer });
    peer.send(opcode.text, name);
    let seen = 0;
    socket.on('data', () => {
      for (; seen < peer.frames.length; ++seen) {
        const { code, payload } = peer.frames[seen];
        if (code === opcode.text) peer.send(opcode.text, `${payload} back`);
        if (code === opcode.close) socket.end(closing(payload.readUInt16BE(0)));
      }
    });
    socket.on('end', () => socket.end());
  }));
  return { name, port: backend.port, refuse: backend.refuse, peers, of: (target) => peers.filter((each) => each.target === target).map((each) => each.peer) };
}

function accept(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
