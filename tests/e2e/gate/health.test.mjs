// How a gate learns how its shards are - checks, agents, its own clients' connections - and what it does with
// that: a shard in doubt, a shard that died, and all of them out of reach at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually, Raw, request, startBackend, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

const quick = '[health]\ninterval = "100ms"\ninterval_fast = "50ms"\ntimeout = "5s"\nrise = 2\n';

// A shard with a loopback address of its own: its port stays its own while nobody listens there. It answers
// with its name, health checks as `health` says, and takes WebSockets.
const net24 = `127.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}`;
let nextHost = 1;
async function startShard(t, name) {
  const host = `${net24}.${nextHost++}`;
  const shard = { name, host, port: 0, health: () => 200, checks: 0 };
  const sockets = new Set();
  let server;
  shard.listen = () => new Promise((resolve) => {
    server = http.createServer((incoming, response) => {
      if (incoming.url !== '/about/health') return response.end(name);
      ++shard.checks;
      response.statusCode = shard.health();
      return response.end();
    });
    server.on('upgrade', (incoming, socket) => socket.write(upgradeAnswer));
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(shard.port, host, () => {
      shard.port = server.address().port;
      resolve();
    });
  });
  // Connections to it are refused, and those that were there have ended.
  shard.vanish = () => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
  await shard.listen();
  t.after(() => shard.vanish());
  return shard;
}
async function startShards(t, count) {
  const shards = [];
  for (let i = 0; i < count; ++i) shards.push(await startShard(t, `shard-${i}`));
  return shards;
}
const blocks = (shards, lines = '') => shards.map((shard) => `[[shards]]\nname = "${shard.name}"\naddress = "${shard.host}:${shard.port}"\n${lines}\n`).join('');
const gateFor = (t, shards, settings) => startGate(t, { settings: `${blocks(shards)}${settings}` });

const ask = (gate, room) => request(gate.port, `/xmpp-websocket?room=${room}`);
const rowOf = async (gate, name) => JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards.find((each) => each.name === name);
const room = async (gate, key) => JSON.parse((await request(gate.admin, `/api/v1/rooms/${key}`)).body);
const checks = (gate, name, result) => gate.metric(`roomgate_health_checks_total{shard="${name}",result="${result}"}`);
const moved = (name) => `roomgate_assignments_total{shard="${name}",how="moved"}`;
async function join(t, gate, key) {
  const raw = await Raw.connect(gate.port);
  t.after(() => raw.socket.destroy());
  raw.send(upgradeRequest(`/xmpp-websocket?room=${key}`));
  await raw.until('101');
  return raw;
}
// Until every core has heard it: `right` of 20 answers in a row.
async function settled(right) {
  for (let inARow = 0; inARow < 20;) inARow = (await right()) ? inARow + 1 : 0;
}

test('a check asks as the operator says, and takes the statuses that are expected', async (t) => {
  let status = 204;
  const backend = await startBackend(t, (incoming, response) => {
    response.statusCode = status;
    response.end();
  });
  const gate = await startGate(t, {
    shards: [{ name: 'shard-0', port: backend.port }],
    settings: `${quick}fall = 2\npath = "/live?x=1"\nhost = "meet.example"\nheaders = ["X-Probe: a b", "User-Agent: prober"]\nexpect = ["2xx", "401"]\n`,
  });
  await eventually(async () => (await checks(gate, 'shard-0', 'ok')) >= 1);
  status = 401;
  await eventually(() => backend.seen.filter((each) => each.headers.host === 'meet.example').length >= 4);
  const [seen] = backend.seen;
  assert.equal(seen.url, '/live?x=1');
  assert.equal(seen.headers.host, 'meet.example');
  assert.equal(seen.headers['x-probe'], 'a b');
  assert.equal(seen.headers['user-agent'], 'prober');
  assert.equal(await checks(gate, 'shard-0', 'failed'), undefined);

  status = 302;
  await gate.log.wait(/shard_down shard=shard-0 reason="status 302"/);
});

