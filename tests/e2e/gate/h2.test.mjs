// HTTP/2 at the door: requests, bodies both ways, cancelling, WebSockets in streams, leaving, and what hostile clients
// send as frames of their own.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import http2 from 'node:http2';
import { test } from 'node:test';
import { reset } from '../../support/reset.mjs';
import { certificate, eventually, Raw, request, startBackend, startGate, startRawBackend, temporaryFolder } from './support.mjs';

const { constants: h2 } = http2;

// A door with TLS, and one that takes HTTP/2 in clear.
async function doors(t, { shards, settings = '', tls = '', plain = 'http2_cleartext = true' }) {
  const folder = temporaryFolder(t);
  const pem = certificate(folder, 'door', ['meet.example']);
  const gate = await startGate(t, { shards, settings, listeners: [`tls.certificates = ["${pem}"]\n${tls}`, plain] });
  return { gate, https: gate.ports.https[0], clear: gate.ports.http[0] };
}

function session(t, url) {
  const client = http2.connect(url, { rejectUnauthorized: false, servername: 'meet.example' });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}
const secure = (t, port) => session(t, `https://127.0.0.1:${port}`);
const clear = (t, port) => session(t, `http://127.0.0.1:${port}`);

// One request: {status, headers, body}, or {error} with the code that the stream was reset with.
function ask(client, headers, body) {
  return new Promise((resolve) => {
    const stream = client.request({ ':authority': 'meet.example', ...headers }, { endStream: body === undefined });
    const parts = [];
    let head;
    stream.on('response', (got) => { head = got; });
    stream.on('data', (part) => parts.push(part));
    stream.on('error', () => {});
    stream.on('close', () => resolve({ status: head?.[':status'], headers: head, body: Buffer.concat(parts).toString(), error: stream.rstCode }));
    if (body !== undefined) stream.end(body);
  });
}
const get = (client, path, more = {}) => ask(client, { ':path': path, ...more });

const one = (backend) => [{ name: 'shard-0', port: backend.port }];
const settled = (client) => new Promise((resolve) => { client.once('remoteSettings', resolve); });

test('is chosen by ALPN; requests look like any others to the shard, and the log says HTTP/2', async (t) => {
  const backend = await startBackend(t, (incoming, response) => response.end(JSON.stringify(incoming.headers)));
  const { gate, https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);

  const answer = await get(client, '/static/a?x=1', { cookie: ['a=1', 'b=2'], te: 'trailers', 'x-mine': 'y' });

  assert.equal(answer.status, 200);
  const seen = JSON.parse(answer.body);
  assert.equal(seen.host, 'meet.example');
  assert.equal(seen.cookie, 'a=1; b=2');
  assert.equal(seen['x-mine'], 'y');
  assert.equal(seen.te, undefined);
  assert.equal(seen['x-forwarded-proto'], 'https');
  assert.equal(seen['x-forwarded-for'], '127.0.0.1');
  assert.equal(backend.seen[0].httpVersion, '1.1');
  const line = await gate.access((each) => each.path === '/static/a');
  assert.equal(line.protocol, 'HTTP/2');
  assert.equal(line.status, 200);
});

test('HTTP/1.1 is spoken where ALPN says so, and in clear beside HTTP/2', async (t) => {
  const backend = await startBackend(t);
  const { clear: port } = await doors(t, { shards: one(backend), tls: 'tls.alpn = ["http/1.1"]' });

  assert.equal((await get(clear(t, port), '/static/a')).status, 200);
  assert.equal((await request(port, '/static/a')).status, 200);
  const slowly = await Raw.connect(port);
  for (const byte of 'PRX /static/a HTTP/1.1\r\n\r\n') slowly.send(byte);
  assert.match(await slowly.untilEnd(), /^HTTP\/1\.1 (400|501) /);
});

