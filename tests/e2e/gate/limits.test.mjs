// Every limit: what the client is told, what is counted and logged, and that the address next door notices nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import { certificate, eventually, exchange, Raw, request, startBackend, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

const alice = '127.0.0.31';
const bob = '127.0.0.32';
const path = '/xmpp-websocket?room=r';

async function setUp(t, limits, { listeners, handler, settings = '' } = {}) {
  const backend = await startBackend(t, handler);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], listeners, settings: `[limits]\n${limits}\n${settings}` });
  const rejected = async (reason) => (await gate.metric(`roomgate_rejected_total{reason="${reason}"}`)) ?? 0;
  return { backend, gate, rejected };
}

// A shard that takes every WebSocket and ends it when its client has.
const startWebSockets = (t) => startRawBackend(t, (socket) => {
  socket.once('data', () => socket.write(upgradeAnswer));
  socket.on('end', () => socket.end());
});

function assertRefused(answer, words) {
  assert.equal(answer.status, 429);
  assert.match(answer.body, words);
  assert.equal(answer.body.split('\n').length, 2);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
}

// True: let in and still there after a request; false: closed without a byte.
async function letIn(port, from) {
  const raw = await Raw.connect(port, from);
  raw.send(`GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`);
  const answered = await raw.until('200 OK').then(() => true, () => false);
  if (!answered) assert.equal(raw.text, '');
  return { raw, answered };
}

test('connections of one address', async (t) => {
  const { gate, rejected } = await setUp(t, 'per_address.connections = 3');
  const held = [];
  for (let i = 0; i < 3; ++i) held.push(await letIn(gate.port, alice));
  assert.deepEqual(held.map((each) => each.answered), [true, true, true]);

  assert.equal((await letIn(gate.port, alice)).answered, false);
  assert.equal((await letIn(gate.port, alice)).answered, false);

  assert.equal((await letIn(gate.port, bob)).answered, true);
  assert.equal(await rejected('connections_limited'), 2);
  await gate.log.wait(new RegExp(`limit_met limit=limits\\.per_address\\.connections client=${alice}`));
  // One leaves, one comes in.
  held[0].raw.socket.destroy();
  await eventually(async () => {
    const next = await letIn(gate.port, alice);
    next.raw.socket.destroy();
    return next.answered;
  });
});

test('a tunnel keeps its connection counted', async (t) => {
  const shard = await startWebSockets(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }], settings: '[limits]\nper_address.connections = 1\n' });
  const tunnel = await Raw.connect(gate.port, alice);
  tunnel.send(upgradeRequest(path));
  await tunnel.until('\r\n\r\n');

  const second = await Raw.connect(gate.port, alice);
  second.send(upgradeRequest(path));
  assert.equal(await second.untilEnd(), '');

  tunnel.socket.destroy();
  await eventually(async () => {
    const third = await Raw.connect(gate.port, alice);
    third.send(upgradeRequest(path));
    const opened = await third.until('101 ').then(() => true, () => false);
    third.socket.destroy();
    return opened;
  });
});

test('connections in all', async (t) => {
  const { gate, rejected } = await setUp(t, 'connections = 2');
  await letIn(gate.port, alice);
  await letIn(gate.port, bob);

  assert.equal((await letIn(gate.port, bob)).answered, false);

  assert.equal(await rejected('connections'), 1);
  await gate.log.wait(/limit_met limit=limits\.connections client=127\.0\.0\.32/);
});

test('TLS handshakes of one address', async (t) => {
  const folder = temporaryFolder(t);
  const { gate, rejected } = await setUp(t, 'per_address.handshakes = "1/m burst 2"', { listeners: [`tls.certificates = ["${certificate(folder, '1', ['a.example'])}"]`] });
  const shake = (from) => new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port: gate.port, localAddress: from, servername: 'a.example', rejectUnauthorized: false });
    // The session ticket comes behind the gate's end of the handshake.
    socket.on('session', () => {
      resolve(true);
      socket.end();
    });
    socket.on('error', () => resolve(false));
  });

  assert.deepEqual([await shake(alice), await shake(alice), await shake(alice)], [true, true, false]);

  assert.equal(await shake(bob), true);
  assert.equal(await rejected('handshakes_limited'), 1);
  // Refused before any work on it.
  assert.equal(await gate.metric('roomgate_tls_handshakes_total{result="failed"}'), undefined);
  await gate.log.wait(/limit_met limit=limits\.per_address\.handshakes client=127\.0\.0\.31/);
});

