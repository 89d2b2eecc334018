// That the judge of races can see a split room, and that the relay does what it says: gates that do not know each other,
// and two HAProxy instances that do, split rooms; one gate never does.
import assert from 'node:assert/strict';
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { Relay } from '../../support/relay.mjs';
import { startPair } from './agree/haproxies.mjs';
import { startMesh } from './agree/mesh.mjs';
import { Clients } from './agree/race.mjs';
import { startShards } from './agree/shards.mjs';
import { eventually, Raw } from './support.mjs';

async function race(t, gates, options) {
  const clients = await Clients.of(gates);
  t.after(() => clients.close());
  const result = await clients.race({ rooms: 100, prefix: `r${options.skew}`, ...options });
  t.diagnostic(result.row);
  assert.deepEqual(result.failed, []);
  return result;
}

for (const gates of [2, 3]) {
  test(`${gates} gates that do not know each other split rooms, whatever the skew`, async (t) => {
    const shards = await startShards(t, 2);
    const mesh = await startMesh(t, { gates, shards, lone: true });

    for (const skew of [0, 5]) {
      const { splitShare } = await race(t, mesh.gates, { skew });

      // By chance 50 % and 75 %: of 100 rooms a quarter are far from both.
      assert.ok(splitShare > 0.25, `${splitShare}`);
    }
  });
}

test('one gate, asked as if it were two, splits none, and what it said first it says later', async (t) => {
  const shards = await startShards(t, 2);
  const { gates: [gate] } = await startMesh(t, { gates: 1, shards, lone: true });
  const clients = await Clients.of([gate, gate]);
  t.after(() => clients.close());

  const first = await clients.race({ rooms: 100, prefix: 'r' });
  const later = await clients.again(first);

  t.diagnostic(first.row);
  assert.deepEqual([first.failed, first.split, later.failed, later.differsFrom(first)], [[], [], [], []]);
  assert.equal(first.perShard.size, 2);
});

test('two HAProxy instances in one peers section split rooms that are asked for at once', async (t) => {
  const shards = await startShards(t, 2);
  const pair = await startPair(t, shards);

  const { splitShare } = await race(t, pair, { skew: 0 });

  assert.ok(splitShare > 0.2, `${splitShare}`);
});

// A server that sends back what it gets.
async function echo(t, options) {
  const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const relay = await Relay.start({ target: { host: '127.0.0.1', port: server.address().port }, ...options });
  t.after(() => relay.stop());
  const raw = await Raw.connect(relay.port, undefined, relay.host);
  t.after(() => raw.socket.destroy());
  return { relay, raw };
}

test('the relay delays both ways and keeps the order', async (t) => {
  const { raw } = await echo(t, { delay: 40 });
  const words = Array.from({ length: 100 }, (_, i) => `word-${i} `);

  const begin = performance.now();
  for (const word of words) raw.send(word);
  await raw.until(words.join(''));
  const took = performance.now() - begin;

  assert.equal(raw.text, words.join(''));
  assert.ok(took >= 80, `${took}`);
  t.diagnostic(`a hundred pieces there and back in ${took.toFixed(1)} ms`);
});

test('the relay stalls and goes on; is cut, and new connections are heard of again after that; breaks', async (t) => {
  const { relay, raw } = await echo(t, {});
  raw.send('one');
  await raw.until('one');

  relay.stall();
  raw.send('two');
  await eventually(() => relay.bytes >= 9);
  assert.equal(raw.text, 'one');
  relay.go();
  await raw.until('onetwo');

  relay.cut();
  raw.send('lost');
  await eventually(() => relay.bytes >= 16);
  assert.equal(raw.ended, false);
  await relay.heal();
  await raw.untilEnd();
  assert.equal(raw.text, 'onetwo');

  const again = await Raw.connect(relay.port, undefined, relay.host);
  again.send('three');
  await again.until('three');
  await relay.break();
  await again.untilEnd();
  await assert.rejects(Raw.connect(relay.port, undefined, relay.host), { code: 'ECONNREFUSED' });
});
