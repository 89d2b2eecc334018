// A gate in one peers section with two real HAProxies: whatever is asked of whom, and whoever dies meanwhile, the
// tables are equal in the end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { freePort } from './fronts.mjs';
import { Neighbour } from './neighbours.mjs';
import { eventually, request, startBackend, startGate } from './support.mjs';

async function section(t, { key, haproxyKey = 'room' } = {}) {
  const backends = [];
  for (const name of ['s1', 's2']) backends.push(await startBackend(t, (incoming, response) => response.end(name)));
  const ports = { gate: await freePort(), a: await freePort(), b: await freePort() };
  const peers = [{ name: 'gate', port: ports.gate }, { name: 'hap-a', port: ports.a }, { name: 'hap-b', port: ports.b }];
  const servers = backends.map((backend, i) => ({ name: `s${i + 1}`, id: i + 1, port: backend.port }));
  const a = new Neighbour(t, { name: 'hap-a', peers, servers, key, port: await freePort() });
  const b = new Neighbour(t, { name: 'hap-b', peers, servers, key, port: await freePort() });
  const options = {
    name: 'gate',
    shards: servers.map((server) => ({ name: `shard-${server.id}`, port: server.port, lines: `haproxy_id = ${server.id}\nhaproxy_name = "${server.name}"` })),
    settings: `[peers]
mode = "peers"
address = "127.0.0.1:${ports.gate}"
table = "jitsi-meet"
key_length = 128
haproxy_key = "${haproxyKey}"
members = [{ name = "hap-a", address = "127.0.0.1:${ports.a}" }, { name = "hap-b", address = "127.0.0.1:${ports.b}" }]
`,
  };
  return { a, b, gate: async () => ready(await startGate(t, options)) };
}

// It has learned what the HAProxies know.
async function ready(gate) {
  await eventually(async () => (await request(gate.admin, '/ready')).status === 200);
  return gate;
}

async function ask(gate, room) {
  const answer = await request(gate.port, `/xmpp-websocket?room=${room}`);
  assert.equal(answer.status, 200, `${room}: ${answer.body}`);
  return answer.body;
}

// The gate's rooms as HAProxy shows its own.
async function rooms(gate) {
  const shown = {};
  for (const each of JSON.parse((await request(gate.admin, '/api/v1/rooms')).body).rooms) {
    const id = each.shard.slice('shard-'.length);
    shown[each.room] = `s${id}/${id}`;
  }
  return shown;
}

async function equal(gate, neighbours, count) {
  await eventually(async () => {
    const ours = await rooms(gate);
    if (Object.keys(ours).length !== count) return false;
    const tables = await Promise.all(neighbours.map((neighbour) => neighbour.table()));
    return tables.every((table) => isDeepStrictEqual(table, ours));
  });
}

async function each(count, name, action) {
  for (let i = 0; i < count; ++i) await action(`${name}-${i}`);
}

test('rooms asked for at any of them have one home at all', async (t) => {
  const { a, b, gate: start } = await section(t);
  await a.start();
  await b.start();
  await each(20, 'before', (room) => a.request(room));

  const gate = await start();
  await each(20, 'gate', (room) => ask(gate, room));
  await equal(gate, [a, b], 40);
  await each(20, 'a', (room) => a.request(room));
  await each(20, 'b', (room) => b.request(room));

  await equal(gate, [a, b], 80);
  const homes = await rooms(gate);
  for (const [room, home] of Object.entries(homes)) {
    const [server] = home.split('/');
    assert.equal(await ask(gate, room), server);
    assert.equal(await a.request(room), server);
    assert.equal(await b.request(room), server);
  }
  await equal(gate, [a, b], 80);
});

test('a HAProxy that is killed and starts again has everything, and so has a gate', async (t) => {
  const { a, b, gate: start } = await section(t);
  await a.start();
  await b.start();
  const gate = await start();
  await each(20, 'gate', (room) => ask(gate, room));
  await each(20, 'a', (room) => a.request(room));
  await equal(gate, [a, b], 40);

  await a.kill();
  await each(10, 'meanwhile', (room) => ask(gate, room));
  await a.start();
  await equal(gate, [a, b], 50);

  gate.expectedEnd = 'SIGKILL';
  gate.signal('SIGKILL');
  await gate.ended;
  await each(10, 'without', (room) => b.request(room));
  const again = await ready(await gate.next());
  await equal(again, [a, b], 60);
  await each(10, 'afterwards', (room) => ask(again, room));
  await equal(again, [a, b], 70);
});

test('after a reload of a HAProxy, and of the gate, all goes on', async (t) => {
  const { a, b, gate: start } = await section(t);
  await a.start();
  await b.start();
  const gate = await start();
  await each(20, 'gate', (room) => ask(gate, room));
  await equal(gate, [a, b], 20);

  await a.reload();
  await each(10, 'a', (room) => a.request(room));
  gate.signal('SIGHUP');
  await each(10, 'then', (room) => ask(gate, room));

  await equal(gate, [a, b], 40);
});

test('a HAProxy that would move a room is told where it is', async (t) => {
  const { a, b, gate: start } = await section(t);
  await a.start();
  await b.start();
  const gate = await start();
  const home = await ask(gate, 'room');
  await equal(gate, [a, b], 1);

  await a.ask(`disable server jitsi-meet/${home}`);
  assert.notEqual(await a.request('room'), home);
  await a.ask(`enable server jitsi-meet/${home}`);

  await equal(gate, [a, b], 1);
  assert.equal(await ask(gate, 'room'), home);
});

test('however a room is spelled at a HAProxy, it is the same room', async (t) => {
  const { a, b, gate: start } = await section(t);
  await a.start();
  await b.start();
  const gate = await start();

  const home = await a.request('MyRoom');
  await eventually(async () => (await rooms(gate)).myroom);
  assert.equal(await ask(gate, 'myroom'), home);
  await eventually(async () => (await b.table()).myroom);

  assert.equal(await b.request('myroom'), home);
  assert.equal(await b.request('MyRoom'), home);
});

test('tenants are part of the key where the HAProxies have them there', async (t) => {
  const { a, gate: start } = await section(t, { key: 'urlp(key)', haproxyKey: 'tenant/room' });
  await a.start();
  const gate = await start();

  const home = await a.request('maths', '&key=school/maths');
  await eventually(async () => (await rooms(gate))['school/maths']);
  assert.equal((await request(gate.port, '/school/xmpp-websocket?room=maths')).body, home);
  const other = (await request(gate.port, '/academy/xmpp-websocket?room=maths')).body;

  await eventually(async () => (await a.table())['academy/maths']);
  assert.equal(await a.request('maths', '&key=academy/maths'), other);
  assert.equal(await a.request('maths', '&key=school/maths'), home);
});
