// What an operator says at one gate counts at all of them, and is still there when that gate has died and come back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patiently, startMesh } from './agree/mesh.mjs';
import { startShards } from './agree/shards.mjs';
import { cli, request } from './support.mjs';
import { connect } from './websocket.mjs';

async function scene(t, gates = 3) {
  const shards = await startShards(t, 2);
  return startMesh(t, { gates, shards, settings: '[heal]\nwindow = "100ms"\nrate = 1000\n' });
}
const ask = (gate, room) => request(gate.port, `/xmpp-websocket?room=${room}`);
const shardOf = async (gate, room) => (await ask(gate, room)).headers['x-shard'];
const say = (gate, ...words) => {
  const said = cli(...words, '--admin', `unix:${gate.socket}`);
  assert.equal(said.code, 0, said.err);
  return said;
};
const stateAt = async (gate, name) => (await gate.get('shards')).shards.find((row) => row.name === name).state;
const stateIs = (gates, name, state) => Promise.all(gates.map((gate) => patiently(async () => (await stateAt(gate, name)) === state)));
let number = 0;
// Until every core has heard it: ten new rooms in a row at each gate.
async function newRoomsAvoid(gates, shard) {
  for (const gate of gates) {
    for (let inARow = 0; inARow < 10;) inARow = (await shardOf(gate, `new-${++number}`)) !== shard ? inARow + 1 : 0;
  }
}
async function bothTake(gates) {
  for (const gate of gates) {
    const seen = new Set();
    await patiently(async () => {
      seen.add(await shardOf(gate, `new-${++number}`));
      return seen.size === 2;
    });
  }
}

test('a drain at one gate is one at all, and is still one after that gate has been killed and started again', async (t) => {
  const mesh = await scene(t);
  const { gates } = mesh;

  say(gates[0], 'drain', 'shard-1');
  await stateIs(gates, 'shard-1', 'drain');
  await newRoomsAvoid(gates, 'shard-1');

  await gates[0].kill();
  const again = await mesh.start(0);
  await mesh.together();
  await stateIs(mesh.gates, 'shard-1', 'drain');
  await newRoomsAvoid(mesh.gates, 'shard-1');

  // By another than the one that said it.
  say(gates[1], 'ready', 'shard-1');
  await stateIs(mesh.gates, 'shard-1', 'ready');
  await bothTake([again, ...mesh.gates.slice(1)]);
});

test('with --local it is of this gate alone', async (t) => {
  const { gates } = await scene(t, 2);

  say(gates[0], 'drain', 'shard-1', '--local');
  await stateIs(gates.slice(0, 1), 'shard-1', 'drain');
  // A word for all, said later, has come: the local one would have come before it.
  say(gates[0], 'drain', 'shard-0');
  await stateIs(gates, 'shard-0', 'drain');
  say(gates[0], 'ready', 'shard-0');
  await stateIs(gates, 'shard-0', 'ready');

  assert.equal(await stateAt(gates[1], 'shard-1'), 'ready');
  assert.equal(await stateAt(gates[0], 'shard-1'), 'drain');
});

test('a room that is banned at one gate is banned at all, until another lifts it', async (t) => {
  const mesh = await scene(t);
  const { gates } = mesh;
  assert.equal((await ask(gates[2], 'secret')).status, 200);

  assert.equal((await gates[0].ask('POST', 'bans', { room: 'secret' })).status, 200);
  for (const gate of gates) await patiently(async () => (await ask(gate, 'secret')).status === 403);
  assert.equal((await ask(gates[1], 'other')).status, 200);

  await gates[0].kill();
  await mesh.start(0);
  await mesh.together();
  await patiently(async () => (await ask(mesh.gates[0], 'secret')).status === 403);

  assert.equal((await gates[1].ask('DELETE', 'bans', { room: 'secret' })).status, 200);
  for (const gate of mesh.gates) await patiently(async () => (await ask(gate, 'secret')).status === 200);
});

test('a room that is moved at one gate moves at all, with everybody in it', async (t) => {
  const { gates } = await scene(t);
  const people = [];
  for (const gate of gates) {
    const peer = await connect(gate.port, '/xmpp-websocket?room=meeting');
    t.after(() => peer.stream.destroy());
    people.push({ gate, peer, shard: (await peer.until(() => true)).payload.toString() });
  }
  const beside = await connect(gates[1].port, '/xmpp-websocket?room=beside');
  t.after(() => beside.stream.destroy());
  const [{ shard: from }] = people;
  const to = from === 'shard-0' ? 'shard-1' : 'shard-0';
  assert.deepEqual(people.map(({ shard }) => shard), [from, from, from]);

  for (const gate of gates) {
    say(gate, 'room', 'meeting', '--move', await shardOf(gate, 'meeting') === to ? from : to);
    const now = await shardOf(gate, 'meeting');
    for (const each of gates) await patiently(async () => (await shardOf(each, 'meeting')) === now);
  }

  for (const { peer } of people) assert.equal(await peer.closed(), 1001);
  assert.equal(await beside.echo('still here'), true);
  const rows = await Promise.all(gates.map((gate) => gate.get('rooms/meeting')));
  assert.deepEqual(rows.map(({ shard, generation }) => `${shard} ${generation}`), Array(3).fill(`${to} 4`));
});

test('a room that is forgotten at one gate is new at all', async (t) => {
  const { gates } = await scene(t);
  await shardOf(gates[0], 'r');
  for (const gate of gates) assert.equal((await gate.ask('GET', 'rooms/r')).status, 200);

  say(gates[1], 'room', 'r', '--forget');

  for (const gate of gates) await patiently(async () => (await gate.ask('GET', 'rooms/r')).status === 404);
  const shards = await Promise.all(gates.map((gate) => shardOf(gate, 'r')));
  assert.equal(new Set(shards).size, 1);
  // Whatever anybody still says of the old one is older.
  const rows = await Promise.all(gates.map((gate) => gate.get('rooms/r')));
  assert.equal(new Set(rows.map(({ generation }) => generation)).size, 1);
  assert.ok(rows[0].generation > 1);
});
