// SIGHUP: what can change in place changes, as a whole or not at all, and nobody notices.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { Participant, startShard } from './load.mjs';
import { certificate, cli, eventually, Raw, request, startBackend, startGate } from './support.mjs';

// A port that nobody has now.
async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Counts: a line of an earlier reload is not this one's.
function reloads(gate, result) {
  return gate.log.all.filter((line) => line.includes(` ${result} `)).length;
}
async function reload(gate, result = 'reloaded') {
  const before = reloads(gate, result);
  gate.signal('SIGHUP');
  await eventually(() => reloads(gate, result) > before);
}

const refused = (port) => Raw.connect(port).then((raw) => raw.socket.destroy() && false, (error) => error.code === 'ECONNREFUSED');

test('a [[listen]] block that is new opens, one that is gone closes, its tunnels and requests go on', async (t) => {
  const shard = await startShard(t, 'shard-0');
  let answer;
  const slow = await startBackend(t, (incoming, response) => { answer = () => response.end('late'); });
  const shards = [{ name: 'shard-0', port: shard.port }];
  const [first, second] = [await freePort(), await freePort()];
  const block = (port) => `[[listen]]\naddress = "127.0.0.1:${port}"\n`;
  const gate = await startGate(t, { shards, settings: block(first) });
  const tunnel = await Participant.open(first, 'room');
  t.after(() => tunnel.close());
  gate.write({ shards: [...shards, { name: 'slow', port: slow.port }], settings: block(first) });
  await reload(gate);
  const underWay = request(first, '/colibri-ws/slow/x');
  await eventually(() => answer !== undefined);

  gate.write({ settings: block(second) });
  await reload(gate);

  assert.equal((await request(second, '/xmpp-websocket?room=room')).status, 200);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=room')).status, 200);
  await eventually(() => refused(first));
  assert.equal(await tunnel.echo(), 'shard-0');
  answer();
  assert.equal((await underWay).body, 'late');

  gate.write({ settings: block(first) });
  await reload(gate);
  assert.equal((await request(first, '/xmpp-websocket?room=room')).status, 200);
  await eventually(() => refused(second));
  assert.equal(await tunnel.echo(), 'shard-0');
});

test('an address that cannot be had refuses the whole reload and changes nothing', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const taken = net.createServer();
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const free = await freePort();
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });

  gate.write({
    settings: `[[listen]]\naddress = "127.0.0.1:${free}"\n[[listen]]\naddress = "127.0.0.1:${taken.address().port}"\n`,
    top: 'debug_headers = true',
  });
  await reload(gate, 'reload_refused');

  assert.match(gate.log.all.find((line) => line.includes('reload_refused')), /cannot listen on 127\.0\.0\.1:\d+/);
  const answer = await request(gate.port, '/xmpp-websocket?room=room');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-roomgate-why'], undefined);
  assert.ok(await refused(free));
});

test('settings that make no sense change nothing, whichever part of them it is', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });
  const bad = [
    { settings: 'nonsense = 1\n' },
    { admin: 'access_log = "/no/such/folder/access.log"' },
    { admin: 'probe_address = "192.0.2.1:1"' },
    { listeners: ['', 'tls.certificates = ["/no/such/file.pem"]'] },
    { settings: '[[listen]]\naddress = "192.0.2.1:80"\n' },
    { settings: '[rooms]\nidle = "never"\n' },
  ];

  for (const settings of bad) {
    gate.write({ ...settings, top: 'debug_headers = true' });
    await reload(gate, 'reload_refused');
    const answer = await request(gate.port, '/xmpp-websocket?room=room');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-roomgate-why'], undefined, JSON.stringify(settings));
    assert.equal((await request(gate.admin, '/ready')).status, 200);
  }
  assert.equal(await gate.metric('roomgate_reloads_total{result="refused"}'), bad.length);

  gate.write({ top: 'debug_headers = true' });
  await reload(gate);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=room')).headers['x-roomgate-why'], 'stick');
});

