// The binary is replaced while everything goes on: `--takeover`, SIGUSR2, and what happens when it goes wrong.
// That another user's process is refused cannot be tested here: as root every process is ours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { Participant, Requests, startShard } from './load.mjs';
import { certificate, cli, eventually, Raw, request, sanitized, startGate, temporaryFolder } from './support.mjs';
import { connect } from './websocket.mjs';

// The whole of it takes minutes: ./dev test --long.
const long = process.env.LONG === '1';

async function startShards(t, count) {
  const shards = [];
  for (let i = 0; i < count; ++i) shards.push(await startShard(t, `shard-${i}`));
  return shards.map(({ name, port }) => ({ name, port }));
}

const roomOf = async (gate, room) => JSON.parse((await request(gate.admin, `/api/v1/rooms/${room}`)).body);
const shardOf = async (port, room) => (await request(port, `/xmpp-websocket?room=${room}`)).body;

function reload(gate) {
  const count = () => gate.log.all.filter((line) => / reloaded /.test(line)).length;
  const before = count();
  gate.signal('SIGHUP');
  return eventually(() => count() > before);
}

test('open WebSockets and a load of requests notice neither reloads nor replacements', async (t) => {
  const tunnels = long ? 500 : sanitized ? 40 : 100;
  const reloads = long ? 10 : 3;
  const shards = await startShards(t, 3);
  const pem = certificate(temporaryFolder(t), 'gate', ['gate.example']);
  const doors = ['', 'http2_cleartext = true', `tls.certificates = ["${pem}"]`];
  const settings = { shards, listeners: doors, admin: 'access_log = "off"' };
  const first = await startGate(t, settings);
  const gates = [first];
  const rooms = Array.from({ length: tunnels / 5 }, (_, i) => `room-${i}`);
  const participants = [];
  for (let i = 0; i < tunnels; i += 50) {
    participants.push(...await Promise.all(rooms.concat(rooms, rooms, rooms, rooms).slice(i, Math.min(i + 50, tunnels))
      .map((room) => Participant.open(first.port, room))));
  }
  t.after(() => participants.forEach((each) => each.close()));
  const requests = new Requests({ port: first.port, h2Port: first.ports.http[1], tlsPort: first.ports.https[0], perSecond: sanitized ? 50 : 200, rooms: [...rooms, 'a', 'b', 'c'] });
  t.after(() => requests.stop());
  const shardsOf = new Map();
  const allEcho = async () => {
    const echoes = await Promise.all(participants.map((each) => each.echo()));
    participants.forEach(({ room }, i) => {
      assert.equal(echoes[i], shardsOf.get(room) ?? echoes[i], `${room} has moved`);
      shardsOf.set(room, echoes[i]);
    });
  };
  await allEcho();

  for (let i = 0; i < reloads; ++i) {
    // Another door, another log, other limits: each time something else than before.
    first.write({ ...settings, listeners: i % 2 === 0 ? [...doors, ''] : doors, top: i % 2 === 0 ? 'debug_headers = true' : '' });
    await reload(first);
    await requests.more(long ? 400 : 60);
    await allEcho();
  }
  assert.equal(participants.filter((each) => each.closed).length, 0);
  for (let i = 0; i < 2; ++i) {
    gates.push(await gates.at(-1).next('--takeover'));
    await requests.more(long ? 2000 : 150);
    await allEcho();
  }
  await requests.stop();

  t.diagnostic(`${participants.length} WebSockets, ${requests.answered} requests answered (${JSON.stringify(requests.byKind)}), `
    + `${reloads} reloads, 2 replacements: ${requests.failures.length} requests failed, ${participants.filter((each) => each.closed).length} WebSockets closed`);
  assert.deepEqual(requests.failures, []);
  assert.equal(participants.filter((each) => each.closed).length, 0);
  // The newest knows every tunnel of the oldest, and rooms are where they were for those who come now.
  const last = gates.at(-1);
  await eventually(async () => (await roomOf(last, 'room-0')).tunnels === 5);
  assert.equal(await shardOf(last.port, 'room-0'), shardsOf.get('room-0'));
  for (const each of participants) each.close();
  assert.equal(await gates[0].ended, 0);
  assert.equal(await gates[1].ended, 0);
  await eventually(async () => (await roomOf(last, 'room-0')).tunnels === 0);
});