test('in clear only where it is asked for', async (t) => {
  const backend = await startBackend(t);
  const { clear: port } = await doors(t, { shards: one(backend), plain: '' });
  const raw = await Raw.connect(port);
  raw.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  assert.match(await raw.untilEnd(), /^HTTP\/1\.1 [45]0[05] /);
});

test('bodies arrive whole both ways, with a length and without', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    response.setHeader('x-length', incoming.headers['content-length'] ?? 'none');
    incoming.pipe(response);
  });
  const { https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  const body = crypto.randomBytes(3_000_000).toString('hex');

  const sized = await ask(client, { ':method': 'POST', ':path': '/http-bind?room=r', 'content-length': body.length }, body);
  const open = await ask(client, { ':method': 'POST', ':path': '/http-bind?room=r' }, body);

  assert.equal(sized.headers['x-length'], String(body.length));
  assert.equal(open.headers['x-length'], 'none');
  assert.equal(sized.body === body, true);
  assert.equal(open.body === body, true);
});

test('a body waits for the shard, and an answer for the client: neither stands in memory', async (t) => {
  const size = 64 * 1024 * 1024;
  const backend = await startBackend(t, (incoming, response) => {
    if (incoming.method === 'POST') return; // never reads
    const piece = Buffer.alloc(65536, 'x');
    let left = size;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!response.write(piece)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  });
  const { gate, clear: port } = await doors(t, { shards: one(backend) });
  await get(clear(t, port), '/static/warm');
  const before = gate.residentKiB();
  const client = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 * 1024 } });
  client.on('error', () => {});
  t.after(() => client.destroy());

  // Ten answers that nobody reads, and an upload that the shard does not take.
  const unread = Array.from({ length: 10 }, () => client.request({ ':path': '/static/big' }));
  await Promise.all(unread.map((stream) => new Promise((resolve) => { stream.on('error', () => {}).on('response', resolve); })));
  const upload = client.request({ ':path': '/http-bind?room=r', ':method': 'POST' });
  upload.on('error', () => {});
  upload.write(Buffer.alloc(size));
  await eventually(() => backend.seen.some((each) => each.method === 'POST'));
  // Until the upload has come to a halt: others are served meanwhile.
  const beside = clear(t, port);
  for (let open, quiet = 0; quiet < 20; quiet = client.state.remoteWindowSize === open ? quiet + 1 : 0) {
    open = client.state.remoteWindowSize;
    for (let i = 0; i < 5; ++i) await get(beside, '/about/health');
  }

  assert.ok(gate.residentKiB() - before < 16 * 1024, `grew by ${gate.residentKiB() - before} KiB`);
});

test('a hundred requests at once share a connection; a slow one stops nobody', async (t) => {
  let slow;
  const backend = await startBackend(t, (incoming, response) => {
    if (incoming.url.includes('slow')) slow = () => response.end('slow');
    else response.end(incoming.url);
  });
  const { gate, https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  const late = get(client, '/static/slow');
  await eventually(() => slow !== undefined);

  const answers = await Promise.all(Array.from({ length: 99 }, (_, i) => get(client, `/static/${i}`)));

  answers.forEach((answer, i) => assert.equal(answer.body, `/static/${i}`));
  slow();
  assert.equal((await late).body, 'slow');
  assert.equal(await gate.metric('roomgate_connections'), 1);
});

test('what a client takes back ends at the shard too', async (t) => {
  let closed = 0;
  const backend = await startBackend(t, (incoming) => incoming.socket.on('close', () => ++closed));
  const { gate, https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  const stream = client.request({ ':path': '/static/never' });
  stream.on('error', () => {});
  await eventually(() => backend.seen.length === 1);

  stream.close(h2.NGHTTP2_CANCEL);

  await eventually(() => closed === 1);
  const line = await gate.access((each) => each.path === '/static/never');
  assert.equal(line.status, 499);
  assert.equal(line.reason, 'client_gone');
  assert.equal(await gate.metric('roomgate_upstream_failures_total{shard="shard-0",kind="broke"}'), undefined);
});

test('a shard that breaks off in the middle resets the stream, not the connection', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => {
    if (String(data).includes('/static/half')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  }));
  const { https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);

  assert.equal((await get(client, '/static/half')).error, h2.NGHTTP2_INTERNAL_ERROR);
  assert.equal((await get(client, '/static/whole')).body, 'ok');
});

