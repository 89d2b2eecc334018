// One gate sees a shard down that the others reach: the fault is its own, so rooms with people in them stay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Relay } from '../../support/relay.mjs';
import { patiently, startMesh } from './agree/mesh.mjs';
import { startShards } from './agree/shards.mjs';
import { request } from './support.mjs';
import { connect } from './websocket.mjs';

const quick = '[health]\ninterval = "100ms"\ninterval_fast = "50ms"\ntimeout = "1s"\nrise = 2\nfall = 2\npanic_hold = "0s"\n';
const rooms = 60;

async function enter(t, gate, room) {
  const peer = await connect(gate.port, `/xmpp-websocket?room=${room}`);
  t.after(() => peer.stream.destroy());
  return { room, gate, peer, shard: (await peer.until(() => true)).payload.toString() };
}
const ask = async (gate, room) => {
  const { status, headers } = await request(gate.port, `/xmpp-websocket?room=${room}`);
  return status === 200 ? headers['x-shard'] : status;
};

test('no room with a tunnel is moved by one gate that is wrong, and all reach it again later', async (t) => {
  const shards = await startShards(t, 3);
  const relay = await Relay.start({ target: { host: shards[1].host, port: shards[1].port } });
  t.after(() => relay.stop());
  const { gates } = await startMesh(t, {
    gates: 3, settings: quick,
    shards: (i) => shards.map((shard) => (i === 2 && shard.name === 'shard-1' ? { ...shard, host: relay.host, port: relay.port } : shard)),
  });
  const people = [];
  for (let i = 0; i < rooms; ++i) people.push(await enter(t, gates[i % 2], `room-${i}`));
  const there = people.filter(({ shard }) => shard === 'shard-1');
  assert.ok(there.length > rooms / 6, `${there.length}`);

  await relay.break();
  await gates[2].log.wait(/shard_down shard=shard-1/);
  const answers = [];
  for (const { room } of people) answers.push(await ask(gates[2], room));

  t.diagnostic(`${there.length} rooms on the shard that one gate does not reach; it refused ${answers.filter((each) => each === 503).length}`);
  people.forEach(({ room, shard }, i) => assert.equal(answers[i], shard === 'shard-1' ? 503 : shard, room));
  for (const { room, peer, shard } of people) {
    assert.equal(await peer.echo('still here'), true, room);
    for (const gate of gates.slice(0, 2)) assert.equal(await ask(gate, room), shard, room);
    assert.equal((await gates[0].get(`rooms/${room}`)).generation, 1, room);
  }
  // New ones go where all can go.
  for (let i = 0; i < 30; ++i) assert.notEqual(await ask(gates[2], `new-${i}`), 'shard-1');

  await relay.heal();
  await gates[2].log.wait(/shard_up shard=shard-1/);
  for (const { room, shard } of there) assert.equal(await patiently(async () => (await ask(gates[2], room)) === shard && shard), shard);
});

test('a shard that is gone for all: its rooms move, each once, to one place for all', async (t) => {
  const shards = await startShards(t, 3);
  const { gates } = await startMesh(t, { gates: 3, settings: quick, shards });
  const people = [];
  for (let i = 0; i < rooms; ++i) people.push(await enter(t, gates[i % 3], `room-${i}`));
  const there = people.filter(({ shard }) => shard === 'shard-1');

  await shards.vanish(1);
  for (const gate of gates) await gate.log.wait(/shard_down shard=shard-1/);
  // Its people come back at once, to any gate.
  const back = await Promise.all(there.map(async ({ room }) => {
    const answers = await patiently(async () => {
      const all = await Promise.all(gates.map((gate) => ask(gate, room)));
      return all.every((each) => each !== 503) && all;
    });
    return { room, answers };
  }));

  for (const { room, answers } of back) {
    assert.equal(new Set(answers).size, 1, `${room}: ${answers}`);
    assert.notEqual(answers[0], 'shard-1');
    assert.equal((await gates[0].get(`rooms/${room}`)).generation, 2, room);
  }
  for (const { room, peer, shard } of people) if (shard !== 'shard-1') assert.equal(await peer.echo('still here'), true, room);
});
