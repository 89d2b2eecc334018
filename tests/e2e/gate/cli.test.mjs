// The command line that talks to a running gate: what it prints for people and for programs, and how it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Lines, Raw, binary, cli, request, root, startGate, startRawBackend, upgradeAnswer, upgradeRequest } from './support.mjs';

const startShards = async (t, names = ['shard-0', 'shard-1']) => {
  const shards = [];
  for (const name of names) {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => socket.write(upgradeAnswer));
      socket.on('end', () => socket.end());
    });
    shards.push({ name, port: backend.port });
  }
  return shards;
};

async function tunnel(gate, room) {
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest(`/xmpp-websocket?room=${encodeURIComponent(room)}`));
  await raw.until('\r\n\r\n');
  return raw;
}

/** A command that runs on while the test does; its lines can be waited for. */
function start(t, ...args) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  t.after(() => { child.kill('SIGKILL'); return ended; });
  return { out: new Lines(child.stdout), err: new Lines(child.stderr), ended, signal: (name) => child.kill(name) };
}

const shardOf = async (gate, room) => JSON.parse((await request(gate.admin, `/api/v1/rooms/${room}`)).body).shard;
const stateOf = async (gate, shard) => JSON.parse((await request(gate.admin, `/api/v1/shards/${shard}`)).body).state;

test('every table is also JSON', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const admin = ['--admin', gate.socket];

  for (const [command, list] of [['shards', 'shards'], ['rooms', 'rooms'], ['bans', 'bans'], ['discovery', 'discovery'], ['peers', 'peers']]) {
    assert.ok(Array.isArray(JSON.parse(cli(command, '--json', ...admin).out)[list]), command);
    assert.equal(cli(command, ...admin).code, 0, command);
  }
  assert.equal(JSON.parse(cli('status', '--json', ...admin).out).name, 'gate-test');
  assert.deepEqual(JSON.parse(cli('drain', 'shard-0', '--json', ...admin).out), { shard: 'shard-0', state: 'drain' });
  assert.deepEqual(JSON.parse(cli('maint', 'shard-0', '--json', ...admin).out), { shard: 'shard-0', state: 'maint' });
  assert.deepEqual(JSON.parse(cli('ready', 'shard-0', '--json', ...admin).out), { shard: 'shard-0', state: 'ready' });
});

test('tables show what there is to say, and rooms can be chosen', async (t) => {
  const [plain, bounded] = await startShards(t);
  const gate = await startGate(t, { shards: [plain, { ...bounded, lines: 'region = "eu"\nmax_rooms = 20\nweight = 3' }] });
  const busy = [await tunnel(gate, 'busy'), await tunnel(gate, 'busy'), await tunnel(gate, 'quiet')];
  t.after(() => busy.forEach((raw) => raw.socket.destroy()));
  const admin = ['--admin', gate.socket];

  const shards = cli('shards', ...admin).out;
  assert.match(shards, /^name +region +state +health +rooms +tunnels +load +weight +address *\n/);
  assert.match(shards, /\nshard-1 +eu +ready +up +\d\/20 +\d +0% +3 +127\.0\.0\.1:\d+\n$/);
  assert.match(cli('rooms', '--sort', 'tunnels', ...admin).out, /^room +shard +tunnels +for +how\nbusy +shard-. +2 +\d+s +\S+.*\nquiet +shard-. +1 /);
  const there = await shardOf(gate, 'quiet');
  assert.match(cli('rooms', '--shard', there, ...admin).out, /\nquiet /);
  assert.match(cli('rooms', '--prefix', 'BU', ...admin).out, /^room.*\nbusy .*\n$/);
  const cut = cli('rooms', '--limit', '1', ...admin);
  assert.match(cut.out, /^room.*\nbusy .*\n$/);
  assert.match(cli('room', 'Busy', ...admin).out, /^room +busy\nshard +shard-\d\nsince +\d{4}-.*Z \(\d+s\)\ntunnels +2\n/);
  assert.match(cli('status', ...admin).out, /\ntunnels +3\n/);
});