test('tunnels that outlive upgrade.grace get a Close 1001, and no others', async (t) => {
  const shards = await startShards(t, 1);
  const settings = '[upgrade]\ngrace = "300ms"\n';
  const old = await startGate(t, { shards, settings });
  const tunnel = await connect(old.port, '/xmpp-websocket?room=room');

  const now = await old.next('--takeover');
  const other = await Participant.open(now.port, 'room');
  t.after(() => other.close());

  assert.equal(await tunnel.closed(), 1001);
  tunnel.stream.destroy();
  assert.equal(await old.ended, 0);
  assert.equal(await other.echo(), 'shard-0');
});

test('a room that the new process has made is never split by what still comes to the old one', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'anchor');
  t.after(() => tunnel.close());
  // Two connections that were used before and are kept, as browsers keep them.
  const kept = await Promise.all([Raw.connect(old.port), Raw.connect(old.port)]);
  for (const raw of kept) {
    raw.send('GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
    await raw.until(/shard-\d$/);
    raw.take();
  }

  const now = await old.next('--takeover');
  const where = await shardOf(now.port, 'made-by-new');
  assert.notEqual(await shardOf(now.port, 'turn'), undefined);
  kept[0].send('GET /xmpp-websocket?room=made-by-new HTTP/1.1\r\nHost: g\r\n\r\n');
  kept[1].send('GET /xmpp-websocket?room=asked-by-old HTTP/1.1\r\nHost: g\r\n\r\n');
  const answers = await Promise.all(kept.map((raw) => raw.untilEnd()));

  assert.match(answers[0], new RegExp(`Connection: close[^]*${where}$`, 'i'));
  assert.match(answers[1], /^HTTP\/1\.1 200[^]*Connection: close[^]*shard-\d$/i);
  assert.ok(answers[1].endsWith((await roomOf(now, 'asked-by-old')).shard));
  for (const raw of kept) raw.socket.destroy();
});

test('a tunnel that is opened over an old connection is held by the new process', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  const anchor = await Participant.open(old.port, 'anchor');
  t.after(() => anchor.close());
  const kept = await Raw.connect(old.port);
  kept.send('GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
  await kept.until(/shard-\d$/);
  kept.take();

  const now = await old.next('--takeover');
  kept.send('GET /xmpp-websocket?room=late HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  await kept.until('101 Switching');

  await eventually(async () => (await roomOf(now, 'late')).tunnels === 1);
  kept.socket.destroy();
  await eventually(async () => (await roomOf(now, 'late')).tunnels === 0);
  assert.equal((await roomOf(now, 'anchor')).tunnels, 1);
});

test('a new process with bad settings, or one that cannot open its doors, leaves the old one as it was', async (t) => {
  const shards = await startShards(t, 1);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'room');
  t.after(() => tunnel.close());

  old.write({ settings: 'nonsense = 1\n' });
  assert.equal(await old.failing('--takeover').ended, 1);
  old.write({ settings: '[[listen]]\naddress = "192.0.2.1:80"\n' });
  const second = old.failing('--takeover');
  assert.equal(await second.ended, 1);
  assert.ok(second.log.all.some((line) => /cannot_take_over error=.*192\.0\.2\.1:80/.test(line)), second.log.all.join('\n'));
  await old.log.wait(/upgrade_failed error=.*192\.0\.2\.1:80/);

  assert.equal(await tunnel.echo(), 'shard-0');
  assert.equal((await request(old.port, '/xmpp-websocket?room=another')).status, 200);
  assert.equal(await old.metric('roomgate_upgrades_total{result="failed"}'), 1);
  // And another one may.
  old.write({});
  const now = await old.next('--takeover');
  assert.equal(await now.metric('roomgate_upgrades_total{result="ok"}'), 1);
  assert.equal(await tunnel.echo(), 'shard-0');
});