test('answers of our own are the same as in HTTP/1', async (t) => {
  const backend = await startBackend(t);
  const { gate, https } = await doors(t, { shards: one(backend), settings: '[limits]\nbody_bytes = 2000\n' });
  const client = secure(t, https);

  assert.equal((await get(client, '/about/health')).body, 'ok\n');
  const missing = await get(client, '/metrics');
  assert.equal(missing.status, 404);
  assert.match(missing.headers['content-type'], /text\/plain/);
  assert.equal((await get(client, `/${'a'.repeat(9000)}`)).status, 414);
  assert.equal((await get(client, '/', { 'x-long': 'a'.repeat(15000), 'x-more': 'b'.repeat(2000) })).status, 431);
  assert.equal((await ask(client, { ':path': '/', ':method': 'TRACE' })).status, 405);
  assert.equal((await ask(client, { ':path': '/', ':method': 'BREW' })).status, 501);
  assert.equal((await get(client, '/a%00b')).status, 400);
  const large = await ask(client, { ':path': '/http-bind?room=r', ':method': 'POST', 'content-length': 3000 }, Buffer.alloc(3000));
  assert.equal(large.status, 413);
  assert.equal(large.error, h2.NGHTTP2_NO_ERROR);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="body_too_large"}'), 1);
  assert.equal(backend.seen.length, 0);
});

test('100 Continue and other interim answers are passed on', async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
      if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      if (text.endsWith('body')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const { https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  const stream = client.request({ ':path': '/http-bind?room=r', ':method': 'POST', 'content-length': 4, expect: '100-continue', ':authority': 'a' });
  const interim = [];
  stream.on('headers', (headers) => interim.push(headers[':status']));
  stream.on('continue', () => { interim.push(100); stream.end('body'); });
  const final = await new Promise((resolve) => { stream.on('response', resolve); });

  assert.equal(final[':status'], 200);
  assert.ok(interim.includes(100) && interim.includes(103));
});

// --- WebSockets

const answerTo = (key) => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Accept: '
  + `${crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')}\r\n\r\n`;

// Switches, then sends back what it gets.
const echo = (t, heads = []) => startRawBackend(t, (socket) => {
  let head = '';
  socket.on('data', (data) => {
    if (head.includes('\r\n\r\n')) return void socket.write(data);
    head += data.toString('latin1');
    if (!head.includes('\r\n\r\n')) return undefined;
    heads.push(head);
    return void socket.write(answerTo(/sec-websocket-key: (\S+)/i.exec(head)[1]));
  });
  socket.on('end', () => socket.end());
});

const openSocket = (client, path) => {
  const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, ':authority': 'meet.example',
    'sec-websocket-version': '13', 'sec-websocket-protocol': 'xmpp', origin: 'https://meet.example' });
  stream.on('error', () => {});
  return stream;
};
const head = (stream) => new Promise((resolve) => { stream.on('response', resolve); stream.on('close', () => resolve({ reset: stream.rstCode })); });

