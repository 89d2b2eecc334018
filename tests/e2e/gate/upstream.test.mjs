// Connections to shards: which are used again, what is repeated and what never, max_connections and the line for
// it, and what each timeout answers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { certificate, eventually, exchange, Raw, request, startBackend, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

const one = (backend, lines = '') => [{ name: 'shard-0', port: backend.port, lines }];
// Lower bounds only: what must be over by then is over on a slow machine too.
const longerThan = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
function keepAlive(t) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return agent;
}

// A back-end whose answers wait for release(); `order` has the targets in which they came.
async function startPatient(t) {
  const waiting = [];
  const order = [];
  let most = 0;
  const backend = await startBackend(t, (incoming, response) => {
    order.push(incoming.url);
    waiting.push(response);
    most = Math.max(most, waiting.length);
  });
  const release = () => waiting.shift().end('ok');
  return { ...backend, order, waiting, release, get most() { return most; }, port: backend.port };
}
const queued = (gate) => gate.metric('roomgate_queue_length{shard="shard-0"}');

test('any connection whose exchange was complete is used again', async (t) => {
  const answers = {
    '/static/length': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    '/static/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    '/static/none': 'HTTP/1.1 204 No Content\r\n\r\n',
    '/static/unchanged': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
    '/static/wrong': 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n',
    '/static/large': `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
  };
  let connections = 0;
  const backend = await startRawBackend(t, (socket) => {
    ++connections;
    socket.on('data', (data) => {
      const head = /^(\w+) (\S+) /.exec(data.toString());
      if (head) socket.write(head[1] === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : answers[head[2]]);
    });
  });
  const gate = await startGate(t, { shards: one(backend) });
  const agent = keepAlive(t);

  for (const target of Object.keys(answers)) await request(gate.port, target, { agent });
  await request(gate.port, '/static/length', { agent, method: 'HEAD' });
  await request(gate.port, '/static/length', { agent, method: 'POST', body: 'with a body' });
  await request(gate.port, '/static/length', { agent });

  assert.equal(connections, 1);
});

for (const method of ['GET', 'HEAD', 'OPTIONS']) {
  test(`${method} that meets a connection the shard has closed is repeated, once`, async (t) => {
    let connections = 0;
    let requests = 0;
    let forgiving = true;
    const backend = await startRawBackend(t, (socket) => {
      ++connections;
      let first = true;
      socket.on('data', () => {
        ++requests;
        if (first && forgiving) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${method === 'HEAD' ? 0 : 2}\r\n\r\n${method === 'HEAD' ? '' : 'ok'}`);
        else socket.destroy();
        first = false;
      });
    });
    const gate = await startGate(t, { shards: one(backend) });
    const agent = keepAlive(t);
    assert.equal((await request(gate.port, '/static/a', { agent, method })).status, 200);

    assert.equal((await request(gate.port, '/static/a', { agent, method })).status, 200);
    assert.equal(connections, 2);
    assert.equal(requests, 3);
    const line = await gate.access((each) => each.retries === 1);
    assert.equal(line.status, 200);

    forgiving = false;
    assert.equal((await request(gate.port, '/static/a', { agent, method })).status, 502);
    assert.equal(requests, 5, 'the old connection, a new one, and no third');
  });
}