test('a block goes from plain to TLS and back, connections keep what they began with', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });
  const pem = certificate(gate.folder, 'gate', ['gate.example']);
  const before = await Raw.connect(gate.port);
  t.after(() => before.socket.destroy());
  before.send('GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
  await before.until('shard-0');

  gate.write({ listeners: [`tls.certificates = ["${pem}"]`] });
  await reload(gate);

  const secure = tls.connect({ host: '127.0.0.1', port: gate.port, servername: 'gate.example', ca: [readFileSync(pem)] });
  await new Promise((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
  secure.destroy();
  before.take();
  before.send('GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
  await before.until('shard-0');

  gate.write({});
  await reload(gate);
  assert.equal((await request(gate.port, '/static/a')).status, 200);
});

test('the access log goes to another file, off and on, without a lost line', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });
  const file = path.join(gate.folder, 'access.log');
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  await request(gate.port, '/static/one');
  await gate.access((each) => each.path === '/static/one');

  gate.write({ admin: `access_log = "${file}"` });
  await reload(gate);
  await request(gate.port, '/static/two');
  await eventually(() => lines().includes('/static/two'));

  gate.write({ admin: 'access_log = "off"' });
  await reload(gate);
  await request(gate.port, '/static/three');

  gate.write({});
  await reload(gate);
  await request(gate.port, '/static/four');
  await gate.access((each) => each.path === '/static/four');

  assert.ok(!lines().includes('/static/three') && !gate.accessText().includes('/static/three'));
  assert.ok(!gate.accessText().includes('/static/two'));
});

test('the admin endpoint goes to another address and socket, the probe opens and closes', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });
  const probe = await freePort();
  const moved = path.join(gate.folder, 'moved.sock');

  gate.write({ admin: `probe_address = "127.0.0.1:${probe}"` });
  await reload(gate);
  assert.equal((await request(probe, '/live')).status, 200);

  gate.write({ admin: '' });
  await reload(gate);
  await eventually(() => refused(probe));

  const text = readFileSync(gate.file, 'utf8').replace(/socket = ".*"/, `socket = "${moved}"`);
  writeFileSync(gate.file, text);
  await reload(gate);
  assert.equal(cli('status', '--admin', `unix:${moved}`).code, 0);
  assert.ok(!existsSync(gate.socket));
});

test('rooms.idle counts from now on, and what only an upgrade can change is said', async (t) => {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: shard.port }] });
  await request(gate.port, '/xmpp-websocket?room=short');
  assert.equal(await gate.metric('roomgate_rooms'), 1);

  gate.write({ settings: '[rooms]\nidle = "1s"\nmax_entries = 5000\n' });
  await reload(gate);

  await eventually(async () => (await gate.metric('roomgate_rooms')) === 0);
  assert.ok(gate.log.all.some((line) => /upgrade_needed for=rooms\.max_entries/.test(line)));
});

test('a snapshot brings rooms back after a restart by hand, to the shards they were on', async (t) => {
  const shards = [await startShard(t, 'shard-0'), await startShard(t, 'shard-1')];
  const blocks = shards.map(({ name, port }) => ({ name, port }));
  const options = { shards: blocks };
  const gate = await startGate(t, options);
  const file = path.join(gate.folder, 'rooms.snapshot');
  gate.write({ settings: `[rooms]\nsnapshot = "${file}"\n` });
  await reload(gate);
  const rooms = Array.from({ length: 8 }, (_, i) => `room-${i}`);
  const where = new Map();
  for (const room of rooms) where.set(room, (await request(gate.port, `/xmpp-websocket?room=${room}`)).body);
  assert.equal(new Set(where.values()).size, 2);

  gate.signal('SIGTERM');
  assert.equal(await gate.ended, 0);
  const again = await gate.next();

  for (const room of [...rooms].reverse()) {
    assert.equal((await request(again.port, `/xmpp-websocket?room=${room}`)).body, where.get(room));
  }
  assert.equal(JSON.parse((await request(again.admin, '/api/v1/rooms/room-3')).body).origin, 'seeded');

  // One that is no snapshot is a warning, not a reason to be down.
  again.signal('SIGTERM');
  assert.equal(await again.ended, 0);
  writeFileSync(file, 'nonsense');
  const third = await gate.next();
  assert.equal((await request(third.port, '/xmpp-websocket?room=room-0')).status, 200);
  assert.ok(third.log.all.some((line) => line.includes('snapshot_not_read')));
});