test('shards are in the order in which people count, in tables, in JSON and on the page', async (t) => {
  const names = ['a-1', 'a-2', 'a-10', 'b'];
  const gate = await startGate(t, { shards: await startShards(t, [...names].reverse()) });

  const table = cli('shards', '--admin', gate.socket).out;
  const json = JSON.parse(cli('shards', '--json', '--admin', gate.socket).out).shards;
  const page = (await request(gate.admin, '/stats')).body;

  assert.deepEqual(table.trim().split('\n').slice(1).map((line) => line.split(' ')[0]), names);
  assert.deepEqual(json.map((row) => row.name), names);
  const places = names.map((name) => page.indexOf(`<b>${name}</b>`));
  assert.ok(places[0] > 0);
  assert.deepEqual(places, [...places].sort((a, b) => a - b));
});

test('a name from outside cannot speak to the terminal', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const raw = await tunnel(gate, '\u001b[2Jowned\u202e');
  t.after(() => raw.socket.destroy());

  const table = cli('rooms', '--admin', gate.socket).out;

  assert.match(table, /owned/);
  assert.doesNotMatch(table, /[\u001b\u202e]/);
});

test('who mistypes is told what was probably meant', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const admin = ['--admin', gate.socket];

  const shard = cli('drain', 'shrad-1', ...admin);
  assert.equal(shard.code, 1);
  assert.equal(shard.err, 'no such shard: shrad-1; did you mean shard-1? There are shard-0, shard-1\n');
  assert.equal(cli('rooms', '--shard', 'shard-7', ...admin).code, 1);
  const command = cli('drian', 'shard-1', ...admin);
  assert.equal(command.code, 2);
  assert.match(command.err, /^no such command: drian; did you mean drain\?/);
  const room = cli('room', 'none', ...admin);
  assert.equal(room.code, 1);
  assert.match(room.err, /^no such room/);
});

test('wrong usage ends with 2, and changes nothing', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const admin = ['--admin', gate.socket];

  for (const args of [['drain'], ['drain', 'shard-0', '--deadline', 'soon'], ['rooms', '--sort', 'age'], ['rooms', '--limit', 'all'],
    ['ban'], ['ban', '--room', 'a', '--tenant', 'b'], ['ban', '--room', 'a', '--status', '200'], ['room', 'a', '--forget', '--move', 'shard-0'], ['status', 'now']]) {
    assert.equal(cli(...args, ...admin).code, 2, args.join(' '));
  }
  assert.equal(await stateOf(gate, 'shard-0'), 'ready');
  assert.equal(cli('status', ...admin, '--token-file', '/nonexistent').code, 1);
});

test('room --move takes a room to another shard, and says what becomes of it', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const admin = ['--admin', gate.socket];
  const raw = await tunnel(gate, 'busy');
  t.after(() => raw.socket.destroy());
  const from = await shardOf(gate, 'busy');
  const to = from === 'shard-0' ? 'shard-1' : 'shard-0';

  const moved = cli('room', 'BUSY', '--move', to, ...admin);

  assert.equal(moved.out, `busy: from ${from} to ${to}; 1 tunnel will be closed, and come back there\n`);
  assert.equal(await shardOf(gate, 'busy'), to);
  const again = cli('room', 'busy', '--move', to, ...admin);
  assert.deepEqual([again.code, again.err], [1, `the room is on ${to} already\n`]);
  assert.equal(cli('drain', from, ...admin).code, 0);
  assert.match(cli('room', 'busy', '--move', from, ...admin).err, /takes no rooms now/);
  assert.match(cli('room', 'busy', '--move', 'shard-7', ...admin).err, /^no such shard/);
  assert.match(cli('room', 'other', '--move', to, ...admin).err, /^no such room/);
});

test('drain --deadline says when what is left is moved', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t) });
  const raw = await tunnel(gate, 'one');
  t.after(() => raw.socket.destroy());
  const shard = await shardOf(gate, 'one');

  const drained = cli('drain', shard, '--deadline', '30m', '--admin', gate.socket);

  assert.match(drained.out, new RegExp(`^${shard}: 1 room, 1 tunnel left, for 0s; what is left is moved in (30m00s|29m5\\ds)\n$`));
  assert.match(cli('shards', '--admin', gate.socket).out, new RegExp(`\n${shard} +drain +up .*1 room, 1 tunnel left`));
});

