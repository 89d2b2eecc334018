// A full table: idle rooms make place, oldest first; rooms that people are in never do, at whichever gate they are, and
// when all are in use a new one is refused, loudly.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { writeImage } from './agree/image.mjs';
import { patiently, startMesh } from './agree/mesh.mjs';
import { startShards } from './agree/shards.mjs';
import { request, temporaryFolder } from './support.mjs';
import { connect } from './websocket.mjs';

const limit = 300;
const refusals = 'roomgate_rejected_total{reason="table_full"}';
const sum = async (gates, metric) => (await Promise.all(gates.map((gate) => gate.metric(metric)))).reduce((all, each) => all + (each ?? 0), 0);

async function enter(t, gate, room) {
  const peer = await connect(gate.port, `/xmpp-websocket?room=${room}`);
  t.after(() => peer.stream.destroy());
  return { room, gate, peer, shard: (await peer.until(() => true)).payload.toString() };
}

test('idle rooms make place, live ones stay; none idle: 503 and the alarm', async (t) => {
  const shards = await startShards(t, 2);
  const file = path.join(temporaryFolder(t), 'rooms');
  const idle = Array.from({ length: 200 }, (_, i) => `idle-${i}`);
  writeImage(file, idle.map((name, i) => [name, `shard-${i % 2}`]), { unused: 5 * 60_000 });
  const { gates } = await startMesh(t, {
    gates: 2, shards,
    settings: (i) => `[rooms]\nmax_entries = ${limit}\n${i === 0 ? `snapshot = "${file}"\nsnapshot_interval = "1h"` : ''}\n`,
  });
  await patiently(async () => (await Promise.all(gates.map((gate) => gate.metric('roomgate_rooms')))).every((rooms) => rooms === idle.length));

  // A hundred fit, two hundred take the place of idle ones: asked for at one gate, held at the other.
  const people = [];
  for (let i = 0; i < limit; ++i) {
    // A gate takes what it has just learned for used just then, and keeps it for two seconds; who waits longer than a
    // claim may has to try again.
    people.push(await patiently(() => enter(t, gates[i % 2], `live-${i}`).catch(() => undefined)));
  }
  const triedAgain = await sum(gates, refusals);
  t.diagnostic(`${idle.length} idle rooms made place for as many, ${triedAgain} times not at once`);
  for (const gate of gates) assert.ok(await gate.metric('roomgate_rooms') <= limit);

  const refused = [];
  for (let i = 0; i < 40; ++i) refused.push(await request(gates[i % 2].port, `/xmpp-websocket?room=late-${i}`));
  assert.deepEqual([...new Set(refused.map(({ status }) => status))], [503]);
  assert.ok(refused.every(({ headers }) => Number(headers['retry-after']) >= 1));
  assert.equal(await sum(gates, refusals) - triedAgain, refused.length);
  // The alarm follows the counter, once a second.
  await patiently(async () => await sum(gates, 'roomgate_table_full') > 0);

  // Nobody has been moved: those who are in, and those who come in by the other door.
  for (const { room, gate, peer, shard } of people) {
    assert.equal(await peer.echo('still here'), true, room);
    const other = gates.find((each) => each !== gate);
    assert.equal((await request(other.port, `/xmpp-websocket?room=${room}`)).headers['x-shard'], shard, room);
  }
});
