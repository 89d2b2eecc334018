// Gates far from each other: what they say takes a while each way, and clients of two regions ask at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMesh } from './agree/mesh.mjs';
import { Clients } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';

const long = process.env.LONG === '1';
const regions = ['eu', 'us'];

async function farApart(t, delay, gates) {
  const shards = await startShards(t, 4);
  const mesh = await startMesh(t, {
    gates, delay,
    shards: shards.map((shard, i) => ({ ...shard, lines: `region = "${regions[i % 2]}"` })),
    own: (i) => `region = "${regions[i % 2]}"`,
    settings: '[regions.eu]\nfallback = ["us"]\n[regions.us]\nfallback = ["eu"]\n',
  });
  const clients = await Clients.of(mesh.gates, long ? 256 : 128);
  t.after(() => clients.close());
  return { mesh, clients };
}

for (const delay of [30, 150]) {
  test(`two regions ${delay} ms apart, asking at once, split no room`, async (t) => {
    const { clients } = await farApart(t, delay, 2);

    for (const skew of long ? [0, 1, 20, delay, delay * 2] : [0, delay]) {
      const first = await clients.race({ rooms: long ? 500 : 60, prefix: `far-${skew}`, skew });
      const known = await clients.again(first);

      t.diagnostic(`${delay} ms: ${first.row}; known p50 ${known.took.p50.toFixed(2)} ms`);
      assert.deepEqual([first.failed, first.split, known.failed, known.differsFrom(first)], [[], [], [], []]);
      // Both regions' rooms: whoever asked first has it near.
      assert.equal(first.perShard.size, 4);
    }
  });
}

test('three gates in two regions, 30 ms apart', async (t) => {
  const { clients } = await farApart(t, 30, 3);

  const first = await clients.race({ rooms: long ? 500 : 60, prefix: 'three', skew: 0 });

  t.diagnostic(first.row);
  assert.deepEqual([first.failed, first.split], [[], []]);
});

test('a connection between gates that stalls, or breaks, while rooms are asked for', async (t) => {
  const { mesh, clients } = await farApart(t, 30, 3);
  const relays = mesh.relaysBetween(0, 1);
  const acts = new Map([
    [20, () => relays.forEach((relay) => relay.stall())],
    [60, () => relays.forEach((relay) => relay.go())],
    [100, () => relays.forEach((relay) => relay.break())],
    [140, () => relays.forEach((relay) => relay.heal())],
    [180, () => relays[0].cut()],
    [220, () => relays[0].heal()],
  ]);

  const first = await clients.race({ rooms: 260, prefix: 'stall', skew: 1, during: (number) => acts.get(number)?.() });
  await mesh.together();
  const later = await clients.again(first);

  t.diagnostic(first.row);
  assert.deepEqual([first.failed, first.split, later.failed, later.differsFrom(first)], [[], [], [], []]);
});
