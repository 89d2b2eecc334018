// A gate that starts knows nothing and says nothing wrong: it answers when it has learned what the others know.
// LONG=1: a hundred thousand rooms.
import assert from 'node:assert/strict';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { writeImage } from './agree/image.mjs';
import { patiently, startMesh, tableOf } from './agree/mesh.mjs';
import { startShards } from './agree/shards.mjs';
import { request, sanitized, temporaryFolder } from './support.mjs';

const long = process.env.LONG === '1';
const count = sanitized ? 20_000 : 100_000;

// Named so that the API's pieces are small; on shards by no pattern that a policy would hit.
const names = Array.from({ length: count }, (_, i) => `r${String(i % 100).padStart(2, '0')}-${i}`);
const home = (i) => `shard-${(i * 7919 + (i >> 3)) % 2}`;

async function scene(t, gates = 2) {
  const shards = await startShards(t, 2);
  const file = path.join(temporaryFolder(t), 'rooms');
  writeImage(file, names.map((name, i) => [name, home(i)]));
  // Only the first has it; the others learn.
  const mesh = await startMesh(t, { gates, shards, settings: (i) => `[rooms]\n${i === 0 ? `snapshot = "${file}"\nsnapshot_interval = "1h"` : ''}\n` });
  await patiently(async () => (await Promise.all(mesh.gates.map((gate) => gate.metric('roomgate_rooms')))).every((rooms) => rooms === count));
  return mesh;
}

// Asks for known rooms, in no order, as fast as answers come, until stop(): which answers were wrong.
function traffic(port, host) {
  const seen = { right: 0, refused: 0, unreachable: 0, wrong: [] };
  let going = true;
  const one = async () => {
    while (going) {
      const i = Math.floor(Math.random() * count);
      try {
        const { status, headers } = await request(port(), `/xmpp-websocket?room=${names[i]}`, { host });
        if (status === 503) ++seen.refused;
        else if (status === 200 && headers['x-shard'] === home(i)) ++seen.right;
        else seen.wrong.push(`${names[i]}: ${status} ${headers['x-shard']}, not ${home(i)}`);
      } catch {
        ++seen.unreachable;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const work = Promise.all(Array.from({ length: 4 }, one));
  return { seen, stop: () => {
    going = false;
    return work;
  } };
}

test('a gate that is killed and started again learns every room, and no answer is wrong meanwhile', async (t) => {
  const mesh = await scene(t);
  // Its clients have its address: a fixed one, as a load balancer has.
  let port = mesh.gates[1].port;
  const atBoth = [traffic(() => mesh.gates[0].port), traffic(() => port)];
  await patiently(() => atBoth.every(({ seen }) => seen.right > 50));

  for (let round = 0; round < (long ? 5 : 2); ++round) {
    await mesh.gates[1].kill();
    const began = performance.now();
    const gate = await mesh.start(1);
    ({ port } = gate);
    const serving = performance.now();
    await patiently(() => gate.ready());
    const ready = performance.now();
    await patiently(async () => (await gate.metric('roomgate_rooms')) >= count);
    const complete = performance.now();
    const after = (moment) => `${Math.round(moment - began)} ms`;
    t.diagnostic(`${count} rooms: port open after ${after(serving)}, table complete after ${after(complete)}, ready after ${after(ready)}`);
    const answered = atBoth[1].seen.right;
    await patiently(() => atBoth[1].seen.right > answered + 200);
  }
  for (const each of atBoth) await each.stop();

  for (const { seen: { right, refused, unreachable, wrong } } of atBoth) {
    t.diagnostic(`${right} right answers, ${refused} refused, ${unreachable} without a connection, ${wrong.length} wrong`);
  }
  assert.deepEqual(atBoth.map(({ seen }) => seen.wrong), [[], []]);
  assert.equal(atBoth[0].seen.refused, 0);
  for (const piece of ['r00', 'r42', 'r99']) {
    const [one, other] = await Promise.all(mesh.gates.map((gate) => tableOf(gate, piece)));
    assert.equal(other.size, count / 100);
    for (const [room, row] of one) assert.deepEqual([other.get(room)?.shard, other.get(room)?.generation], [row.shard, row.generation], room);
  }
});

test('it is not ready before it is complete, and both gates die one after the other without a loss', async (t) => {
  const mesh = await scene(t);
  for (const i of [1, 0]) {
    await mesh.gates[i].kill();
    const gate = await mesh.start(i);
    // Whatever is asked first once it says that it is ready.
    await patiently(() => gate.ready());
    assert.equal(await gate.metric('roomgate_rooms'), count);
    await mesh.together();
  }

  for (let i = 0; i < count; i += Math.floor(count / 200)) {
    const answers = await Promise.all(mesh.gates.map((gate) => request(gate.port, `/xmpp-websocket?room=${names[i]}`)));
    assert.deepEqual(answers.map(({ headers }) => headers['x-shard']), [home(i), home(i)]);
  }
});