test('drain --wait tells what is left until the last tunnel has ended', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t, ['shard-0']) });
  const [one, two] = [await tunnel(gate, 'one'), await tunnel(gate, 'two')];

  const drain = start(t, 'drain', 'shard-0', '--wait', '--admin', gate.socket);
  await drain.out.wait(/^shard-0: 2 rooms, 2 tunnels left/);
  assert.equal(await stateOf(gate, 'shard-0'), 'drain');
  one.socket.destroy();
  await drain.out.wait(/, 1 tunnel left/);
  two.socket.destroy();
  await drain.out.wait(/, 0 tunnels left/);
  // Nobody is in it, but they might be back: the entry would live for rooms.idle.
  for (const room of ['one', 'two']) assert.equal(cli('room', room, '--forget', '--admin', gate.socket).code, 0);

  assert.equal(await drain.ended, 0);
  assert.equal(drain.out.all.at(-1), 'shard-0: empty');
});

test('drain --wait --json is an object a line', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t, ['shard-0']) });
  const raw = await tunnel(gate, 'one');

  const drain = start(t, 'drain', 'shard-0', '--wait', '--json', '--admin', gate.socket);
  await drain.out.wait(/"tunnels":1/);
  raw.socket.destroy();
  await drain.out.wait(/"tunnels":0/);
  cli('room', 'one', '--forget', '--admin', gate.socket);

  assert.equal(await drain.ended, 0);
  const lines = drain.out.all.map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ rooms, tunnels, empty }) => [rooms, tunnels, empty]).filter((_, i, all) => i === 0 || i === all.length - 1), [[1, 1, false], [0, 0, true]]);
});

test('Ctrl-C ends the waiting, not the drain', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t, ['shard-0']) });
  const raw = await tunnel(gate, 'one');
  t.after(() => raw.socket.destroy());

  const drain = start(t, 'drain', 'shard-0', '--wait', '--admin', gate.socket);
  await drain.out.wait(/1 tunnel left/);
  drain.signal('SIGINT');

  assert.equal(await drain.ended, 1);
  assert.match(drain.err.all.join('\n'), /shard-0 goes on draining/);
  assert.equal(await stateOf(gate, 'shard-0'), 'drain');
});

test('drain --wait ends when somebody else makes the shard ready', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t, ['shard-0']) });
  const raw = await tunnel(gate, 'one');
  t.after(() => raw.socket.destroy());

  const drain = start(t, 'drain', 'shard-0', '--wait', '--admin', gate.socket);
  await drain.out.wait(/1 tunnel left/);
  assert.equal(cli('ready', 'shard-0', '--admin', gate.socket).code, 0);

  assert.equal(await drain.ended, 1);
  assert.match(drain.err.all.join('\n'), /somebody made it ready/);
});

test('ban and unban', async (t) => {
  const gate = await startGate(t, { shards: await startShards(t), settings: '[[bans]]\ntenant = "evil"\n' });
  const admin = ['--admin', gate.socket];
  const status = async (room) => (await request(gate.port, `/xmpp-websocket?room=${room}`, { method: 'HEAD' })).status;

  assert.equal(cli('ban', '--prefix', 'spam', '--status', '429', ...admin).out, 'prefix spam: banned, with 429\n');
  assert.equal(await status('spam-1'), 429);
  assert.match(cli('bans', ...admin).out, /^what +pattern +answer +set by\n/);
  assert.match(cli('bans', ...admin).out, /\nprefix +spam +429 +operator\n/);
  assert.match(cli('bans', ...admin).out, /\ntenant +evil +403 +settings\n/);

  assert.equal(cli('unban', '--prefix', 'spam', ...admin).out, 'prefix spam: no longer banned\n');
  const settings = cli('unban', '--tenant', 'evil', ...admin);
  assert.equal(settings.code, 1);
  assert.match(settings.err, /settings/);
  assert.equal(cli('unban', '--prefix', 'spam', ...admin).code, 1);
});

test('reference prints every setting', () => {
  assert.equal(cli('reference').out, readFileSync(path.join(root, 'conf/roomgate.reference.toml'), 'utf8'));
});
