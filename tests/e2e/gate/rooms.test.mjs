// Where a room goes, that it stays there, and what happens when its shard does not answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli, eventually, exchange, Raw, request, startBackend, startGate, upgradeAnswer, upgradeRequest, startRawBackend } from './support.mjs';

const named = (name) => (incoming, response) => response.end(name);
async function threeShards(t) {
  const backends = [];
  for (let i = 0; i < 3; ++i) backends.push(await startBackend(t, named(`shard-${i}`)));
  return { backends, shards: backends.map((backend, i) => ({ name: `shard-${i}`, port: backend.port })) };
}
const ask = async (gate, target) => (await request(gate.port, target)).body;

test('fifty simultaneous first requests for one room meet on one shard', async (t) => {
  const { shards } = await threeShards(t);
  const gate = await startGate(t, { shards });

  for (let round = 0; round < 5; ++round) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(gate, `/xmpp-websocket?room=meeting-${round}`)));
    assert.equal(new Set(answers).size, 1);
  }
  assert.equal(await gate.metric('roomgate_rooms'), 5);
});

test('new rooms go round the shards, weights respected', async (t) => {
  const { shards } = await threeShards(t);
  shards[2].lines = 'weight = 2';
  const gate = await startGate(t, { shards });
  const count = {};

  for (let i = 0; i < 40; ++i) {
    const name = await ask(gate, `/xmpp-websocket?room=r${i}`);
    count[name] = (count[name] ?? 0) + 1;
  }

  assert.deepEqual(count, { 'shard-0': 10, 'shard-1': 10, 'shard-2': 20 });
});

test('every spelling of a room leads to its shard, page and signalling alike', async (t) => {
  const { shards } = await threeShards(t);
  const gate = await startGate(t, { shards });
  const spellings = ['/%C3%B2', '/xmpp-websocket?room=%c3%b2', '/xmpp-websocket?room=%25c3%25b2', '/conference-request/v1?room=%C3%92', '/config.js?room=%C3%B2'];

  const answers = [];
  for (const target of spellings) answers.push(await ask(gate, target));

  assert.equal(new Set(answers).size, 1);
  assert.equal(await gate.metric('roomgate_rooms'), 1);
});

test('the tenant is part of the room', async (t) => {
  const { shards } = await threeShards(t);
  const gate = await startGate(t, { shards });

  await ask(gate, '/school/xmpp-websocket?room=a');
  await ask(gate, '/xmpp-websocket?room=a');

  const rooms = JSON.parse((await request(gate.admin, '/api/v1/rooms')).body).rooms;
  assert.deepEqual(rooms.map((each) => each.room), ['a', 'school/a']);
});

test('a shard that refuses connections: a new room goes elsewhere, 503 and Retry-After when none is left', async (t) => {
  const { backends, shards } = await threeShards(t);
  const gate = await startGate(t, { shards });
  await backends[0].close();

  for (let i = 0; i < 6; ++i) {
    const answer = await request(gate.port, `/xmpp-websocket?room=r${i}`);
    assert.equal(answer.status, 200);
    assert.notEqual(answer.body, 'shard-0');
  }
  await backends[1].close();
  await backends[2].close();
  const answer = await request(gate.port, '/xmpp-websocket?room=other');

  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.match(answer.body, /^[^\n]+\n$/);
});

test('a room in use stays with its shard while that refuses: 503, and the entry is the same afterwards', async (t) => {
  const shard = await startRawBackend(t, (socket) => socket.once('data', () => socket.write(upgradeAnswer)));
  const other = await startBackend(t, named('other'));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }, { name: 'shard-1', port: other.port }] });
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest('/xmpp-websocket?room=r'));
  await raw.until('101');
  await shard.refuse();

  const answer = await request(gate.port, '/xmpp-websocket?room=r');

  assert.equal(answer.status, 503);
  assert.ok(answer.headers['retry-after']);
  assert.equal(JSON.parse((await request(gate.admin, '/api/v1/rooms/r')).body).shard, 'shard-0');
  raw.socket.destroy();
});

test('health checks take a shard out and bring it back; their facts show in the table', async (t) => {
  let healthy = true;
  const handler = (name) => (incoming, response) => {
    if (incoming.url !== '/about/health') return response.end(name);
    response.statusCode = name === 'shard-0' && !healthy ? 500 : 200;
    return response.end(JSON.stringify({ shard: name, stress: 0.5, state: 'ready' }));
  };
  const backends = [await startBackend(t, handler('shard-0')), await startBackend(t, handler('shard-1'))];
  const gate = await startGate(t, {
    shards: backends.map((backend, i) => ({ name: `shard-${i}`, port: backend.port })),
    settings: '[health]\ninterval = "100ms"\ninterval_fast = "50ms"\nrise = 2\nfall = 2\n',
  });
  const row = async (name) => JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards.find((each) => each.name === name);
  await eventually(async () => (await row('shard-0')).announced === 'shard-0');
  assert.equal((await row('shard-0')).load, 0.5);

  healthy = false;
  await eventually(async () => !(await row('shard-0')).up);
  assert.match((await row('shard-0')).reason, /status 500/);
  for (let i = 0; i < 4; ++i) assert.equal(await ask(gate, `/xmpp-websocket?room=r${i}`), 'shard-1');

  healthy = true;
  await eventually(async () => (await row('shard-0')).up);
  await gate.log.wait(/shard_down shard=shard-0/);
  await gate.log.wait(/shard_up shard=shard-0/);
});