test('rise, fall, and what is in between', async (t) => {
  const [shard, other] = await startShards(t, 2);
  const script = [];
  shard.health = () => script.shift() ?? 200;
  const gate = await gateFor(t, [shard, other], `${quick}fall = 3\n`);
  const said = () => gate.log.all.flatMap((line) => /(shard_\w+) shard=shard-0/.exec(line)?.[1] ?? []);
  await eventually(() => shard.checks > 0);

  script.push(500, 500, 200, 500, 500);
  await gate.log.wait(/shard_up shard=shard-0 was=soft/);
  assert.deepEqual(said(), ['shard_soft_down', 'shard_up']);

  script.push(500, 500, 500, 200, 500, 200);
  await gate.log.wait(/shard_up shard=shard-0 was=down/);
  assert.deepEqual(said(), ['shard_soft_down', 'shard_up', 'shard_soft_down', 'shard_down', 'shard_up']);
});

test('a shard that is soft down keeps its rooms and gets no new ones', async (t) => {
  const shards = await startShards(t, 2);
  const gate = await gateFor(t, shards, `${quick}fall = 100\n`);
  assert.equal((await ask(gate, 'mine')).body, 'shard-0');

  shards[0].health = () => 503;
  await gate.log.wait(/shard_soft_down shard=shard-0 reason="status 503"/);
  let n = 0;
  await settled(async () => (await ask(gate, `new-${n++}`)).body === 'shard-1');
  assert.equal((await ask(gate, 'mine')).body, 'shard-0');
  assert.equal(await gate.metric('roomgate_shard_soft_down{shard="shard-0"}'), 1);
  assert.equal(await gate.metric('roomgate_shard_soft_down{shard="shard-1"}'), 0);
  assert.equal(await gate.metric('roomgate_shard_up{shard="shard-0",region=""}'), 1);
  const row = await rowOf(gate, 'shard-0');
  assert.deepEqual([row.up, row.takes_rooms, row.reason], [true, false, 'status 503']);

  // Where all are in doubt, the doubt may be ours.
  shards[1].health = () => 503;
  await gate.log.wait(/shard_soft_down shard=shard-1/);
  await settled(async () => (await ask(gate, `late-${n++}`)).status === 200);
});

test('a reload keeps what is known: a shard that is down stays down', async (t) => {
  const shards = await startShards(t, 2);
  const settings = (more) => `${blocks(shards)}${quick}fall = 2\n${more}`;
  const gate = await startGate(t, { settings: settings('') });
  await shards[0].vanish();
  await gate.log.wait(/shard_down shard=shard-0/);
  const reload = async (more) => {
    const said = () => gate.log.all.filter((line) => / reload(ed|_refused) /.test(line));
    const before = said().length;
    gate.write({ settings: settings(more) });
    gate.signal('SIGHUP');
    await eventually(() => said().length > before);
    assert.match(said().at(-1), / reloaded /);
    return rowOf(gate, 'shard-0');
  };

  assert.equal((await reload('[limits]\nbody_bytes = 2000\n')).up, false);
  assert.equal((await reload('path = "/about/health?again"\n')).up, false);
  assert.equal(gate.log.all.some((line) => /shard_up shard=shard-0/.test(line)), false);

  // Off is off: every shard counts as up.
  assert.equal((await reload('enabled = false\n')).up, true);
});

// An agent: one line to whoever connects. `asked`: how often, since the line was set.
async function startAgent(t) {
  const agent = { asked: 0, text: '' };
  const backend = await startRawBackend(t, (socket) => {
    ++agent.asked;
    socket.end(agent.text);
  });
  agent.port = backend.port;
  agent.refuse = backend.refuse;
  // Twice: when the second is answered, the first has been dealt with.
  agent.say = async (text) => {
    agent.text = text;
    agent.asked = 0;
    await eventually(() => agent.asked >= 2);
  };
  return agent;
}
const agentSettings = '[health]\ninterval = "100ms"\nagent_interval = "100ms"\n';