test('requests of one address, over all its connections', async (t) => {
  const { backend, gate, rejected } = await setUp(t, 'per_address.requests = "1/m burst 3"');
  for (let i = 0; i < 3; ++i) assert.equal((await request(gate.port, path, { from: alice })).status, 200);

  assertRefused(await request(gate.port, path, { from: alice }), /limits\.per_address\.requests/);
  assertRefused(await request(gate.port, '/static/a', { from: alice }), /limits\.per_address\.requests/);

  assert.equal((await request(gate.port, path, { from: bob })).status, 200);
  assert.equal(await rejected('rate_limited'), 2);
  assert.equal(backend.seen.length, 4);
  await gate.log.wait(/limit_met limit=limits\.per_address\.requests client=127\.0\.0\.31/);
  assert.equal((await gate.access((each) => each.status === 429)).reason, 'rate_limited');
});

test('a refused request leaves the connection in order: its body is not the next request', async (t) => {
  const { backend, gate } = await setUp(t, 'per_address.requests = "1/m burst 1"');
  const raw = await Raw.connect(gate.port, alice);
  raw.send(`GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`);
  await raw.until('ok');
  raw.take();

  raw.send(`POST ${path} HTTP/1.1\r\nHost: g\r\nContent-Length: 500\r\n\r\nGET /static/smuggled HTTP/1.1\r\nHost: g\r\n\r\n`);

  const text = await raw.untilEnd();
  assert.match(text, /^HTTP\/1\.1 429 /);
  assert.equal(text.match(/HTTP\/1\.1/g).length, 1);
  assert.equal(backend.seen.length, 1);
});

test('new rooms of one address; rooms that are there stay open to it', async (t) => {
  const { gate, rejected } = await setUp(t, 'per_address.new_rooms = "1/m burst 2"');
  const into = async (room, from, target = '/xmpp-websocket?room=') => request(gate.port, target + room, { from });
  assert.equal((await into('a', alice)).status, 200);
  assert.equal((await into('b', alice, '/')).status, 200);

  assertRefused(await into('c', alice), /limits\.per_address\.new_rooms/);
  assertRefused(await into('d', alice, '/'), /limits\.per_address\.new_rooms/);

  assert.equal((await into('a', alice)).status, 200);
  assert.equal((await into('b', alice)).status, 200);
  assert.equal((await into('c', bob)).status, 200);
  assert.equal((await into('c', alice)).status, 200);
  assert.equal(await rejected('new_rooms_limited'), 2);
  assert.equal(await gate.metric('roomgate_rooms'), 3);
  await gate.log.wait(/limit_met limit=limits\.per_address\.new_rooms client=127\.0\.0\.31/);
});

test('tunnels of one room', async (t) => {
  const shard = await startWebSockets(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }], settings: '[limits]\ntunnels_per_room = 2\n' });
  const open = async (room, from) => {
    const raw = await Raw.connect(gate.port, from);
    raw.send(upgradeRequest(`/xmpp-websocket?room=${room}`));
    await raw.until('\r\n\r\n');
    return raw;
  };
  const first = await open('r', alice);
  await open('r', bob);

  const third = await open('r', bob);
  await third.until(/limits\.tunnels_per_room/);
  assert.match(third.text, /^HTTP\/1\.1 429 /);
  assert.match(third.text, /^Retry-After: \d+\r$/m);

  assert.match((await open('other', bob)).text, /^HTTP\/1\.1 101 /);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="tunnels_limited"}'), 1);
  await gate.log.wait(/limit_met limit=limits\.tunnels_per_room client=127\.0\.0\.32/);
  first.socket.destroy();
  await eventually(async () => {
    const next = await open('r', alice);
    next.socket.destroy();
    return next.text.startsWith('HTTP/1.1 101 ');
  });
});

const readsAll = (incoming, response) => incoming.resume().on('end', () => response.end('ok'));

test('the body of a request', async (t) => {
  const { backend, gate, rejected } = await setUp(t, 'body_bytes = 2000', { handler: readsAll });
  assert.equal((await request(gate.port, path, { method: 'POST', body: 'x'.repeat(2000), from: alice })).status, 200);

  const told = await exchange(gate.port, `POST ${path} HTTP/1.1\r\nHost: g\r\nContent-Length: 2001\r\n\r\n`);
  const chunked = await exchange(gate.port, `POST ${path} HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n${'x'.repeat(2001)}\r\n0\r\n\r\n`);

  for (const text of [told, chunked]) {
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.match(text, /limits\.body_bytes/);
  }
  assert.equal(await rejected('body_too_large'), 2);
  assert.equal(backend.seen.filter((each) => each.complete).length, 1);
});