test('a request with a body is never repeated, and does not go on a connection that was idle for a second', async (t) => {
  const posts = [];
  let connections = 0;
  const backend = await startRawBackend(t, (socket) => {
    const mine = ++connections;
    socket.on('data', (data) => {
      if (data.toString().startsWith('POST')) posts.push(mine);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const gate = await startGate(t, { shards: one(backend) });
  const agent = keepAlive(t);
  await request(gate.port, '/static/a', { agent });

  await longerThan(1100);
  assert.equal((await request(gate.port, '/http-bind?room=r', { agent, method: 'POST', body: 'x' })).status, 200);

  assert.deepEqual(posts, [2], 'a connection of its own');
  assert.equal((await request(gate.port, '/static/a', { agent })).status, 200);
  assert.equal(connections, 2);
});

test('max_connections: further requests wait in line, first come first served; beyond the line 503', async (t) => {
  const backend = await startPatient(t);
  const gate = await startGate(t, { shards: one(backend, 'max_connections = 1'), settings: '[limits]\nqueue_per_shard = 2\n' });
  const answers = [request(gate.port, '/static/1')];
  await eventually(() => backend.waiting.length === 1);
  for (const n of [2, 3]) {
    answers.push(request(gate.port, `/static/${n}`));
    await eventually(async () => (await queued(gate)) === n - 1);
    await longerThan(30);
  }
  assert.equal(await gate.metric('roomgate_shard_slots_used{shard="shard-0"}'), 1);

  const refused = await request(gate.port, '/static/4');

  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.match(refused.body, /limits\.queue_per_shard/);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="queue_full"}'), 1);
  assert.equal((await gate.access((line) => line.status === 503)).reason, 'queue_full');
  await gate.log.wait(/queue_full shard=shard-0 max_connections=1/);

  for (let n = 1; n <= 3; ++n) {
    await eventually(() => backend.order.length === n);
    assert.equal(backend.waiting.length, 1);
    backend.release();
  }
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  assert.deepEqual(backend.order, ['/static/1', '/static/2', '/static/3']);
  const waited = await gate.access((line) => line.path === '/static/3');
  assert.ok(waited.wait_ms > 0);
  assert.equal(await queued(gate), 0);
  assert.equal(await gate.metric('roomgate_shard_slots_used{shard="shard-0"}'), 0);
});

test('who waits too long gets 503 in time; a client that leaves leaves its place', async (t) => {
  const backend = await startPatient(t);
  const gate = await startGate(t, { shards: one(backend, 'max_connections = 1'), settings: '[timeouts]\nqueue = "2s"\n' });
  const first = request(gate.port, '/static/first');
  await eventually(() => backend.waiting.length === 1);

  const leaving = await Raw.connect(gate.port);
  leaving.send('GET /static/leaving HTTP/1.1\r\nHost: g\r\n\r\n');
  await eventually(async () => (await queued(gate)) === 1);
  leaving.socket.destroy();
  await eventually(async () => (await queued(gate)) === 0);
  assert.equal((await gate.access((line) => line.path === '/static/leaving')).status, 499);

  const late = await request(gate.port, '/static/late');
  assert.equal(late.status, 503);
  assert.ok(late.headers['retry-after']);
  assert.match(late.body, /timeouts\.queue/);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="queue_timeout"}'), 1);

  backend.release();
  assert.equal((await first).status, 200);
  assert.deepEqual(backend.order, ['/static/first']);
});

test('a tunnel holds its place until it ends', async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    socket.once('data', () => socket.write(upgradeAnswer));
    socket.on('end', () => socket.end());
  });
  const gate = await startGate(t, { shards: one(backend, 'max_connections = 1'), settings: '[timeouts]\nqueue = "20s"\n' });
  const first = await Raw.connect(gate.port);
  first.send(upgradeRequest('/xmpp-websocket?room=r'));
  await first.until('101');
  const second = await Raw.connect(gate.port);
  second.send(upgradeRequest('/xmpp-websocket?room=r'));
  await eventually(async () => (await queued(gate)) === 1);

  first.socket.destroy();

  await second.until('101');
  assert.equal(await gate.metric('roomgate_shard_slots_used{shard="shard-0"}'), 1);
  second.socket.destroy();
  await eventually(async () => (await gate.metric('roomgate_shard_slots_used{shard="shard-0"}')) === 0);
});

test('a crowd over both cores: never more at the shard than max_connections, and everybody is served', async (t) => {
  let inside = 0;
  let most = 0;
  const backend = await startBackend(t, (incoming, response) => {
    most = Math.max(most, ++inside);
    setImmediate(() => {
      --inside;
      response.end('ok');
    });
  });
  const gate = await startGate(t, { shards: one(backend, 'max_connections = 3'), settings: '[timeouts]\nqueue = "60s"\n' });

  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => request(gate.port, `/static/${n}`)));

  assert.ok(answers.every((answer) => answer.status === 200));
  assert.ok(most <= 3, `${most} at once`);
  assert.equal(await gate.metric('roomgate_shard_slots_used{shard="shard-0"}'), 0);
  // Idle ones count too: whoever opened another closed one of them, on whichever core.
  await eventually(() => backend.sockets.size <= 3);
});

test('a limit that a reload raises lets in who waits', async (t) => {
  const backend = await startPatient(t);
  const gate = await startGate(t, { shards: one(backend, 'max_connections = 1'), settings: '[timeouts]\nqueue = "60s"\n' });
  const answers = [1, 2, 3].map((n) => request(gate.port, `/static/${n}`));
  await eventually(async () => (await queued(gate)) === 2);

  gate.write({ shards: one(backend, 'max_connections = 0') });
  gate.signal('SIGHUP');

  await eventually(() => backend.waiting.length === 3);
  while (backend.waiting.length > 0) backend.release();
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});

test('a shard without limits is not counted and nobody waits', async (t) => {
  const backend = await startPatient(t);
  const gate = await startGate(t, { shards: one(backend) });

  const answers = Array.from({ length: 20 }, (_, n) => request(gate.port, `/static/${n}`));
  await eventually(() => backend.waiting.length === 20);
  while (backend.waiting.length > 0) backend.release();

  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  assert.equal(await queued(gate), undefined);
});

// A server that never accepts, its kernel queue full: connecting to it takes for ever.
async function startDeaf(t) {
  const child = spawn(process.execPath, ['-e',
    'const s = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))'],
  { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const port = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(Number(data.toString()))));
  child.kill('SIGSTOP');
  // Two fit; of the further ones none is answered.
  const fill = Array.from({ length: 6 }, () => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    return new Promise((resolve) => { socket.once('connect', resolve); });
  });
  await Promise.all(fill.slice(0, 2));
  return { port };
}