test('a shard that drains itself gets no new rooms and keeps its own', async (t) => {
  let state = 'ready';
  const backends = [
    await startBackend(t, (incoming, response) => response.end(incoming.url === '/about/health' ? JSON.stringify({ shard: 'shard-0', state }) : 'shard-0')),
    await startBackend(t, named('shard-1')),
  ];
  const gate = await startGate(t, {
    shards: backends.map((backend, i) => ({ name: `shard-${i}`, port: backend.port })),
    settings: '[health]\ninterval = "100ms"\n',
  });
  assert.equal(await ask(gate, '/xmpp-websocket?room=a'), 'shard-0');

  state = 'drain';
  await eventually(async () => !JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards[0].takes_rooms);

  for (let i = 0; i < 4; ++i) assert.equal(await ask(gate, `/xmpp-websocket?room=r${i}`), 'shard-1');
  assert.equal(await ask(gate, '/xmpp-websocket?room=a'), 'shard-0');
});

test('an operator drains a shard and takes it out for maintenance', async (t) => {
  const { shards } = await threeShards(t);
  const gate = await startGate(t, { shards });
  assert.equal(await ask(gate, '/xmpp-websocket?room=a'), 'shard-0');

  assert.equal(cli('drain', 'shard-0', '--admin', gate.socket).code, 0);
  // The command is done when the control core knows; the cores learn it a moment later.
  await eventually(async () => JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards[0].state === 'drain');
  await eventually(async () => (await ask(gate, `/xmpp-websocket?room=x${Math.random()}`)) !== 'shard-0');
  assert.equal(await ask(gate, '/xmpp-websocket?room=a'), 'shard-0');

  assert.equal(cli('maint', 'shard-0', '--admin', gate.socket).code, 0);
  await eventually(async () => (await request(gate.port, '/colibri-ws/shard-0/c/e')).status === 503);
  assert.equal(cli('ready', 'shard-0', '--admin', gate.socket).code, 0);
  await eventually(async () => (await ask(gate, '/colibri-ws/shard-0/c/e')) === 'shard-0');
  assert.equal(cli('drain', 'shard-9', '--admin', gate.socket).code, 1);
});

test('paths that name a shard go there, or nowhere', async (t) => {
  const { shards } = await threeShards(t);
  const gate = await startGate(t, { shards });

  assert.equal(await ask(gate, '/colibri-ws/shard-2/conf/end?pwd=x'), 'shard-2');
  assert.equal(await ask(gate, '/colibri-ws/shard-1.bridge-7/conf/end'), 'shard-1');
  assert.equal((await request(gate.port, '/colibri-ws/shard-9/conf/end')).status, 404);
  assert.equal(await gate.metric('roomgate_rooms'), 0);
  assert.equal(await ask(gate, '/v1/_ws/shard-2/xmpp-websocket?room=r'), 'shard-2');
  assert.equal(await ask(gate, '/xmpp-websocket?room=r'), 'shard-2');
  assert.equal((await request(gate.port, '/v1/_ws/shard-0/xmpp-websocket?room=r')).status, 404);
});

test('what is a shard\'s own business is never forwarded, whatever its spelling', async (t) => {
  const { backends, shards } = await threeShards(t);
  const gate = await startGate(t, { shards });

  for (const target of ['/about/stats', '/about/rooms', '/metrics', '/stats', '/room-census', '/colibri/stats', '/debug', '//metrics', '/x/../metrics', '/%6detrics']) {
    const text = await exchange(gate.port, `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 404 /, target);
  }
  for (const backend of backends) assert.equal(backend.seen.length, 0);
  const health = await request(gate.port, '/about/health');
  assert.equal(health.status, 200);
});

test('/_unlock is answered by the gate where the shard does not know it', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    response.statusCode = incoming.url.startsWith('/_unlock') ? 404 : 200;
    response.end('shard');
  });
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port, lines: 'announce = "s0"' }] });

  const answer = await request(gate.port, '/_unlock?room=r');

  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-jitsi-shard'], 's0');
});

test('assets go to any shard and to the next when one refuses', async (t) => {
  const { backends, shards } = await threeShards(t);
  const gate = await startGate(t, { shards });
  await backends[1].close();

  for (let i = 0; i < 9; ++i) assert.equal((await request(gate.port, '/libs/app.js')).status, 200);
  assert.equal(await gate.metric('roomgate_rooms'), 0);
});