test('the rate at which a body arrives', async (t) => {
  const { gate, rejected } = await setUp(t, 'body_rate = 1_000_000\nbody_rate_after = "100ms"', { handler: readsAll });
  const raw = await Raw.connect(gate.port, alice);
  raw.send(`POST ${path} HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n`);

  while (!raw.ended && raw.text === '') await new Promise((resolve) => raw.socket.write('x', () => setImmediate(resolve)));

  await raw.until(/limits\.body_rate/);
  assert.match(raw.text, /^HTTP\/1\.1 408 /);
  assert.equal(await rejected('body_timeout'), 1);
  raw.socket.destroy();
});

test('a front is not limited, the clients it names are', async (t) => {
  const { gate, rejected } = await setUp(t, 'per_address.requests = "1/m burst 2"\nper_address.connections = 2',
    { listeners: ['trust_forwarded_from = ["127.0.0.1"]', 'proxy_protocol_from = ["127.0.0.1"]'] });
  const named = (client) => request(gate.ports.http[0], path, { headers: { 'X-Forwarded-For': client } });

  for (const client of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1']) {
    assert.equal((await named(client)).status, 200);
    assert.equal((await named(client)).status, 200);
    assertRefused(await named(client), /limits\.per_address\.requests/);
  }
  // The same /64, and what a client may have written before the front's word.
  assert.equal((await named('2001:db8::2')).status, 429);
  assert.equal((await named('192.0.2.99, 192.0.2.1')).status, 429);
  for (let i = 0; i < 5; ++i) assert.equal((await request(gate.ports.http[0], path)).status, 200, 'the front for itself');

  // By the PROXY protocol a connection has one client; the third of its address is closed.
  const come = async (client) => {
    const raw = await Raw.connect(gate.ports.http[1]);
    raw.send(`PROXY TCP4 ${client} 192.0.2.200 1 2\r\nGET /about/health HTTP/1.1\r\nHost: g\r\n\r\n`);
    return raw.until('200 OK').then(() => true, () => false);
  };
  assert.deepEqual([await come('192.0.2.11'), await come('192.0.2.11'), await come('192.0.2.11')], [true, true, false]);
  assert.equal(await come('192.0.2.12'), true);
  assert.equal(await rejected('connections_limited'), 1);
  await gate.log.wait(/limit_met limit=limits\.per_address\.connections client=192\.0\.2\.11/);
});

test('tunnels through a front count as connections of their client', async (t) => {
  const shard = await startWebSockets(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }], listeners: ['trust_forwarded_from = ["127.0.0.1"]'],
    settings: '[limits]\nper_address.connections = 2\n' });
  const open = async (client) => {
    const raw = await Raw.connect(gate.port);
    raw.send(upgradeRequest(path, `X-Forwarded-For: ${client}\r\n`));
    return (await raw.until('\r\n\r\n')).slice(9, 12);
  };

  assert.deepEqual([await open('192.0.2.1'), await open('192.0.2.1'), await open('192.0.2.1'), await open('192.0.2.2')], ['101', '101', '429', '101']);
  assert.equal(await gate.metric('roomgate_rejected_total{reason="connections_limited"}'), 1);
});

test('limits change with a reload, for those who are inside too', async (t) => {
  const { gate } = await setUp(t, 'per_address.requests = "1/m burst 1"');
  const raw = await Raw.connect(gate.port, alice);
  const ask = async () => {
    raw.take();
    raw.send(`GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`);
    return (await raw.until(/\r\n\r\n[^\n]{2,}/)).slice(9, 12);
  };
  assert.equal(await ask(), '200');
  assert.equal(await ask(), '429');

  gate.write({ settings: '[limits]\nper_address.requests = "off"\n' });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);

  for (let i = 0; i < 5; ++i) assert.equal(await ask(), '200');
});

test('a flood of refusals fills no log', async (t) => {
  const { gate, rejected } = await setUp(t, 'per_address.requests = "1/m burst 1"');
  const raw = await Raw.connect(gate.port, alice);
  const count = 2000;
  raw.send(`GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`.repeat(count));
  await raw.until((text) => (text.match(/HTTP\/1\.1 429 /g) ?? []).length === count - 1);

  assert.equal(await rejected('rate_limited'), count - 1);
  assert.ok(gate.log.all.filter((line) => line.includes('limit_met')).length <= 100);
});
