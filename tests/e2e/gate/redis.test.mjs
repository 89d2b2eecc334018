// Front doors that agree through a real Redis: one home for each new room, whoever is asked first; and what they do
// while it is away.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import net from 'node:net';
import { test } from 'node:test';
import { eventually, request, startBackend, startGate, temporaryFolder } from './support.mjs';

const hasRedis = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

// At a loopback address of this process's own, so that its port stays its own while it is down.
const net24 = `127.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}`;
let nextHost = 200;
async function startRedis(t) {
  const host = `${net24}.${nextHost++}`;
  const port = await new Promise((resolve) => {
    const probe = net.createServer().listen(0, host, () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  const folder = temporaryFolder(t);
  const redis = { url: `redis://${host}:${port}/0` };
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

async function scene(t) {
  const redis = await startRedis(t);
  const shards = [];
  for (const name of ['shard-0', 'shard-1', 'shard-2']) {
    const { port } = await startBackend(t, (incoming, response) => response.end(name));
    shards.push({ name, port });
  }
  const settings = `[peers]\nmode = "redis"\nredis.url = "${redis.url}"\nredis.failover_hold = "100ms"\nclaim_timeout = "20s"\n`;
  const gates = await Promise.all(['gate-a', 'gate-b'].map((name) => startGate(t, { shards, name, settings })));
  return { redis, gates };
}
const ask = async (gate, room) => {
  const { status, body } = await request(gate.port, `/xmpp-websocket?room=${room}`);
  assert.equal(status, 200, `${room}: ${body}`);
  return body;
};

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
