// Front doors that agree through a real Redis: one home for each new room, whoever is asked first; and what they do
// while it is away, from all of them or from one alone.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import net from 'node:net';
import { test } from 'node:test';
import { ownHost } from '../../support/hosts.mjs';
import { Relay } from '../../support/relay.mjs';
import { patiently } from './agree/mesh.mjs';
import { eventually, request, startBackend, startGate, temporaryFolder } from './support.mjs';

const hasRedis = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

function freePortOn(host) {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, host, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function startRedis(t) {
  const host = ownHost();  // its port stays its own while it is down
  const port = await freePortOn(host);
  const folder = temporaryFolder(t);
  const redis = { host, port, url: `redis://${host}:${port}/0` };
  let child;
  let ended;
  redis.start = () => {
    child = spawn('redis-server', ['--bind', host, '--port', `${port}`, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'], { stdio: 'ignore' });
    ended = new Promise((resolve) => { child.once('exit', resolve); });
  };
  redis.kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  redis.start();
  t.after(() => redis.kill());
  return redis;
}

const urlOf = ({ host, port }) => `redis://${host}:${port}/0`;

// `third`: another gate, which has a way of its own to Redis (`relay`). `members`: they can ask each other; what Redis
// says of them is all they know of each other.
async function scene(t, { third = false, members = false } = {}) {
  const redis = await startRedis(t);
  const relay = third ? await Relay.start({ target: { host: redis.host, port: redis.port } }) : undefined;
  if (third) t.after(() => relay.stop());
  const shards = [];
  for (const name of ['shard-0', 'shard-1', 'shard-2']) {
    const { port } = await startBackend(t, (incoming, response) => response.end(name));
    shards.push({ name, port });
  }
  const start = async (name, place) => {
    let settings = `[peers]\nmode = "redis"\nredis.url = "${urlOf(place)}"\nredis.failover_hold = "100ms"\nclaim_timeout = "20s"\n`;
    if (members) {
      const host = ownHost();
      settings += `address = "${host}:${await freePortOn(host)}"\nallow = ["127.0.0.0/8"]\n`;
    }
    return startGate(t, { shards, name, settings: `${settings}[limits]\nper_address.new_rooms = "off"\n` });
  };
  const gates = await Promise.all([start('gate-a', redis), start('gate-b', redis), ...(third ? [start('gate-c', relay)] : [])]);
  await Promise.all(gates.map((gate) => connectedTimes(gate, 1)));
  if (members) await Promise.all(gates.map((gate) => inTouch(gate, gates.length - 1)));
  return { redis, relay, gates };
}
const ask = async (gate, room) => {
  const { status, body } = await request(gate.port, `/xmpp-websocket?room=${room}`);
  assert.equal(status, 200, `${room}: ${body}`);
  return body;
};
const peersOf = async (gate) => JSON.parse((await request(gate.admin, '/api/v1/peers')).body);
// A session with each of the others, which have Redis.
const inTouch = (gate, others) => patiently(async () => {
  const { peers } = await peersOf(gate);
  return peers.filter(({ kind, up, state, address }) => kind === 'gate' && up && state === 'member' && address !== '').length === others;
});
const times = (gate, what) => gate.log.all.filter((line) => line.includes(` ${what} `)).length;
const cutOff = (gate) => patiently(async () => (await peersOf(gate)).state === 'cut off');
const connectedTimes = (gate, n) => patiently(() => times(gate, 'redis_connected') === n);

test('rooms asked for at two gates at once have one home, through a restart of Redis too', { skip: !hasRedis }, async (t) => {
  const { redis, gates } = await scene(t);
  const rooms = Array.from({ length: 60 }, (_, i) => `room-${i}`);

  const homes = new Map();
  await Promise.all(rooms.map(async (room) => {
    const [first, second] = await Promise.all(gates.map((gate) => ask(gate, room)));
    assert.equal(first, second, room);
    homes.set(room, first);
  }));
  assert.equal(new Set(homes.values()).size, 3);

  await redis.kill();
  await Promise.all(gates.map((gate) => gate.log.wait(/ redis_lost /)));
  // What is held here needs nobody.
  for (const room of rooms) assert.equal(await ask(gates[0], room), homes.get(room));
  redis.start();
  const fresh = await Promise.all(gates.map((gate) => ask(gate, 'fresh')));
  assert.equal(fresh[0], fresh[1]);
  for (const room of rooms) assert.equal(await ask(gates[1], room), homes.get(room));
  const rows = JSON.parse((await request(gates[0].admin, '/api/v1/peers')).body);
  assert.match(JSON.stringify(rows), /"redis"/);
});

test('gates that are cut off choose alike, and agree when Redis is back', { skip: !hasRedis }, async (t) => {
  const { redis, gates } = await scene(t);
  assert.equal(await ask(gates[0], 'before'), await ask(gates[1], 'before'));
  await redis.kill();
  await Promise.all(gates.map((gate) => gate.log.wait(/ redis_lost /)));

  const alone = await Promise.all(gates.map((gate) => ask(gate, 'alone')));

  assert.equal(alone[0], alone[1]);
  redis.start();
  await Promise.all(gates.map((gate) => eventually(() => gate.log.all.filter((line) => / redis_connected /.test(line)).length === 2)));
  for (const gate of gates) assert.equal(await ask(gate, 'alone'), alone[0]);
});

const kRooms = 100;
const roomsNamed = (name) => Array.from({ length: kRooms }, (_, i) => `${name}-${i}`);
const homesAt = async (gate, rooms) => Promise.all(rooms.map((room) => ask(gate, room)));

test('a gate that alone is cut off asks the others: no room is split, and nothing moves afterwards', { skip: !hasRedis }, async (t) => {
  const { relay, gates: [a, b, c] } = await scene(t, { third: true, members: true });
  await relay.break();
  await c.log.wait(/ redis_lost /);
  await cutOff(c);

  const first = await homesAt(a, roomsNamed('first-at-a'));
  assert.deepEqual(await homesAt(c, roomsNamed('first-at-a')), first);
  const mine = await homesAt(c, roomsNamed('first-at-c'));
  assert.deepEqual(await homesAt(a, roomsNamed('first-at-c')), mine);
  const both = await Promise.all([a, c].map((gate) => homesAt(gate, roomsNamed('at-once'))));
  assert.deepEqual(both[0], both[1]);
  assert.equal(new Set(both[0]).size, 3);

  const { asked, asked_in_vain: inVain, state } = await peersOf(c);
  assert.equal(state, 'cut off');
  assert.ok(asked >= 3 * kRooms, `${asked}`);
  assert.equal(inVain, 0);
  await patiently(async () => await c.metric('roomgate_redis_asked_total{result="answered"}') >= asked);
  await relay.heal();
  await connectedTimes(c, 2);
  for (const gate of [a, b, c]) {
    assert.deepEqual(await homesAt(gate, roomsNamed('first-at-c')), mine);
    assert.deepEqual(await homesAt(gate, roomsNamed('at-once')), both[0]);
    assert.equal(times(gate, 'room_moved'), 0);
  }
});

test('a gate whose way to Redis swallows everything asks the others as well', { skip: !hasRedis }, async (t) => {
  const { relay, gates: [a, , c] } = await scene(t, { third: true, members: true });
  relay.cut();
  await c.log.wait(/ redis_lost /);

  const first = await homesAt(a, roomsNamed('silent'));

  assert.deepEqual(await homesAt(c, roomsNamed('silent')), first);
});

test('gates that are all cut off find nobody to ask, choose alike, and stay with it when Redis is back', { skip: !hasRedis }, async (t) => {
  const { redis, gates } = await scene(t, { third: true, members: true });
  await redis.kill();
  await Promise.all(gates.map(cutOff));

  const homes = await Promise.all(gates.map((gate) => homesAt(gate, roomsNamed('alone'))));

  assert.deepEqual(homes[1], homes[0]);
  assert.deepEqual(homes[2], homes[0]);
  assert.ok((await peersOf(gates[2])).asked_in_vain >= kRooms);
  redis.start();
  await Promise.all(gates.map((gate) => connectedTimes(gate, 2)));
  for (const gate of gates) {
    assert.deepEqual(await homesAt(gate, roomsNamed('alone')), homes[0]);
    assert.equal(times(gate, 'room_moved'), 0);
  }
});

test('a gate that reaches neither Redis nor another places by hash, and Redis\'s entry wins', { skip: !hasRedis }, async (t) => {
  const { relay, gates: [a, , c] } = await scene(t, { third: true });
  await relay.break();
  await cutOff(c);

  const first = await homesAt(a, roomsNamed('apart'));
  const alone = await homesAt(c, roomsNamed('apart'));

  assert.notDeepEqual(alone, first);
  await relay.heal();
  await connectedTimes(c, 2);
  assert.deepEqual(await homesAt(c, roomsNamed('apart')), first);
  assert.deepEqual(await homesAt(a, roomsNamed('apart')), first);
});
