// The census: a gate asks its shards which rooms they have, and says which of them it does not know and which are on two.
// What shards that have none see of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, request, startBackend, startGate } from './support.mjs';

// A shard that says of its rooms what `census` says.
async function startShard(t, name, census) {
  const shard = { name, asked: 0 };
  const backend = await startBackend(t, (incoming, response) => {
    if (!['/about/rooms', '/room-census'].includes(incoming.url)) return response.end(name);
    ++shard.asked;
    const answer = census(incoming.url);
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(answer === undefined ? 'not found' : JSON.stringify(answer));
  });
  return Object.assign(shard, { port: backend.port });
}
const often = '[peers]\ncensus_interval = "1s"\n';
const rooms = (...list) => ({ shard: 'x', rooms: list.map(([room, participants, tenant]) => ({ room, participants, ...(tenant && { tenant }) })) });

test('rooms of both forms are counted; those unknown here and those of two shards are told apart', async (t) => {
  const first = await startShard(t, 'shard-0', () => rooms(['Both', 2], ['lost', 1], ['over', 0], ['Mine', 3, 'acme']));
  const second = await startShard(t, 'shard-1', () => ({ room_census: [{ room_name: 'both@muc.example', participants: 5 }, { room_name: '[acme]far@muc.example', participants: 1 }] }));
  first.lines = 'census = "/about/rooms"';
  second.lines = 'census = "/room-census"';
  const gate = await startGate(t, { shards: [first, second], settings: often });
  assert.equal((await request(gate.port, '/acme/xmpp-websocket?room=mine')).status, 200);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=BOTH')).status, 200);

  await eventually(async () => (await gate.metric('roomgate_census_unknown_rooms')) === 2);

  assert.equal(await gate.metric('roomgate_census_rooms{shard="shard-0"}'), 3);
  assert.equal(await gate.metric('roomgate_census_rooms{shard="shard-1"}'), 2);
  assert.equal(await gate.metric('roomgate_census_split_rooms'), 1);
  await gate.log.wait(/ census_room_split room=both shards=shard-1:5,shard-0:2/);
  await gate.log.wait(/ census_rooms_unknown rooms=/);
});

test('a gate on its own asks only where it is told to, and a shard without a census is left in peace', async (t) => {
  const silent = await startShard(t, 'shard-0', () => undefined);
  const without = await startShard(t, 'shard-1', () => undefined);
  const asked = await startShard(t, 'shard-2', () => rooms(['r', 1]));
  without.lines = asked.lines = 'census = "/about/rooms"';
  const gate = await startGate(t, { shards: [silent, without, asked], settings: often });

  await eventually(() => asked.asked >= 4);

  assert.equal(silent.asked, 0);
  assert.equal(without.asked, 1);
  assert.equal(gate.log.all.filter((line) => line.includes('census_missing')).length, 1);
  await gate.log.wait(/ census_missing shard=shard-1 path=\/about\/rooms reason="status 404"/);
  assert.equal(await gate.metric('roomgate_census_rooms{shard="shard-1"}'), undefined);
});

test('a reload may begin the census, and end it', async (t) => {
  const shard = await startShard(t, 'shard-0', () => rooms(['r', 1]));
  const gate = await startGate(t, { shards: [shard], settings: often });
  const settings = (lines) => gate.write({ shards: [{ ...shard, lines }], settings: often });

  settings('census = "/about/rooms"');
  gate.signal('SIGHUP');
  await eventually(async () => (await gate.metric('roomgate_census_rooms{shard="shard-0"}')) === 1);
  settings('census = ""');
  gate.signal('SIGHUP');
  await eventually(async () => (await gate.metric('roomgate_census_rooms{shard="shard-0"}')) === undefined);
  await eventually(async () => (await gate.metric('roomgate_census_unknown_rooms')) === 0);
});
