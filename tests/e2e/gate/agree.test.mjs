// Front doors that agree: whoever is asked first, wherever, and whoever is asked at the same moment, all name one shard.
// LONG=1: the whole matrix, also with one core loaded, and what a claim adds to a first request, as a table.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { startMesh } from './agree/mesh.mjs';
import { Clients, ms } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';
import { request } from './support.mjs';

const long = process.env.LONG === '1';
const gateCounts = long ? [2, 3, 5] : [2, 3];
const shardCounts = long ? [2, 5] : [2];
const skews = long ? [0, 1, 5, 20] : [0, 1];
const delays = long ? [0, 5, 200] : [0, 5];
const rooms = long ? 500 : 100;
const perSecond = long ? 160 : 80;

// A process that does nothing, on one core, all the time.
function loadOneCore(t) {
  const child = spawn('taskset', ['-c', '0', process.execPath, '-e', 'for (;;);']);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
}

// Of a lone gate with the same shards, asked as often: what a first request takes without a claim.
async function alone(t, shards, gates, options) {
  const { gates: [gate] } = await startMesh(t, { gates: 1, shards, lone: true });
  const clients = await Clients.of(Array(gates).fill(gate), long ? 128 : 32);
  t.after(() => clients.close());
  return clients.race(options);
}

async function matrix(t, gates, shardCount, name) {
  const shards = await startShards(t, shardCount);
  const mesh = await startMesh(t, { gates, shards });
  const clients = await Clients.of(mesh.gates, long ? 128 : 32);
  t.after(() => clients.close());
  for (const delay of delays) {
    await shards.delay(delay);
    for (const skew of skews) {
      const first = await clients.race({ rooms, prefix: `${name}-${delay}-${skew}`, skew, perSecond });
      const known = await clients.again(first, { skew, perSecond });
      const cell = `${gates} gates, ${shardCount} shards, ${delay} ms`;
      t.diagnostic(`${cell}: ${first.row}`);
      if (skew === 0) {
        const lone = await alone(t, shards, gates, { rooms, prefix: 'lone', skew, perSecond });
        const against = (other) => `p50 ${ms(first.took.p50 - other.took.p50)} p99 ${ms(first.took.p99 - other.took.p99)} ms`;
        t.diagnostic(`${cell}: a first request takes longer than to a known room by ${against(known)}, than at a lone gate by ${against(lone)}`);
      }
      assert.deepEqual(first.failed, [], cell);
      assert.deepEqual(first.split, [], cell);
      assert.deepEqual([known.failed, known.differsFrom(first)], [[], []], cell);
      assert.equal(first.perShard.size, shardCount, cell);
    }
  }
}

for (const gates of gateCounts) {
  for (const shards of shardCounts) {
    test(`${gates} gates and ${shards} shards split no room`, (t) => matrix(t, gates, shards, 'quiet'));
    if (!long) continue;
    test(`${gates} gates and ${shards} shards split no room while one core is loaded`, (t) => {
      loadOneCore(t);
      return matrix(t, gates, shards, 'loaded');
    });
  }
}

test('fifty clients of each gate at once, for one room', async (t) => {
  const shards = await startShards(t, 2);
  const { gates } = await startMesh(t, { gates: 3, shards });

  for (let round = 0; round < 10; ++round) {
    const answers = await Promise.all(gates.flatMap((gate) => Array.from({ length: 50 }, () => request(gate.port, `/xmpp-websocket?room=crowd-${round}`))));

    assert.deepEqual([...new Set(answers.map(({ status, headers }) => `${status} ${headers['x-shard']}`))].length, 1);
    assert.equal(answers[0].status, 200);
  }
});

test('each gate\'s table has the room, the same generation and who decided it', async (t) => {
  const shards = await startShards(t, 2);
  const { gates } = await startMesh(t, { gates: 3, shards });
  const clients = await Clients.of(gates, 4);
  t.after(() => clients.close());

  const result = await clients.race({ rooms: 20, prefix: 'row' });

  for (const room of result.names) {
    const rows = await Promise.all(gates.map((gate) => gate.get(`rooms/${room}`)));
    for (const field of ['shard', 'generation', 'owner']) assert.equal(new Set(rows.map((row) => row[field])).size, 1, `${room} ${field}`);
    assert.equal(rows[0].shard, result.firsts.get(room)[0]);
  }
});