// As a page that goes does: or its person would stay in the meeting as a ghost.
test('the last words on a WebSocket reach the shard although its stream is cancelled behind them', async (t) => {
  const said = [];
  const backend = await startRawBackend(t, (socket) => {
    let text = '';
    said.push(() => text.slice(text.indexOf('\r\n\r\n') + 4));
    socket.on('data', (bytes) => {
      const before = text.includes('\r\n\r\n');
      text += bytes.toString('latin1');
      if (!before && text.includes('\r\n\r\n')) socket.write(answerTo(/sec-websocket-key: (\S+)/i.exec(text)[1]));
    });
  });
  const { gate, https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  await settled(client);
  const streams = Array.from({ length: 40 }, (_, i) => openSocket(client, `/xmpp-websocket?room=room${i}`));
  await Promise.all(streams.map(head));

  for (const stream of streams) stream.write('goodbye', () => stream.close(h2.NGHTTP2_CANCEL));

  await eventually(async () => await gate.metric('roomgate_tunnels{shard="shard-0"}') === 0);
  assert.deepEqual([...new Set(said.map((each) => each()))], ['goodbye']);
});

test('a WebSocket is a stream: the shard sees an upgrade, the room is held, bytes go both ways', async (t) => {
  const heads = [];
  const backend = await echo(t, heads);
  const { gate, https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  const settings = await settled(client);
  assert.equal(settings.enableConnectProtocol, true);
  const streams = Array.from({ length: 3 }, (_, i) => openSocket(client, `/xmpp-websocket?room=room${i}`));

  const answers = await Promise.all(streams.map(head));

  for (const answer of answers) {
    assert.equal(answer[':status'], 200);
    assert.equal(answer['sec-websocket-protocol'], 'xmpp');
    assert.equal(answer['sec-websocket-accept'], undefined);
  }
  assert.match(heads[0], /^GET \/xmpp-websocket\?room=room0 HTTP\/1\.1\r\nHost: meet\.example\r\n/);
  assert.match(heads[0], /\r\nUpgrade: websocket\r\n/);
  assert.equal(new Set(heads.map((text) => /key: (\S+)/.exec(text)[1])).size, 3);
  assert.equal(await gate.metric('roomgate_tunnels{shard="shard-0"}'), 3);
  const payload = crypto.randomBytes(200_000);
  const back = new Promise((resolve) => {
    const parts = [];
    let size = 0;
    streams[1].on('data', (part) => {
      parts.push(part);
      size += part.length;
      if (size === payload.length) resolve(Buffer.concat(parts));
    });
  });
  streams[1].write(payload);
  assert.equal((await back).equals(payload), true);

  streams[0].end();
  streams[2].close(h2.NGHTTP2_CANCEL);
  await eventually(async () => await gate.metric('roomgate_tunnels{shard="shard-0"}') === 1);
  const line = await gate.access((each) => each.room === 'room0' && each.tunnel);
  assert.equal(line.protocol, 'HTTP/2');
  assert.equal(line.reason, 'closed');
});

test('a WebSocket that the shard does not open is told so', async (t) => {
  const answers = { wrong: answerTo('AAAAAAAAAAAAAAAAAAAAAA=='), refused: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' };
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => socket.write(answers[/room=(\w+)/.exec(String(data))[1]])));
  const { https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  await settled(client);

  assert.equal((await head(openSocket(client, '/xmpp-websocket?room=wrong')))[':status'], 502);
  assert.equal((await head(openSocket(client, '/xmpp-websocket?room=refused')))[':status'], 403);
  const other = client.request({ ':method': 'CONNECT', ':protocol': 'connect-udp', ':path': '/', ':authority': 'a' });
  other.on('error', () => {});
  assert.equal((await head(other))[':status'], 501);
});

test('a WebSocket whose shard breaks is cancelled, its neighbours go on', async (t) => {
  const backend = await echo(t);
  const { https } = await doors(t, { shards: one(backend) });
  const client = secure(t, https);
  await settled(client);
  const [broken, well] = [openSocket(client, '/xmpp-websocket?room=a'), openSocket(client, '/xmpp-websocket?room=b')];
  await head(broken);
  const [first] = backend.sockets;
  await head(well);

  reset(first);

  await new Promise((resolve) => { broken.on('close', resolve); });
  assert.equal(broken.rstCode, h2.NGHTTP2_CANCEL);
  const back = new Promise((resolve) => { well.on('data', resolve); });
  well.write('still there');
  assert.equal(String(await back), 'still there');
});

// --- leaving

test('SIGTERM: GOAWAY, what is under way is finished, idle connections end', async (t) => {
  let answer;
  const backend = await startBackend(t, (incoming, response) => {
    if (incoming.url.includes('slow')) answer = () => response.end('late but whole');
    else response.end('ok');
  });
  const { gate, https } = await doors(t, { shards: one(backend), settings: '[shutdown]\ndelay = "0s"\ngrace = "20s"\n' });
  const [busy, idle] = [secure(t, https), secure(t, https)];
  await get(idle, '/static/a');
  const slow = get(busy, '/static/slow');
  await eventually(() => answer !== undefined);
  const goaway = new Promise((resolve) => { busy.on('goaway', resolve); });
  const gone = new Promise((resolve) => { idle.on('close', resolve); });

  gate.signal('SIGTERM');

  assert.equal(await goaway, h2.NGHTTP2_NO_ERROR);
  await gone;
  answer();
  assert.equal((await slow).body, 'late but whole');
  assert.equal(await gate.ended, 0);
});

test('a connection that stays silent is closed, and so is a head that never ends', async (t) => {
  const backend = await startBackend(t);
  const { gate, clear: port } = await doors(t, { shards: one(backend), settings: '[timeouts]\nrequest = "300ms"\nkeep_alive = "300ms"\n' });
  const idle = await Peer.connect(port);
  assert.equal(await idle.goaway(), h2.NGHTTP2_NO_ERROR);
  const slow = await Peer.connect(port);
  slow.send(frame(1, 1, 1, block(head1)));
  assert.equal(await slow.goaway(), h2.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="head_timeout"}'), 1);
});

// --- frames of our own

const frame = (type, flags, stream, payload = '') => {
  const body = Buffer.from(payload, 'latin1');
  const out = Buffer.alloc(9 + body.length);
  out.writeUIntBE(body.length, 0, 3);
  out[3] = type;
  out[4] = flags;
  out.writeUInt32BE(stream, 5);
  body.copy(out, 9);
  return out.toString('latin1');
};
const number = (value) => String.fromCharCode((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
const text = (value) => {
  if (value.length < 127) return String.fromCharCode(value.length) + value;
  let out = String.fromCharCode(127);
  let rest = value.length - 127;
  for (; rest >= 128; rest >>>= 7) out += String.fromCharCode((rest & 127) | 128);
  return out + String.fromCharCode(rest) + value;
};
const block = (fields) => fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join('');
const head1 = [[':method', 'GET'], [':scheme', 'http'], [':authority', 'a'], [':path', '/static/a']];
const headers = (stream, fields, last = true) => frame(1, 4 | (last ? 1 : 0), stream, block(fields));

class Peer {
  static async connect(port) {
    const peer = new Peer();
    peer.raw = await Raw.connect(port);
    peer.send(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(4, 0, 0)}`);
    return peer;
  }

  send(bytes) { this.raw.send(Buffer.from(bytes, 'latin1')); }

  get frames() {
    const all = [];
    for (let at = 0; at + 9 <= this.raw.received.length;) {
      const size = this.raw.received.readUIntBE(at, 3);
      if (at + 9 + size > this.raw.received.length) break;
      all.push({ type: this.raw.received[at + 3], flags: this.raw.received[at + 4], stream: this.raw.received.readUInt32BE(at + 5), payload: this.raw.received.subarray(at + 9, at + 9 + size) });
      at += 9 + size;
    }
    return all;
  }

  async frame(what) {
    await this.raw.until(() => this.frames.some(what));
    return this.frames.find(what);
  }

  async goaway() { return (await this.frame((f) => f.type === 7)).payload.readUInt32BE(4); }
}

test('malformed requests reset their stream, and nothing of them is forwarded', async (t) => {
  const backend = await startBackend(t);
  const { clear: port } = await doors(t, { shards: one(backend) });
  const more = (...fields) => [...head1, ...fields];
  const cases = {
    'Transfer-Encoding': more(['transfer-encoding', 'chunked']),
    'Connection': more(['connection', 'x-forwarded-for']),
    'Upgrade': more(['upgrade', 'websocket']),
    'TE': more(['te', 'gzip']),
    'a name in upper case': more(['X-Up', 'a']),
    'a line in a value': more(['x', 'a\r\nTransfer-Encoding: chunked']),
    'a NUL in a value': more(['x', 'a\0b']),
    'a line in a name': more(['x: y\r\nz', 'a']),
    'a colon in a name': more(['x:', 'a']),
    'a Host that differs': more(['host', 'b']),
    'two Hosts': more(['host', 'a'], ['host', 'a']),
    'two lengths': more(['content-length', '0'], ['content-length', '5']),
    'a length where nothing follows': more(['content-length', '5']),
    'a late pseudo field': [...more(['x', 'y']), [':path', '/b']],
    'two paths': more([':path', '/b']),
    'an answer\'s field': more([':status', '200']),
    'no path': head1.slice(0, 3),
    'an empty path': [...head1.slice(0, 3), [':path', '']],
    'a space in the method': [[':method', 'GET / HTTP/1.1\r\nX: y'], ...head1.slice(1)],
  };
  for (const [what, fields] of Object.entries(cases)) {
    const peer = await Peer.connect(port);
    peer.send(headers(1, fields) + headers(3, head1));
    const reset = await peer.frame((f) => f.type === 3 && f.stream === 1);
    assert.equal(reset.payload.readUInt32BE(0), h2.NGHTTP2_PROTOCOL_ERROR, what);
    await peer.frame((f) => f.type === 1 && f.stream === 3);
    peer.raw.socket.destroy();
  }
  assert.equal(backend.seen.length, Object.keys(cases).length);
});

test('a body that is not as long as it says is refused', async (t) => {
  const got = [];
  const backend = await startBackend(t, (incoming, response) => {
    incoming.on('data', (data) => got.push(String(data)));
    incoming.on('end', () => response.end('ok'));
  });
  const { clear: port } = await doors(t, { shards: one(backend) });
  const post = [[':method', 'POST'], ...head1.slice(1), ['content-length', '5']];
  for (const bodies of [[['abc', 1]], [['abcdefGET / HTTP/1.1\r\n\r\n', 1]], [['abc', 0], ['abc', 1]]]) {
    const peer = await Peer.connect(port);
    peer.send(headers(1, post, false) + bodies.map(([bytes, last]) => frame(0, last, 1, bytes)).join(''));
    const reset = await peer.frame((f) => f.type === 3 && f.stream === 1);
    assert.equal(reset.payload.readUInt32BE(0), h2.NGHTTP2_PROTOCOL_ERROR);
    peer.raw.socket.destroy();
  }
  assert.equal(got.join('').includes('GET'), false);
});

test('floods end their own connection, by name, and nobody else notices', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    if (!incoming.url.includes('never')) response.end('ok');
  });
  const { gate, clear: port } = await doors(t, { shards: one(backend) });
  const good = clear(t, port);
  await get(good, '/static/a');
  const never = [...head1.slice(0, 3), [':path', '/static/never']];
  const long = block([['x', 'y'.repeat(4000)]]).repeat(4);
  const times = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join('');
  const floods = {
    reset: times(400, (i) => headers(2 * i + 1, never) + frame(3, 0, 2 * i + 1, number(8))),
    settings: times(40, () => frame(4, 0, 0)),
    ping: times(200, () => frame(6, 0, 0, '12345678')),
    priority: times(1000, () => frame(2, 0, 3, `${number(0)}x`)),
    window_update: times(1000, () => frame(8, 0, 0, number(1))),
    empty: headers(1, [[':method', 'POST'], ...head1.slice(1)], false) + times(100, () => frame(0, 0, 1)),
    continuation: frame(1, 1, 1, block(head1)) + times(20, () => frame(9, 0, 1)),
    header_list: frame(1, 1, 1, block(head1) + long) + times(5, () => frame(9, 0, 1, long)),
    error: times(90, (i) => headers(2 * i + 1, [...head1, ['te', 'x']])),
    other: times(100, () => frame(0xbe, 0, 0, '?')),
  };
  const before = gate.residentKiB();
  for (const [name, bytes] of Object.entries(floods)) {
    for (let i = 0; i < 5; ++i) {
      const peer = await Peer.connect(port);
      await peer.frame((f) => f.type === 4);
      peer.send(frame(4, 1, 0));
      peer.send(bytes);
      if (name === 'error') {
        await peer.frame((f) => f.type === 3 && f.stream === 179);
        peer.send(times(90, (n) => headers(2 * (n + 90) + 1, [...head1, ['te', 'x']])));
      }
      assert.equal(await peer.goaway(), h2.NGHTTP2_ENHANCE_YOUR_CALM, name);
      await peer.raw.untilEnd();
      peer.raw.socket.destroy();
    }
    await eventually(async () => await gate.metric(`roomgate_h2_floods_total{kind="${name}"}`) === 5);
    assert.equal((await get(good, '/static/a')).body, 'ok');
  }
  assert.ok(gate.residentKiB() - before < 8 * 1024, `grew by ${gate.residentKiB() - before} KiB`);
  await eventually(async () => await gate.metric('roomgate_connections') === 1);
});

test('settings set the bounds, and a reload changes them for new connections', async (t) => {
  const backend = await startBackend(t);
  const shards = one(backend);
  const limits = (pings) => `[limits.h2]\nstreams = 7\nstream_window = 20000\npings = "1/s burst ${pings}"\n`;
  const { gate, clear: port } = await doors(t, { shards, settings: limits(3) });
  const settings = await settled(clear(t, port));
  assert.equal(settings.maxConcurrentStreams, 7);
  assert.equal(settings.initialWindowSize, 20000);
  const pings = (count) => frame(6, 0, 0, '12345678').repeat(count);
  const strict = await Peer.connect(port);
  strict.send(pings(4));
  assert.equal(await strict.goaway(), h2.NGHTTP2_ENHANCE_YOUR_CALM);

  gate.write({ settings: limits(50) });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  const mild = await Peer.connect(port);
  mild.send(pings(20) + headers(1, head1));
  await mild.frame((f) => f.type === 1);
});

// --- clients that are not ours

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

test('curl speaks it', { skip: !has('curl') }, async (t) => {
  const backend = await startBackend(t, (incoming, response) => incoming.pipe(response));
  const { https, clear: port } = await doors(t, { shards: one(backend) });
  const curl = (...args) => execFileSync('curl', ['-sk', '--max-time', '20', '-w', '%{http_version} %{http_code}', ...args], { encoding: 'utf8' });
  const asynchronous = (...args) => new Promise((resolve) => { setImmediate(() => resolve(curl(...args))); });
  // The back-end lives in this process: what curl waits for must come from the gate itself.
  assert.equal(await asynchronous('--http2', `https://127.0.0.1:${https}/about/health`), 'ok\n2 200');
  assert.equal(await asynchronous('--http2-prior-knowledge', `http://127.0.0.1:${port}/about/health`), 'ok\n2 200');
});

test('h2load speaks it', { skip: !has('h2load') }, async (t) => {
  const { https } = await doors(t, { shards: [{ name: 'shard-0', port: 9 }] });
  const out = execFileSync('h2load', ['-n', '2000', '-c', '4', '-m', '32', `https://127.0.0.1:${https}/about/health`], { encoding: 'utf8' });
  assert.match(out, /2000 done, 2000 succeeded, 0 failed/);
  assert.match(out, /Application protocol: h2/);
});