test('a new process that is killed while it prepares leaves the old one as it was; meanwhile there is only one', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'room');
  t.after(() => tunnel.close());
  // Opening its access log waits for a reader, who never comes.
  const pipe = path.join(old.folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  old.write({ admin: `access_log = "${pipe}"` });
  const stuck = old.failing('--takeover');
  stuck.expectedEnd = 'SIGKILL';
  await old.log.wait(/upgrade_begins/);

  const second = old.failing('--takeover');
  assert.equal(await second.ended, 1);
  assert.ok(second.log.all.some((line) => /cannot_take_over error=.*another process is taking over/.test(line)));
  old.signal('SIGHUP');
  await old.log.wait(/reload_refused/);
  old.signal('SIGUSR2');
  await old.log.wait(/upgrade_refused because/);
  assert.equal((await request(old.port, '/xmpp-websocket?room=during')).status, 200);
  stuck.signal('SIGKILL');

  await old.log.wait(/upgrade_failed/);
  assert.equal(await tunnel.echo(), (await roomOf(old, 'room')).shard);
  assert.equal((await request(old.port, '/xmpp-websocket?room=after')).status, 200);
  old.write({});
  const now = await old.next('--takeover');
  assert.equal(await shardOf(now.port, 'during'), (await roomOf(now, 'during')).shard);
});

test('SIGTERM in the middle of a takeover ends the old process, and the new one does not serve', async (t) => {
  const shards = await startShards(t, 1);
  const old = await startGate(t, { shards });
  const pipe = path.join(old.folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  old.write({ admin: `access_log = "${pipe}"` });
  const stuck = old.failing('--takeover');
  await old.log.wait(/upgrade_begins/);

  old.signal('SIGTERM');
  assert.equal(await old.ended, 0);
  // Now a reader comes: it goes on, and finds nobody.
  const reader = openSync(pipe, 'r+');
  t.after(() => closeSync(reader));

  assert.equal(await stuck.ended, 1);
  assert.ok(stuck.log.all.some((line) => /cannot_take_over/.test(line)), stuck.log.all.join('\n'));
});

test('--takeover without anybody to take over from says so', async (t) => {
  const shards = await startShards(t, 1);
  const gate = await startGate(t, { shards });
  gate.signal('SIGTERM');
  assert.equal(await gate.ended, 0);
  assert.ok(!existsSync(`${gate.socket}.upgrade`));

  const alone = gate.failing('--takeover');
  assert.equal(await alone.ended, 1);
  assert.ok(alone.log.all.some((line) => /cannot_take_over error=.*no process answers/.test(line)));
});

test('SIGUSR2 starts the program that is on disk now, which takes over', async (t) => {
  const shards = await startShards(t, 1);
  const gate = await startGate(t, { shards });
  const tunnel = await Participant.open(gate.port, 'room');
  t.after(() => tunnel.close());

  gate.signal('SIGUSR2');
  const line = await gate.log.wait((each) => / serving /.test(each) && !each.endsWith(`pid=${gate.pid}`));
  const pid = Number(/pid=(\d+)/.exec(line)[1]);
  gate.successors.push(pid);
  await gate.log.wait(new RegExp(`upgrade_left .*new_pid=${pid}\\b`));

  assert.equal(await tunnel.echo(), 'shard-0');
  const status = JSON.parse(cli('status', '--admin', `unix:${gate.socket}`, '--json').out);
  assert.equal(status.ready, true);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=room')).status, 200);
});

test('a SIGUSR2 whose new process fails is said, and another one may come', async (t) => {
  const shards = await startShards(t, 1);
  const gate = await startGate(t, { shards });

  gate.write({ settings: 'nonsense = 1\n' });
  gate.signal('SIGUSR2');
  await gate.log.wait(/upgrade_failed .*exit=1/);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=room')).status, 200);

  gate.write({});
  gate.signal('SIGUSR2');
  const line = await gate.log.wait((each) => / serving /.test(each) && !each.endsWith(`pid=${gate.pid}`));
  gate.successors.push(Number(/pid=(\d+)/.exec(line)[1]));
  assert.equal((await request(gate.port, '/xmpp-websocket?room=room')).status, 200);
});

test('the new process is killed: old tunnels live on, and are reported to the one that is started next', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'room');
  t.after(() => tunnel.close());
  const where = await tunnel.echo();

  const now = await old.next('--takeover');
  now.expectedEnd = 'SIGKILL';
  now.signal('SIGKILL');
  assert.equal(await now.ended, 'SIGKILL');
  await old.log.wait(/upgrade_serving_process_lost/);
  assert.equal(await tunnel.echo(), where);

  const third = await old.next();
  await third.log.wait(/old_process_reports/);
  assert.equal(await tunnel.echo(), where);
  await old.log.wait(/upgrade_reporting_to/);
});

