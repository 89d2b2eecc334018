// Everything at once, at random: clients that pipeline, break off, half-close and reset, over plain connections, TLS and
// HTTP/2, shards that break and restart, reloads in between. What is looked for is not answers but a gate that dies,
// hangs, or keeps something. CHURN_SECONDS: how long (6); SEED: the same choices again, as far as timing lets them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { reset } from '../../support/reset.mjs';
import { certificate, Raw, request, startGate, temporaryFolder, upgradeRequest } from './support.mjs';

const duration = Number(process.env.CHURN_SECONDS ?? 6) * 1000;
const clients = Number(process.env.CHURN_CLIENTS ?? 32);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000);

// mulberry32: one sequence for each client, so that they do not depend on each other's timing.
function chance(from) {
  let state = from >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, maybe: (share) => next() < share, pick: (list) => list[below(list.length)], bytes: (most) => Buffer.alloc(1 + below(most), 97 + below(26)) };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const quietly = (emitter) => emitter.on('error', () => {});
// One that is paused never learns of the other's end.
const finish = (socket) => {
  socket.end();
  setTimeout(() => socket.destroy(), 300).unref();
};
const breakOff = (r, socket) => r.pick([reset, (each) => each.destroy(), finish])(socket);

// --- shards that are good for any surprise

const kindsOfAnswer = ['length', 'chunked', 'empty', 'early', 'early close', 'break', 'half', 'close', 'interim', 'nonsense', 'slow', 'silent', 'large'];

function answer(r, incoming, response) {
  quietly(incoming);
  quietly(response);
  const socket = incoming.socket;
  const kind = r.maybe(0.5) ? 'length' : r.pick(kindsOfAnswer);
  const whenRead = (then) => incoming.on('end', then).resume();
  switch (kind) {
    case 'length': return whenRead(() => response.end(r.bytes(3000)));
    case 'chunked': return whenRead(() => {
      for (let i = r.below(5); i > 0; --i) response.write(r.bytes(2000));
      response.end();
    });
    case 'large': return whenRead(() => response.end(r.bytes(600_000)));
    case 'empty': return whenRead(() => response.writeHead(r.pick([204, 304])).end());
    case 'early': return response.writeHead(413).end('early');
    case 'early close': return response.writeHead(413, { connection: 'close' }).end('early', () => socket.destroy());
    case 'break': return breakOff(r, socket);
    case 'half':
      response.writeHead(200, { 'content-length': 5000 });
      response.write('half');
      return setTimeout(() => breakOff(r, socket), r.below(30));
    case 'close': return whenRead(() => response.writeHead(200, { connection: 'close' }).end('bye'));
    case 'interim':
      response.writeEarlyHints?.({ link: '</a>; rel=preload' });
      return whenRead(() => response.end('after a hint'));
    case 'nonsense': return socket.end('this is not HTTP\r\n\r\n');
    case 'slow': return whenRead(() => setTimeout(() => response.end('late'), r.below(300)));
    default: return undefined;  // silent: the gate's timeout
  }
}

