// One gate of two is replaced by another process, and one is shut down and comes back, under load at both: nobody
// notices, and nothing is split.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMesh } from './agree/mesh.mjs';
import { Clients } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';
import { Participant, Requests, startShard } from './load.mjs';
import { sanitized } from './support.mjs';

const tunnels = sanitized ? 20 : 60;

async function scene(t) {
  const shards = [];
  for (let i = 0; i < 2; ++i) shards.push(await startShard(t, `shard-${i}`));
  const plain = shards.map(({ name, port }) => ({ name, port }));
  return startMesh(t, { gates: 2, shards: plain, settings: '[shutdown]\ndelay = "500ms"\ngrace = "200ms"\n' });
}

test('--takeover of one gate of two: no request fails, no WebSocket ends, no room is split', async (t) => {
  const mesh = await scene(t);
  const people = [];
  for (let i = 0; i < tunnels; ++i) people.push(await Participant.open(mesh.gates[i % 2].port, `meeting-${i % 10}`));
  t.after(() => people.forEach((each) => each.close()));
  const where = new Map();
  const allEcho = async () => {
    for (const each of people) {
      const shard = await each.echo();
      assert.equal(shard, where.get(each.room) ?? shard, each.room);
      where.set(each.room, shard);
    }
  };
  await allEcho();
  const loads = mesh.gates.map(({ port }) => new Requests({ port, perSecond: sanitized ? 30 : 100, rooms: [...where.keys(), 'a', 'b', 'c'] }));
  t.after(() => Promise.all(loads.map((load) => load.stop())));

  for (let round = 0; round < 3; ++round) {
    // New rooms at both all the while, over connections that were kept.
    const clients = await Clients.of(mesh.gates, 32);
    t.after(() => clients.close());
    let replaced = Promise.resolve();
    const first = await clients.race({ rooms: 240, prefix: `up-${round}`, skew: 1, during: (number) => {
      if (number === 40) replaced = mesh.replace(0);
    } });
    await replaced;
    await mesh.together();
    const later = await clients.again(first);
    t.diagnostic(first.row);
    assert.deepEqual([first.failed, first.split, later.failed, later.differsFrom(first)], [[], [], [], []]);
    await allEcho();
  }

  for (const load of loads) await load.stop();
  const seen = new Map([...loads[0].shards].map(([room, shard]) => [room, [shard, loads[1].shards.get(room)]]));
  const closed = people.filter((each) => each.closed).length;
  t.diagnostic(`${loads.map((load) => load.answered)} requests answered, ${loads.map((load) => load.failures.length)} failed; `
    + `${closed} of ${people.length} WebSockets closed`);
  assert.deepEqual(loads.map((load) => load.failures), [[], []]);
  for (const [room, [one, other]] of seen) assert.equal(one, other ?? one, room);
  assert.equal(closed, 0);
});

test('SIGTERM to one of two: the other decides at once, for those keys too', async (t) => {
  const mesh = await scene(t);
  const clients = await Clients.of([mesh.gates[0]], 32);
  t.after(() => clients.close());

  const result = await clients.race({ rooms: 160, prefix: 'left', during: (number) => {
    if (number === 40) mesh.gates[1].signal('SIGTERM');
  } });
  assert.equal(await mesh.gates[1].ended, 0);
  await mesh.together([mesh.gates[0]]);

  t.diagnostic(`${result.row}, longest ${result.took.max.toFixed(0)} ms`);
  assert.deepEqual(result.failed, []);
});