test('the old process is killed: its tunnels end, and nothing holds their rooms any more', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'room');
  const now = await old.next('--takeover');
  assert.equal((await roomOf(now, 'room')).tunnels, 1);
  assert.equal(await now.metric('roomgate_old_processes'), 1);

  old.expectedEnd = 'SIGKILL';
  old.signal('SIGKILL');
  await tunnel.ended;

  await eventually(async () => (await roomOf(now, 'room')).tunnels === 0);
  assert.equal(await now.metric('roomgate_old_processes'), 0);
  assert.equal((await request(now.port, '/xmpp-websocket?room=room')).status, 200);
});

test('rooms that only an old process has tunnels in do not expire', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards, settings: '[rooms]\nidle = "1s"\n' });
  const tunnel = await Participant.open(old.port, 'held');
  t.after(() => tunnel.close());
  const now = await old.next('--takeover');
  await shardOf(now.port, 'idle');

  await eventually(async () => (await request(now.admin, '/api/v1/rooms/idle')).status === 404);
  assert.equal((await roomOf(now, 'held')).tunnels, 1);
  tunnel.close();
  await eventually(async () => (await request(now.admin, '/api/v1/rooms/held')).status === 404);
});

test('TLS sessions resume across the upgrade', async (t) => {
  const shards = await startShards(t, 1);
  const old = await startGate(t, { shards, listeners: [''] });
  const pem = certificate(old.folder, 'gate', ['gate.example']);
  old.write({ listeners: [`tls.certificates = ["${pem}"]\ntls.alpn = ["http/1.1"]`] });
  await reload(old);
  const handshake = (port, session) => new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername: 'gate.example', ca: [readFileSync(pem)], session });
    socket.once('error', reject);
    let ticket;
    let resumed;
    socket.on('session', (each) => { ticket = each; });
    socket.on('data', () => {});
    socket.once('secureConnect', () => {
      resumed = socket.isSessionReused();
      socket.write('GET /static/a HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n');
    });
    socket.once('close', () => resolve({ resumed, ticket }));
  });
  const before = await handshake(old.port);
  assert.equal(before.resumed, false);

  const now = await old.next('--takeover');

  assert.equal((await handshake(now.ports.https[0], before.ticket)).resumed, true);
});

test("an operator's words about shards, the address and the admin socket come along", async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards });
  assert.equal(cli('drain', 'shard-1', '--admin', `unix:${old.socket}`).code, 0);

  const now = await old.next('--takeover');

  assert.equal(now.port, old.port);
  assert.equal(now.admin, old.admin);
  const rows = JSON.parse(cli('shards', '--admin', `unix:${now.socket}`, '--json').out).shards;
  assert.equal(rows.find((row) => row.name === 'shard-1').state, 'drain');
  for (let i = 0; i < 4; ++i) assert.equal(await shardOf(now.port, `room-${i}`), 'shard-0');
  assert.equal(await old.ended, 0);
  assert.equal(cli('status', '--admin', `unix:${now.socket}`).code, 0);
});