function tunnel(r, incoming, socket) {
  quietly(socket);
  const accept = createHash('sha1').update(`${incoming.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  if (r.maybe(0.1)) return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  if (r.maybe(0.05)) return breakOff(r, socket);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const mode = r.pick(['echo', 'echo', 'talk', 'end', 'break', 'deaf']);
  if (mode === 'echo') socket.on('data', (data) => socket.write(data));
  if (mode === 'talk') {
    socket.resume();
    for (let i = r.below(10); i > 0; --i) socket.write(r.bytes(100_000));
  }
  if (mode === 'end') socket.resume().end('the shard is done');
  if (mode === 'break') setTimeout(() => breakOff(r, socket), r.below(100));
  if (mode === 'deaf') setTimeout(() => socket.resume(), r.below(300));
  return socket.on('end', () => socket.end());
}

function startShard(t, r) {
  const shard = { sockets: new Set(), port: 0 };
  shard.open = () => new Promise((resolve, reject) => {
    shard.server = http.createServer({ keepAliveTimeout: 500 }, (incoming, response) => answer(r, incoming, response));
    shard.server.on('upgrade', (incoming, socket) => tunnel(r, incoming, socket));
    shard.server.on('clientError', (error, socket) => socket.destroy());
    shard.server.on('connection', (socket) => {
      quietly(socket);
      shard.sockets.add(socket);
      socket.on('close', () => shard.sockets.delete(socket));
    });
    shard.server.once('error', reject);
    shard.server.listen(shard.port, '127.0.0.1', () => {
      shard.port = shard.server.address().port;
      resolve();
    });
  });
  shard.close = () => new Promise((resolve) => {
    shard.server.close(resolve);
    for (const socket of shard.sockets) socket.destroy();
  });
  t.after(() => shard.close());
  return shard;
}

// --- clients

const room = (r) => `room${r.below(40)}`;
const path = (r) => r.pick([() => '/static/a', () => `/http-bind?room=${room(r)}`, () => `/${room(r)}`, () => '/about/health', () => '/%zz', () => `/${'x'.repeat(r.below(9000))}`])();

async function dial(r, ports) {
  const secure = r.maybe(0.4);
  const socket = secure
    ? tls.connect({ host: '127.0.0.1', port: ports.https[0], rejectUnauthorized: false, servername: 'meet.example' })
    : net.connect({ host: '127.0.0.1', port: ports.http[0], allowHalfOpen: true });
  quietly(socket);
  const raw = new Raw(socket);
  if (secure && r.maybe(0.1)) setTimeout(() => breakOff(r, socket), r.below(10));
  await new Promise((resolve) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve);
    socket.once('close', resolve);
  });
  return raw;
}
const over = async (raw) => {
  const late = pause(400);
  await Promise.race([raw.untilEnd(), late]);
};
const head = (r, more = '') => `${r.pick(['GET', 'GET', 'HEAD', 'OPTIONS'])} ${path(r)} HTTP/1.1\r\nHost: meet.example\r\n${more}\r\n`;
const post = (r, body) => `POST /http-bind?room=${room(r)} HTTP/1.1\r\nHost: meet.example\r\nContent-Length: ${body.length}\r\n${r.maybe(0.2) ? 'Expect: 100-continue\r\n' : ''}\r\n`;

const plays = {
  async 'requests on one connection'(r, ports) {
    const raw = await dial(r, ports);
    for (let i = 1 + r.below(5); i > 0 && !raw.ended; --i) {
      raw.take();
      raw.send(head(r));
      await Promise.race([raw.until('\r\n\r\n').catch(() => {}), pause(1500)]);
    }
    breakOff(r, raw.socket);
  },
  async 'requests at once'(r, ports) {
    const raw = await dial(r, ports);
    let all = '';
    for (let i = 1 + r.below(8); i > 0; --i) all += r.maybe(0.8) ? head(r) : `${post(r, 'body')}body`;
    const cut = r.maybe(0.3) ? r.below(all.length) : all.length;
    raw.send(all.slice(0, cut));
    if (r.maybe(0.5)) await over(raw);
    breakOff(r, raw.socket);
  },
  async 'a request byte by byte'(r, ports) {
    const raw = await dial(r, ports);
    for (const byte of head(r).slice(0, 10 + r.below(60))) {
      raw.send(byte);
      if (r.maybe(0.1)) await pause(0);
    }
    breakOff(r, raw.socket);
  },
  async 'a body'(r, ports) {
    const raw = await dial(r, ports);
    const body = r.bytes(r.pick([100, 20_000, 400_000]));
    raw.send(post(r, body));
    for (let at = 0; at < body.length && !raw.ended;) {
      const size = 1 + r.below(70_000);
      raw.socket.write(body.subarray(at, at + size));
      at += size;
      if (r.maybe(0.1)) return breakOff(r, raw.socket);
      if (r.maybe(0.3)) await pause(r.below(5));
    }
    if (r.maybe(0.5)) raw.send(head(r));
    await over(raw);
    return breakOff(r, raw.socket);
  },
  async 'a body in chunks'(r, ports) {
    const raw = await dial(r, ports);
    raw.send(`POST /http-bind?room=${room(r)} HTTP/1.1\r\nHost: meet.example\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let i = r.below(20); i > 0 && !raw.ended; --i) {
      const data = r.bytes(5000);
      raw.send(`${(data.length).toString(16)}\r\n${data}${r.maybe(0.02) ? 'oops' : '\r\n'}`);
      if (r.maybe(0.3)) await pause(r.below(5));
    }
    if (r.maybe(0.8)) raw.send('0\r\n\r\n');
    if (r.maybe(0.8)) await over(raw);
    breakOff(r, raw.socket);
  },
  async 'an answer nobody reads'(r, ports) {
    const raw = await dial(r, ports);
    raw.socket.pause();
    for (let i = 0; i < 5; ++i) raw.send(head(r));
    await pause(r.below(100));
    if (r.maybe(0.5)) raw.socket.resume();
    breakOff(r, raw.socket);
  },
  async 'a tunnel'(r, ports) {
    const raw = await dial(r, ports);
    raw.send(`${upgradeRequest(`/xmpp-websocket?room=${room(r)}`)}${r.maybe(0.3) ? 'ahead' : ''}`);
    if (r.maybe(0.9)) await Promise.race([raw.until('\r\n\r\n').catch(() => {}), pause(1500)]);
    for (let i = r.below(10); i > 0 && !raw.ended; --i) {
      raw.socket.write(r.bytes(60_000));
      if (r.maybe(0.5)) await pause(r.below(10));
    }
    if (r.maybe(0.4)) {
      raw.socket.end();
      await over(raw);
    }
    breakOff(r, raw.socket);
  },
  async 'noise'(r, ports) {
    const raw = new Raw(quietly(net.connect({ host: '127.0.0.1', port: r.pick([...ports.http, ...ports.https]) })));
    const noise = Buffer.from(Array.from({ length: r.below(400) }, () => r.below(256)));
    raw.socket.write(r.maybe(0.3) ? Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), noise]) : noise);
    await pause(r.below(30));
    breakOff(r, raw.socket);
  },
  async 'HTTP/2'(r, ports) {
    const secure = r.maybe(0.5);
    const client = http2.connect(`${secure ? 'https' : 'http'}://127.0.0.1:${secure ? ports.https[0] : ports.http[0]}`,
      { rejectUnauthorized: false, servername: 'meet.example', settings: { initialWindowSize: r.pick([0, 100, 65535, 1_000_000]) } });
    quietly(client);
    const gone = new Promise((resolve) => client.once('close', resolve));
    await Promise.race([new Promise((resolve) => client.once('remoteSettings', resolve)), gone, pause(3000)]);
    const streams = [];
    for (let i = 1 + r.below(12); i > 0 && !client.destroyed && !client.closed; --i) {
      const kind = r.pick(['get', 'get', 'post', 'tunnel']);
      const headers = { ':authority': 'meet.example', ':path': path(r) };
      if (kind === 'post') Object.assign(headers, { ':method': 'POST', ':path': `/http-bind?room=${room(r)}` });
      if (kind === 'tunnel') {
        if (!client.remoteSettings?.enableConnectProtocol) continue;
        Object.assign(headers, { ':method': 'CONNECT', ':protocol': 'websocket', ':path': `/xmpp-websocket?room=${room(r)}`, 'sec-websocket-version': '13' });
      }
      const stream = quietly(client.request(headers, { endStream: kind === 'get' }));
      if (r.maybe(0.8)) stream.resume();
      if (kind !== 'get') {
        for (let n = r.below(6); n > 0; --n) stream.write(r.bytes(50_000));
        if (r.maybe(0.7)) stream.end();
      }
      if (r.maybe(0.3)) setTimeout(() => stream.destroyed || stream.close(r.pick([0, 2, 8])), r.below(50));
      if (r.maybe(0.3)) await pause(r.below(10));
      streams.push(new Promise((resolve) => stream.once('close', resolve)));
    }
    await Promise.race([Promise.all(streams), gone, pause(r.below(500))]);
    if (r.maybe(0.3)) client.close();
    await pause(r.below(20));
    client.destroy();
  },
};