test('an agent drains, stops and takes down its shard, and its last word stays', async (t) => {
  const shards = await startShards(t, 2);
  const agent = await startAgent(t);
  const gate = await startGate(t, {
    settings: `${blocks(shards.slice(0, 1), `agent = "127.0.0.1:${agent.port}"`)}${blocks(shards.slice(1))}${agentSettings}`,
  });
  const becomes = (what) => eventually(async () => {
    const row = await rowOf(gate, 'shard-0');
    return Object.entries(what).every(([key, value]) => row[key] === value);
  });
  let n = 0;
  const newOnesAvoidIt = () => settled(async () => (await ask(gate, `new-${n++}`)).body === 'shard-1');
  assert.equal((await ask(gate, 'mine')).body, 'shard-0');

  await agent.say('drain\n');
  await becomes({ up: true, takes_rooms: false });
  await newOnesAvoidIt();
  assert.equal((await ask(gate, 'mine')).body, 'shard-0');

  await agent.say('ready\n');
  await becomes({ up: true, takes_rooms: true });

  await agent.say('down # disk is full\n');
  await becomes({ up: false, takes_rooms: false });
  await newOnesAvoidIt();
  assert.equal(await gate.metric('roomgate_shard_up{shard="shard-0",region=""}'), 0);
  assert.match(await gate.log.wait(/agent_says .*state=down/), /disk is full/);

  await agent.say('up\n');
  await becomes({ up: true, takes_rooms: true });
  await agent.say('0%\n');
  await becomes({ up: true, takes_rooms: false });
  await agent.say('maint 100%\n');
  await eventually(async () => (await request(gate.port, '/colibri-ws/shard-0/c/e')).status === 503);

  // Cut off, then nobody there: no news.
  await agent.say('ready');
  await agent.refuse();
  await gate.log.wait(/agent_failed shard=shard-0 .*reason="it closed in the middle of its line"/);
  const failed = () => gate.metric('roomgate_agent_checks_total{shard="shard-0",result="failed"}');
  const before = await failed();
  await eventually(async () => (await failed()) > before + 2);
  assert.equal((await rowOf(gate, 'shard-0')).takes_rooms, false);
  assert.equal((await request(gate.port, '/colibri-ws/shard-0/c/e')).status, 503);
});