test('a connect that takes too long: 503 connect_timeout, and a room in use stays', async (t) => {
  const deaf = await startDeaf(t);
  const gate = await startGate(t, { shards: one(deaf), settings: '[timeouts]\nconnect = "200ms"\n' });

  const answer = await request(gate.port, '/xmpp-websocket?room=r');

  assert.equal(answer.status, 503);
  assert.ok(answer.headers['retry-after']);
  assert.equal((await gate.access((line) => line.status === 503)).reason, 'connect_timeout');
  assert.equal(JSON.parse((await request(gate.admin, '/api/v1/rooms/r')).body).shard, 'shard-0');
});

test('timeouts of the client: half a head 408, half a body 408, no further request: closed', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    incoming.on('error', () => {});
    incoming.resume();
    incoming.on('end', () => response.end('ok'));
  });
  const gate = await startGate(t, { shards: one(backend), settings: '[timeouts]\nrequest = "300ms"\nclient = "300ms"\nkeep_alive = "300ms"\n' });

  const head = await exchange(gate.port, 'GET /static/a HTTP/1.1\r\nHo');
  const body = await exchange(gate.port, 'POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nhalf');
  const idle = await exchange(gate.port, 'GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
  const silent = await exchange(gate.port, '');

  assert.match(head, /^HTTP\/1\.1 408 /);
  assert.match(body, /^HTTP\/1\.1 408 /);
  assert.match(idle, /^HTTP\/1\.1 200 [\s\S]*ok/);
  assert.doesNotMatch(idle, / 408 /);
  assert.equal(silent, '');
  assert.equal(await gate.metric('roomgate_rejected_total{reason="head_timeout"}'), 1);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="body_timeout"}'), 1);
});

test('timeouts of the shard: silent before its answer 504, in the middle of it a reset', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => {
    if (data.toString().includes('/static/half')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  }));
  const gate = await startGate(t, { shards: one(backend), settings: '[timeouts]\nserver = "300ms"\n' });

  assert.equal((await request(gate.port, '/static/silent')).status, 504);
  await assert.rejects(request(gate.port, '/static/half'));

  assert.equal((await gate.access((line) => line.path === '/static/half')).reason, 'upstream_silent');
});

test('timeouts of a tunnel: silence on both sides, and on one after the other has ended', async (t) => {
  const sockets = [];
  const backend = await startRawBackend(t, (socket) => {
    sockets.push(socket);
    socket.once('data', () => socket.write(upgradeAnswer));
  });
  const open = async (gate) => {
    const raw = await Raw.connect(gate.port);
    raw.send(upgradeRequest('/xmpp-websocket?room=r'));
    await raw.until('101');
    return raw;
  };
  const long = 'server_fin = "1h"\nclient_fin = "1h"\n';
  const quiet = await startGate(t, { shards: one(backend), settings: `[timeouts]\ntunnel = "300ms"\n${long}` });
  await (await open(quiet)).untilEnd();
  assert.equal((await quiet.access((line) => line.tunnel)).reason, 'idle');

  const half = await startGate(t, { shards: one(backend), settings: '[timeouts]\nserver_fin = "300ms"\nclient_fin = "1h"\n' });
  const ended = await open(half);
  ended.socket.end();
  await ended.untilEnd();
  assert.equal((await half.access((line) => line.tunnel)).reason, 'idle');

  const other = await startGate(t, { shards: one(backend), settings: '[timeouts]\nclient_fin = "300ms"\nserver_fin = "1h"\n' });
  const staying = await open(other);
  sockets.at(-1).end();
  assert.equal((await other.access((line) => line.tunnel)).reason, 'idle');
  staying.socket.destroy();
});

test('a TLS handshake that does not come to an end is cut off', async (t) => {
  const folder = temporaryFolder(t);
  const pem = certificate(folder, 'a', ['localhost']);
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend), listeners: [`tls.certificates = ["${pem}"]`], settings: '[timeouts]\nhandshake = "300ms"\n' });

  const raw = await Raw.connect(gate.port);
  await raw.untilEnd();

  assert.equal(raw.text, '');
  assert.equal(await gate.metric('roomgate_tls_handshakes_total{result="failed"}'), 1);
  const socket = tls.connect({ port: gate.port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve) => { socket.once('secureConnect', resolve); });
  socket.destroy();
});

test('an idle connection to a shard is closed after timeouts.pool, and beyond limits.pool_per_shard', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend), settings: '[timeouts]\npool = "300ms"\n' });

  await request(gate.port, '/static/a');
  await eventually(() => backend.sockets.size === 0);

  const none = await startGate(t, { shards: one(backend), settings: '[limits]\npool_per_shard = 0\n' });
  const agent = keepAlive(t);
  const before = backend.connections;
  await request(none.port, '/static/a', { agent });
  await request(none.port, '/static/a', { agent });
  assert.equal(backend.connections - before, 2);
});