// --- who runs all this

async function operate(r, gate, shards, settings, until) {
  const done = { reloads: 0, restarts: 0 };
  const admin = new http.Agent({ keepAlive: true });
  while (Date.now() < until) {
    await pause(20 + r.below(100));
    const what = r.pick(['reload', 'reload', 'restart', 'look', 'state']);
    if (what === 'reload') {
      gate.write({ settings: settings(r), shards: shards.slice(0, r.maybe(0.2) ? 2 : 3).map((shard, i) => ({ name: `shard-${i}`, port: shard.port, lines: r.maybe(0.5) ? `max_connections = ${1 + r.below(20)}` : '' })) });
      gate.signal('SIGHUP');
      ++done.reloads;
    } else if (what === 'restart') {
      const shard = r.pick(shards);
      await shard.close();
      await pause(r.below(200));
      await shard.open();
      ++done.restarts;
    } else if (what === 'look') {
      await request(gate.admin, r.pick(['/metrics', '/api/v1/rooms', '/api/v1/shards', '/stats', '/api/v1/status']), { agent: admin });
    } else {
      await new Promise((resolve) => {
        const change = http.request({ socketPath: gate.socket, method: 'POST', path: `/api/v1/shards/shard-${r.below(3)}/state` }, (response) => response.resume().on('end', resolve));
        change.on('error', resolve);
        change.end(JSON.stringify({ state: r.pick(['ready', 'ready', 'drain', 'maint']) }));
      });
    }
  }
  admin.destroy();
  return done;
}

