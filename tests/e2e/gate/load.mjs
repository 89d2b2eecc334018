// What a busy front door has on it while it is reloaded and replaced: WebSockets that echo real frames, and
// requests over new, kept, HTTP/2 and TLS connections, each failure with its reason.
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const kHeadersFrame = 1;  // RFC 9113 6.2
// On a machine that is too slow for the rate, requests wait here rather than in ever longer queues in the test.
const kMostUnderWay = 64;

// --- frames (RFC 6455 5.2), short ones

function textFrame(text, masked) {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, payload.length | (masked ? 0x80 : 0)]);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

// Calls onText for every text frame that has come whole, onClose for a Close.
function frameReader({ onText, onClose = () => {} }) {
  let bytes = Buffer.alloc(0);
  return (data) => {
    bytes = Buffer.concat([bytes, data]);
    while (bytes.length >= 2) {
      const masked = (bytes[1] & 0x80) !== 0;
      const size = bytes[1] & 0x7f;
      const head = masked ? 6 : 2;
      if (bytes.length < head + size) return;
      const mask = bytes.subarray(2, 6);
      const payload = Buffer.from(bytes.subarray(head, head + size)).map((byte, i) => (masked ? byte ^ mask[i % 4] : byte));
      const opcode = bytes[0] & 0x0f;
      bytes = bytes.subarray(head + size);
      if (opcode === 1) onText(payload.toString());
      else if (opcode === 8) onClose(payload);
    }
  };
}

// A shard: answers requests with its name, and WebSockets with what they say and its name.
export async function startShard(t, name, port = 0) {
  const sockets = new Set();
  const server = http.createServer((request, response) => {
    request.resume();
    response.setHeader('X-Shard', name);
    response.end(name);
  });
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('data', frameReader({ onText: (text) => socket.write(textFrame(`${name} ${text}`, false)) }));
    socket.on('end', () => socket.end());
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  }));
  return { name, port: server.address().port };
}

// One participant's WebSocket.
export class Participant {
  static open(port, room) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port });
      const participant = new Participant(socket, room);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`${room}: closed before it was open`)));
      socket.write(`GET /xmpp-websocket?room=${room} HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
        + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
      participant.opened = () => resolve(participant);
      participant.refused = (head) => reject(new Error(`${room}: ${head.split('\r\n')[0]}`));
    });
  }

  constructor(socket, room) {
    this.socket = socket;
    this.room = room;
    this.closed = false;
    this.waiting = [];
    this.said = 0;
    let head = Buffer.alloc(0);
    const frames = frameReader({ onText: (text) => this.waiting.shift()?.resolve(text) });
    const reading = (data) => {
      head = Buffer.concat([head, data]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const text = head.toString('latin1', 0, end);
      if (!text.startsWith('HTTP/1.1 101')) return this.refused(text);
      socket.off('data', reading);
      socket.on('data', frames);
      this.opened();
      if (head.length > end + 4) frames(head.subarray(end + 4));
    };
    socket.on('data', reading);
    socket.on('error', () => {});
    socket.on('end', () => this.#over());
    socket.on('close', () => this.#over());
    this.ended = new Promise((resolve) => { this.resolveEnded = resolve; });
  }

  #over() {
    this.closed = true;
    this.resolveEnded();
    for (const waiter of this.waiting.splice(0)) waiter.reject(new Error(`${this.room}: the WebSocket has ended`));
  }

  // Says something, gives the name of the shard that has echoed it.
  async echo() {
    if (this.closed) throw new Error(`${this.room}: the WebSocket has ended`);
    const words = `${this.room}-${++this.said}`;
    const answer = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    this.socket.write(textFrame(words, true));
    const text = await answer;
    const [shard, echoed] = text.split(' ');
    if (echoed !== words) throw new Error(`${this.room}: said ${words}, heard ${text}`);
    return shard;
  }

  close() { this.socket.destroy(); }
}

// Requests at a steady rate (as far as the machine carries it), over connections of each kind in turn, until stop(). `failures`: what went wrong with
// any of them; `shards`: room -> the shard that answered first, checked with each later answer.
export class Requests {
  constructor({ port, h2Port, tlsPort, perSecond, rooms }) {
    Object.assign(this, { port, h2Port, tlsPort, rooms });
    this.sent = 0;
    this.answered = 0;
    this.byKind = {};
    this.failures = [];
    this.shards = new Map();
    this.under = new Set();
    this.waiting = [];
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    this.session = null;
    this.began = performance.now();
    // As many as are due by now, whatever the timer does.
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.began) / 1000) * perSecond);
      while (this.sent < due && this.under.size < kMostUnderWay) this.#one();
    }, 5);
  }

  #one() {
    const number = this.sent++;
    const kinds = ['new', 'kept', ...(this.h2Port ? ['h2'] : []), ...(this.tlsPort ? ['tls'] : [])];
    const kind = kinds[number % kinds.length];
    const room = this.rooms[number % this.rooms.length];
    const target = `/xmpp-websocket?room=${room}`;
    const answer = kind === 'h2' ? this.#overH2(target) : this.#overH1(kind, target);
    const work = answer.then(({ status, shard }) => {
      if (status !== 200) throw new Error(`status ${status}`);
      const first = this.shards.get(room);
      if (first === undefined) this.shards.set(room, shard);
      else if (first !== shard) throw new Error(`room ${room} was on ${first}, now on ${shard}`);
      ++this.answered;
      this.byKind[kind] = (this.byKind[kind] ?? 0) + 1;
    }).catch((error) => this.failures.push(`${kind} #${number} ${room}: ${error.code ?? ''} ${error.message}`))
      .finally(() => {
        this.under.delete(work);
        this.waiting = this.waiting.filter(({ until, resolve }) => this.done < until || resolve());
      });
    this.under.add(work);
  }

  #overH1(kind, target) {
    const secure = kind === 'tls';
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? https : http).request({
        host: '127.0.0.1',
        port: secure ? this.tlsPort : this.port,
        path: target,
        agent: kind === 'kept' ? this.agent : false,
        rejectUnauthorized: false,
      }, (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode, shard: response.headers['x-shard'] }));
        response.on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  // A client that is told GOAWAY goes on over a new connection, as all of them do.
  #h2Session() {
    if (this.session !== null) return this.session;
    const session = http2.connect(`http://127.0.0.1:${this.h2Port}`);
    const over = () => { if (this.session === session) this.session = null; };
    session.on('goaway', over);
    session.on('close', over);
    session.on('error', over);
    this.session = session;
    return session;
  }

  // A stream that a GOAWAY has overtaken before a byte of it was sent was never on its way (nghttp2's client says
  // so with a frame that it cannot send): it is asked for again over a new connection. One that the gate itself
  // refuses has been sent, and fails.
  #overH2(target) {
    return new Promise((resolve, reject) => {
      const stream = this.#h2Session().request({ ':path': target });
      let head = {};
      let sent = true;
      stream.on('frameError', (type) => { if (type === kHeadersFrame) sent = false; });
      stream.on('response', (headers) => { head = headers; });
      stream.on('error', (error) => (sent ? reject(error) : resolve(this.#overH2(target))));
      stream.resume();
      stream.on('end', () => sent && resolve({ status: head[':status'], shard: head['x-shard'] }));
    });
  }

  get done() { return this.answered + this.failures.length; }

  // Until so many more have been answered, or gone wrong.
  more(count) {
    return new Promise((resolve) => this.waiting.push({ until: this.done + count, resolve }));
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.under);
    this.agent.destroy();
    this.session?.close();
  }
}