test('a drain goes on in the next process: since when, of how many rooms, and until when', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards, settings: '[heal]\nwindow = "100ms"\n' });
  const people = [];
  for (let i = 0; i < 4; ++i) people.push(await Participant.open(old.port, `room-${i}`));
  t.after(() => people.forEach((each) => each.close()));
  const drainOf = (gate) => JSON.parse(cli('shards', '--admin', `unix:${gate.socket}`, '--json').out).shards.find((row) => row.name === 'shard-1').drain;
  const drain = (gate, deadline) => cli('drain', 'shard-1', '--deadline', deadline, '--admin', `unix:${gate.socket}`).code;
  assert.equal(drain(old, '30m'), 0);
  const before = drainOf(old);
  assert.equal(before.rooms_at_start, 2);
  // One room less, so that a drain that began anew would have another start.
  const [gone] = JSON.parse((await request(old.admin, '/api/v1/rooms?shard=shard-1')).body).rooms;
  assert.equal(cli('room', gone.room, '--forget', '--admin', `unix:${old.socket}`).code, 0);

  const now = await old.next('--takeover');

  const after = drainOf(now);
  assert.equal(after.rooms_at_start, 2);
  // Later by what the words were on their way.
  for (const field of ['since', 'deadline']) {
    assert.ok(Math.abs(Date.parse(after[field]) - Date.parse(before[field])) <= 60_000, `${field}: ${before[field]} and ${after[field]}`);
  }
  // Whoever serves when it is over keeps to it.
  const [stays] = JSON.parse((await request(now.admin, '/api/v1/rooms?shard=shard-1')).body).rooms;
  assert.equal(drain(now, '2s'), 0);
  const last = await now.next('--takeover');
  await eventually(async () => (await roomOf(last, stays.room)).shard === 'shard-0');
  assert.equal((await roomOf(last, stays.room)).why, 'moved by drain');
});

test('the number of threads may change with the process: no connection is refused', async (t) => {
  const shards = await startShards(t, 2);
  let gate = await startGate(t, { shards });
  const requests = new Requests({ port: gate.port, perSecond: sanitized ? 40 : 200, rooms: ['a', 'b', 'c', 'd'] });
  t.after(() => requests.stop());

  for (const threads of [1, 4, 1, 3]) {
    writeFileSync(gate.file, readFileSync(gate.file, 'utf8').replace(/threads = \d+/, `threads = ${threads}`));
    const now = await gate.next('--takeover');
    await requests.more(60);
    assert.equal(await gate.ended, 0);
    gate = now;
  }

  await requests.stop();
  assert.deepEqual(requests.failures, []);
});

test('doors that the new settings do not have close, new ones open', async (t) => {
  const shards = await startShards(t, 1);
  const old = await startGate(t, { shards, listeners: ['', ''] });
  const gone = old.ports.http[1];
  old.write({ listeners: [''], admin: 'probe_address = "127.0.0.1:0"' });

  const now = await old.next('--takeover');

  assert.equal((await request(now.port, '/static/a')).status, 200);
  assert.equal((await request(now.ports.probe[0], '/live')).status, 200);
  assert.equal(await old.ended, 0);
  await eventually(() => Raw.connect(gone).then((raw) => raw.socket.destroy() && false, () => true));
});

test('SIGTERM to the one that serves ends the old ones too', async (t) => {
  const shards = await startShards(t, 1);
  const old = await startGate(t, { shards });
  const tunnel = await Participant.open(old.port, 'room');
  const now = await old.next('--takeover');
  assert.equal(await tunnel.echo(), 'shard-0');

  now.signal('SIGTERM');

  await tunnel.ended;
  assert.equal(await now.ended, 0);
  assert.equal(await old.ended, 0);
});

test('a room that is moved takes its tunnels of the old process with it', async (t) => {
  const shards = await startShards(t, 2);
  const old = await startGate(t, { shards, settings: '[heal]\nwindow = "100ms"\n' });
  const moved = await Participant.open(old.port, 'moved');
  const stays = await Participant.open(old.port, 'stays');
  t.after(() => stays.close());
  const from = await moved.echo();
  const now = await old.next('--takeover');
  const to = from === 'shard-0' ? 'shard-1' : 'shard-0';

  assert.equal(cli('room', 'moved', '--move', to, '--admin', `unix:${now.socket}`).code, 0);

  await moved.ended;
  const back = await Participant.open(now.port, 'moved');
  t.after(() => back.close());
  assert.equal(await back.echo(), to);
  await stays.echo();
});