// A gate with three shards and an operator who leaves nothing alone; play(until) makes clients run.
async function start(t) {
  console.log(`# SEED=${seed} CHURN_SECONDS=${duration / 1000}`);
  const r = chance(seed);
  const shards = [1, 2, 3].map((i) => startShard(t, chance(seed + i)));
  for (const shard of shards) await shard.open();
  const pem = certificate(temporaryFolder(t), 'door', ['meet.example']);
  const settings = (random) => `[timeouts]\nserver = "1s"\nqueue = "${random.pick(['200ms', '500ms'])}"\nclient = "2s"\nclient_fin = "500ms"\nserver_fin = "500ms"\n` +
    `[balance]\npolicy = "${random.pick(['roundrobin', 'leastrooms'])}"\n[health]\nenabled = ${random.maybe(0.5)}\npath = ""\ninterval = "200ms"\ninterval_fast = "50ms"\n` +
    '[limits]\nper_address.new_rooms = "off"\nper_address.requests = "off"\nper_address.handshakes = "off"\n[shutdown]\ndelay = "0s"\ngrace = "200ms"\n';
  const all = shards.map((shard, i) => ({ name: `shard-${i}`, port: shard.port }));
  const gate = await startGate(t, { shards: all, settings: settings(r), listeners: [`tls.certificates = ["${pem}"]`, 'http2_cleartext = true'] });
  const counts = Object.fromEntries(Object.keys(plays).map((name) => [name, 0]));
  const client = async (random, until) => {
    while (Date.now() < until && gate.child.exitCode === null) {
      const name = random.pick(Object.keys(plays));
      const hangs = setTimeout(() => console.error(`# "${name}" does not end`), 20_000);
      await plays[name](random, gate.ports);
      clearTimeout(hangs);
      ++counts[name];
    }
  };
  const play = (until) => Promise.all(Array.from({ length: clients }, (_, i) => client(chance(seed + 100 + i), until)));
  return { r, shards, all, settings, gate, counts, play };
}
const stoppedEmpty = /connections_left=0 buffers_left=0/;

test('random clients, breaking shards, reloads: nothing breaks, hangs, or is kept', async (t) => {
  const { r, shards, all, settings, gate, counts, play } = await start(t);
  const until = Date.now() + duration;

  const [done] = await Promise.all([operate(chance(seed + 10), gate, shards, settings, until), play(until)]);

  t.diagnostic(`${Object.values(counts).reduce((a, b) => a + b)} plays, ${done.reloads} reloads, ${done.restarts} restarts: ${JSON.stringify(counts)}`);
  assert.equal(gate.child.exitCode ?? gate.child.signalCode, null, 'the gate runs still');
  // Well-behaved clients are served as ever.
  gate.write({ settings: settings(r), shards: all });
  assert.equal((await request(gate.ports.http[0], '/about/health')).status, 200);
  const kept = async () => (await request(gate.admin, '/metrics')).body.split('\n').filter((line) => /^roomgate_(connections|tunnels|queue_length|shard_slots_used)[ {]/.test(line) && !/ 0$/.test(line));
  const patience = Date.now() + 10_000;
  while ((await kept()).length > 0 && Date.now() < patience) await pause(20);
  assert.deepEqual(await kept(), [], 'connections, tunnels and places that nobody has any more');
  gate.signal('SIGTERM');
  assert.equal(await gate.ended, 0);
  assert.match(await gate.log.wait(/ stopped /), stoppedEmpty);
});

for (const [name, signals] of Object.entries({ 'asked to go': ['SIGTERM'], 'asked twice': ['SIGTERM', 'SIGTERM'], 'told to go at once': ['SIGINT'] })) {
  test(`in the middle of it, ${name}: it goes, and leaves nothing`, async (t) => {
    const { gate, play } = await start(t);
    const admin = new http.Agent({ keepAlive: true });
    await request(gate.admin, '/api/v1/status', { agent: admin });
    const playing = play(Date.now() + 1500);
    await pause(1000);

    for (const signal of signals) {
      gate.signal(signal);
      await pause(50);
    }

    assert.equal(await gate.ended, 0);
    assert.match(await gate.log.wait(/ stopped /), stoppedEmpty);
    await playing;
    admin.destroy();
  });
}