test('an agent means to the gate what it means to HAProxy', async (t) => {
  const shards = await startShards(t, 1);
  const [ours, theirs] = [await startAgent(t), await startAgent(t)];
  const gate = await startGate(t, { settings: `${blocks(shards, `agent = "127.0.0.1:${ours.port}"`)}${agentSettings}` });
  const folder = temporaryFolder(t);
  const socket = `${folder}/haproxy.sock`;
  writeFileSync(`${folder}/haproxy.cfg`, `global\n  stats socket ${socket} mode 600 level admin\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n  timeout check 1m\n` +
    `backend b\n  server s ${shards[0].host}:${shards[0].port} weight 100 agent-check agent-port ${theirs.port} agent-addr 127.0.0.1 agent-inter 100ms\n`);
  const haproxy = spawn('haproxy', ['-db', '-f', `${folder}/haproxy.cfg`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => { haproxy.once('exit', resolve); });
  t.after(() => {
    haproxy.kill('SIGKILL');
    return ended;
  });
  const stat = () => new Promise((resolve, reject) => {
    const client = net.connect(socket, () => client.end('show stat\n'));
    let text = '';
    client.on('data', (data) => { text += data; });
    client.on('close', () => {
      const [head, ...lines] = text.replace(/^# /, '').trim().split('\n').map((line) => line.split(','));
      const server = lines.find((line) => line[0] === 'b' && line[1] === 's');
      resolve(Object.fromEntries(head.map((name, i) => [name, server[i]])));
    });
    client.on('error', reject);
  });
  const theirWord = async () => {
    const { status, weight } = await stat();
    if (/^MAINT/.test(status)) return 'maint';
    if (/^DOWN/.test(status)) return 'down';
    return /^DRAIN/.test(status) || weight === '0' ? 'drain' : `takes ${weight}%`;
  };
  const ourWord = async () => {
    const row = await rowOf(gate, 'shard-0');
    if (/maint/.test(row.reason)) return 'maint';
    if (!row.up) return 'down';
    const percent = gate.log.all.flatMap((line) => /agent_says .*percent=(\d+)/.exec(line)?.[1] ?? []).at(-1) ?? '100';
    return row.takes_rooms ? `takes ${percent}%` : 'drain';
  };

  // ("failed" is what HAProxy's manual has, "fail" what its 2.6 understands; the gate takes both.)
  const expected = {
    'up ready 100%\n': 'takes 100%', '75%\n': 'takes 75%', 'drain\n': 'drain', '80%\n': 'drain', 'ready\n': 'takes 80%',
    'down #x\n': 'down', 'ready 90%\n': 'down', 'Up\r\n': 'takes 90%', 'maint\n': 'maint', 'up\n': 'maint', 'READY,up\t100%\n': 'takes 100%',
    '0%\n': 'drain', '60%, maxconn:7\n': 'takes 60%', 'stopped\n': 'down', 'up\n\n': 'takes 60%', 'fail\n': 'down', 'up 100% # down\n': 'takes 100%',
    'nonsense\n': 'takes 100%',
  };
  for (const [line, word] of Object.entries(expected)) {
    await Promise.all([ours.say(line), theirs.say(line)]);
    assert.equal(await ourWord(), word, `the gate, after ${JSON.stringify(line)}`);
    assert.equal(await theirWord(), word, `HAProxy, after ${JSON.stringify(line)}`);
  }
});

test('connections of clients that fail count as failed checks, unless that is switched off', async (t) => {
  const shards = await startShards(t, 2);
  const rarely = '[health]\ninterval = "10m"\ninterval_fast = "50ms"\nfall = 3\n';
  const gate = await gateFor(t, shards, rarely);
  const without = await gateFor(t, shards, `${rarely}observe = false\n`);
  for (const each of [gate, without]) {
    await eventually(async () => (await checks(each, 'shard-0', 'ok')) === 1);
    assert.equal((await ask(each, 'mine')).body, 'shard-0');
  }

  await shards[0].vanish();
  let down = false;
  gate.log.wait(/shard_down shard=shard-0/).then(() => { down = true; });
  await eventually(async () => {
    assert.ok((await ask(without, 'mine')).status === 503);
    await ask(gate, 'mine');
    return down;
  });

  assert.ok((await checks(gate, 'shard-0', 'observed')) >= 1);
  assert.equal(await checks(without, 'shard-0', 'observed'), undefined);
  assert.equal((await rowOf(without, 'shard-0')).up, true);

  // It comes up by its checks, not by connections that succeed.
  await shards[0].listen();
  assert.equal((await request(gate.port, '/colibri-ws/shard-0/c/e')).body, 'shard-0');
  assert.equal((await rowOf(gate, 'shard-0')).up, false);
});

test('failures of one moment count once', async (t) => {
  const shards = await startShards(t, 1);
  const gate = await gateFor(t, shards, '[health]\ninterval = "10m"\ninterval_fast = "10m"\nfall = 3\n');
  await eventually(async () => (await checks(gate, 'shard-0', 'ok')) === 1);
  await ask(gate, 'mine');
  await shards[0].vanish();

  for (let round = 0; round < 5; ++round) await Promise.all(Array.from({ length: 20 }, () => ask(gate, 'mine')));
  // The one that counted had a check made at once.
  await eventually(async () => (await checks(gate, 'shard-0', 'failed')) === 1);

  assert.equal(await checks(gate, 'shard-0', 'observed'), 1);
  assert.equal((await rowOf(gate, 'shard-0')).up, true);
  assert.equal(await gate.metric('roomgate_shard_soft_down{shard="shard-0"}'), 1);
});

test('a shard killed: its rooms move once each, the others never, and nobody is refused any more', async (t) => {
  const child = spawn(process.execPath, ['-e', `
    const answer = ${JSON.stringify(upgradeAnswer)};
    const server = require('http').createServer((incoming, response) => response.end('shard-0'));
    server.on('upgrade', (incoming, socket) => socket.on('error', () => {}).write(answer));
    server.listen(0, '${net24}.250', () => console.log(server.address().port));`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
  const port = await new Promise((resolve) => { child.stdout.once('data', (data) => resolve(Number(data.toString()))); });
  const others = [await startShard(t, 'shard-1'), await startShard(t, 'shard-2')];
  const gate = await gateFor(t, [{ name: 'shard-0', host: `${net24}.250`, port }, ...others], `${quick}fall = 3\n`);
  const rooms = Array.from({ length: 24 }, (_, i) => `room-${i}`);
  for (const key of rooms) await join(t, gate, key);
  const before = new Map();
  for (const key of rooms) before.set(key, (await room(gate, key)).shard);
  const its = rooms.filter((key) => before.get(key) === 'shard-0');
  assert.equal(its.length, 8);

  child.kill('SIGKILL');
  await ended;
  // A new room never waits for anybody to notice.
  for (let i = 0; i < 20; ++i) assert.equal((await ask(gate, `new-${i}`)).status, 200);
  await gate.log.wait(/shard_down shard=shard-0/);
  for (const key of its) await eventually(async () => (await ask(gate, key)).status === 200);

  for (let round = 0; round < 5; ++round) {
    const answers = await Promise.all(rooms.map((key) => ask(gate, key)));
    assert.deepEqual(answers.map((each) => each.status), rooms.map(() => 200));
  }
  for (const key of rooms) {
    const now = await room(gate, key);
    assert.equal(now.generation, its.includes(key) ? 2 : 1, key);
    if (!its.includes(key)) assert.equal(now.shard, before.get(key));
  }
});

test('all shards out of reach, then back: no room has moved', async (t) => {
  const shards = await startShards(t, 3);
  const gate = await gateFor(t, shards, `${quick}fall = 3\n`);
  const rooms = Array.from({ length: 12 }, (_, i) => `room-${i}`);
  for (const key of rooms) await join(t, gate, key);
  const before = new Map();
  for (const key of rooms) before.set(key, (await room(gate, key)).shard);
  assert.equal(new Set(before.values()).size, 3);

  await Promise.all(shards.map((shard) => shard.vanish()));
  let down = false;
  const allDown = Promise.all(shards.map((shard) => gate.log.wait(new RegExp(`shard_down shard=${shard.name}`)))).then(() => { down = true; });
  const everyRoom = async (status) => (await Promise.all(rooms.map((key) => ask(gate, key)))).every((each) => each.status === status);
  while (!down) assert.ok(await everyRoom(503));
  await allDown;
  // For several more checks.
  const failed = await checks(gate, 'shard-0', 'failed');
  await eventually(async () => (await everyRoom(503)) && (await checks(gate, 'shard-0', 'failed')) > failed + 3);
  assert.equal(await gate.metric('roomgate_panic'), 1);

  await Promise.all(shards.map((shard) => shard.listen()));
  await Promise.all(shards.map((shard) => gate.log.wait(new RegExp(`shard_up shard=${shard.name} was=down`))));
  await eventually(() => everyRoom(200));
  for (const key of rooms) {
    const now = await room(gate, key);
    assert.deepEqual([now.shard, now.generation], [before.get(key), 1], key);
    assert.equal((await ask(gate, key)).body, now.shard);
  }
  for (const shard of shards) assert.equal(await gate.metric(moved(shard.name)), undefined);
});

test('a room that nobody is in may move at once, but only to a shard that can be reached', async (t) => {
  const shards = await startShards(t, 3);
  const gate = await gateFor(t, shards, '[health]\ninterval = "10m"\nobserve = false\n');
  for (const { name } of shards) await eventually(async () => (await checks(gate, name, 'ok')) === 1);
  await Promise.all(shards.map((shard) => shard.vanish()));

  assert.equal((await ask(gate, 'fresh')).status, 503);

  const { shard, generation } = await room(gate, 'fresh');
  assert.equal(generation, 1);
  await Promise.all(shards.map((each) => each.listen()));
  assert.equal((await ask(gate, 'fresh')).body, shard);
  for (const { name } of shards) assert.equal(await gate.metric(moved(name)), undefined);

  await shards.find((each) => each.name !== shard).vanish();
  for (let i = 0; i < 6; ++i) assert.equal((await ask(gate, `new-${i}`)).status, 200);
});
