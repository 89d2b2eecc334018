// Rooms that leave their shard: by an operator's hand, or when a drain's deadline is over. What their clients see of it.
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { test } from 'node:test';
import { eventually, Raw, request, startGate, upgradeRequest } from './support.mjs';
import { connect, frame, opcode, Peer, startShard } from './websocket.mjs';

const room = (name) => `/xmpp-websocket?room=${name}`;

// Two shards and a gate; `ask` speaks to its API over the socket, where no token is needed.
async function scene(t, { heal = 'window = "200ms"\nrate = 1000', shard = {}, listeners, settings = '' } = {}) {
  const shards = [await startShard(t, 'shard-0', shard), await startShard(t, 'shard-1')];
  const gate = await startGate(t, { shards, listeners, settings: `[heal]\n${heal}\n${settings}` });
  const ask = (method, target, body) => new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath: gate.socket, path: `/api/v1/${target}`, method, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, body: JSON.parse(text) }));
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
  const move = (name, to) => ask('POST', `rooms/${name}`, { move: to });
  const drain = (name, deadline) => ask('POST', `shards/${name}/state`, { state: 'drain', deadline });
  const shardRow = async (name) => (await ask('GET', 'shards')).body.shards.find((each) => each.name === name);
  return { gate, shards, ask, move, drain, shardRow };
}
// New rooms go round: the first is on shard-0, the second on shard-1, and so on.
async function enter(gate, name) {
  const peer = await connect(gate.port, room(name));
  peer.shard = (await peer.until(() => true)).payload.toString();
  return peer;
}

test('a moved room: each client gets a Close 1001, not all at once, comes back to the new shard; others stay', async (t) => {
  const { gate, shards, move } = await scene(t, { heal: 'window = "100ms"\nrate = 10' });
  const inside = [];
  for (let i = 0; i < 20; ++i) inside.push(await enter(gate, 'meeting'));
  const elsewhere = await enter(gate, 'other');
  const beside = await enter(gate, 'beside');
  assert.deepEqual([inside[0].shard, elsewhere.shard, beside.shard], ['shard-0', 'shard-1', 'shard-0']);
  const bridge = await connect(gate.port, '/colibri-ws/shard-0/1/2');

  const moved = await move('Meeting', 'shard-1');

  assert.equal(moved.status, 200);
  assert.equal(moved.body.from, 'shard-0');
  assert.equal(moved.body.tunnels, 20);
  assert.equal(moved.body.generation, 2);
  // Whoever is sent away comes back at once, while others are still there.
  const back = await Promise.all(inside.map(async (peer) => {
    assert.equal(await peer.closed(), 1001);
    await peer.end();
    assert.equal(peer.rest.length, 0);
    return enter(gate, 'meeting');
  }));
  assert.deepEqual([...new Set(back.map((peer) => peer.shard))], ['shard-1']);
  for (const peer of shards[0].of(room('meeting'))) {
    const last = peer.frames.at(-1);
    assert.equal(last.code, opcode.close);
    assert.equal(last.masked, true);
    assert.equal(last.payload.readUInt16BE(0), 1001);
  }
  for (const peer of [...back, elsewhere, beside, bridge]) assert.equal(await peer.echo('still here'), true);
  // The rate is a bound: 20 tunnels of at most 10 a second have not ended in one.
  await eventually(() => gate.accessText().split('"reason":"moved"').length - 1 === 20);
  const ends = gate.accessText().split('\n').filter((line) => line.includes('"reason":"moved"')).map((line) => JSON.parse(line))
    .map((line) => Date.parse(line.time) + line.total_ms);
  assert.ok(Math.max(...ends) - Math.min(...ends) >= 1000, `${ends}`);
  await gate.log.wait(/ room_moved room=meeting from=shard-0 shard=shard-1 why=operator tunnels=20/);
  assert.equal(await gate.metric('roomgate_assignments_total{shard="shard-1",how="moved"}'), 1);
  for (const peer of [...back, elsewhere, beside, bridge]) peer.stream.destroy();
});

test('a moved room says where it is, since when and why; what cannot be moved says so', async (t) => {
  const { gate, ask, move, drain } = await scene(t);
  const peer = await enter(gate, 'r');
  const before = (await ask('GET', 'rooms/r')).body;
  assert.equal(before.why, 'roundrobin');

  assert.equal((await move('nobody', 'shard-1')).status, 404);
  assert.equal((await move('r', 'shard-9')).status, 404);
  assert.equal((await move('r', 'shard-0')).status, 409);
  await drain('shard-1');
  assert.equal((await move('r', 'shard-1')).status, 409);
  await ask('POST', 'shards/shard-1/state', { state: 'ready' });
  assert.equal((await move('r', 'shard-1')).status, 200);

  const after = (await ask('GET', 'rooms/r')).body;
  assert.equal(after.shard, 'shard-1');
  assert.equal(after.why, 'moved by operator');
  assert.equal(after.since, before.since);
  assert.equal(await peer.closed(), 1001);
  await peer.end();
});

test('the Close comes behind a frame that is under way; one that never ends is cut, without a Close', async (t) => {
  const { gate, shards, move } = await scene(t, { heal: 'window = "0s"\nrate = 1000' });
  const patient = await enter(gate, 'r');
  const [sender] = shards[0].of(room('r'));
  const stuck = await enter(gate, 'r');
  const [, broken] = shards[0].of(room('r'));
  const large = frame(opcode.binary, Buffer.alloc(50_000, 'x'));
  sender.stream.write(large.subarray(0, 20_000));
  broken.stream.write(large.subarray(0, 20_000));
  await eventually(() => patient.rest.length === 20_000 && stuck.rest.length === 20_000);

  await move('r', 'shard-1');
  // To the shard the tunnel is still open: its own Close comes only behind the client's.
  sender.stream.write(large.subarray(20_000));

  assert.equal(await patient.closed(), 1001);
  assert.deepEqual(patient.frames.map((each) => [each.code, each.payload.length]), [[opcode.text, 7], [opcode.binary, 50_000], [opcode.close, 2]]);
  assert.equal(await stuck.closed(), undefined);
  assert.equal(stuck.rest.length, 20_000);
  await patient.end();
  for (const peer of [patient, stuck]) peer.stream.destroy();
});

test('a client that does not answer the Close does not keep its tunnel', async (t) => {
  const { gate, move } = await scene(t, { heal: 'window = "0s"\nrate = 1000' });
  const silent = await enter(gate, 'r');

  await move('r', 'shard-1');

  await silent.end();
  assert.equal(silent.frames.at(-1).code, opcode.close);
  await eventually(async () => (await gate.metric('roomgate_tunnels{shard="shard-0"}')) === 0);
  silent.stream.destroy();
});

test('over HTTP/2 a stream gets its Close and its end, and its connection goes on', async (t) => {
  const { gate, move } = await scene(t, { listeners: ['http2_cleartext = true'] });
  const client = http2.connect(`http://127.0.0.1:${gate.port}`);
  t.after(() => client.destroy());
  await new Promise((resolve) => client.once('remoteSettings', resolve));
  const open = async (name) => {
    const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': room(name), ':authority': 'gate', 'sec-websocket-version': '13' });
    stream.on('error', () => {});
    const gone = new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode)));
    const peer = new Peer(stream, { client: true });
    peer.shard = (await peer.until(() => true))?.payload.toString();
    return { peer, gone };
  };
  const inside = await Promise.all(Array.from({ length: 5 }, () => open('r')));
  const other = await open('other');
  assert.deepEqual(inside.map(({ peer }) => peer.shard), Array(5).fill('shard-0'));

  await move('r', 'shard-1');

  for (const { peer, gone } of inside) {
    assert.equal(await peer.closed(), 1001);
    peer.stream.end();
    assert.equal(await gone, http2.constants.NGHTTP2_NO_ERROR);
  }
  assert.equal((await open('r')).peer.shard, 'shard-1');
  assert.equal(await other.peer.echo('still here'), true);
});

test('a poll that the old shard holds is answered: the session is nowhere now', async (t) => {
  let held = 0;
  const shard = { onRequest: (target) => target.startsWith('/http-bind') && ++held > 0 };
  const { gate, move } = await scene(t, { shard });
  const poll = request(gate.port, '/http-bind?room=r', { method: 'POST', body: '<body/>' });
  await eventually(() => held === 1);

  await move('r', 'shard-1');

  const answer = await poll;
  assert.equal(answer.status, 404);
  assert.match(answer.body, /another shard/);
  assert.equal(await gate.metric('roomgate_sent_away_total{what="poll"}'), 1);
  assert.equal(await gate.metric('roomgate_sent_away_total{what="tunnel"}'), undefined);
});

test('a shard that takes no connections any more: who is still on it follows its room when that moves', async (t) => {
  let held = 0;
  const shard = { onRequest: (target) => target.startsWith('/http-bind') && ++held > 0 };
  const health = '[health]\ninterval = "100ms"\ninterval_fast = "50ms"\nfall = 2\npath = ""\n';
  const { gate, shards } = await scene(t, { shard, settings: health });
  const inside = [await enter(gate, 'r'), await enter(gate, 'other'), await enter(gate, 'beside'), await enter(gate, 'r')];
  assert.deepEqual(inside.map((peer) => peer.shard), ['shard-0', 'shard-1', 'shard-0', 'shard-0']);
  const poll = request(gate.port, '/http-bind?room=r', { method: 'POST', body: '<body/>' });
  await eventually(() => held === 1);

  await shards[0].refuse();
  await gate.log.wait(/ shard_down shard=shard-0/);
  // 503 as long as a core has not heard that it is down.
  const mover = await eventually(() => enter(gate, 'r').catch(() => undefined));
  assert.equal(mover.shard, 'shard-1');

  for (const peer of [inside[0], inside[3]]) assert.equal(await peer.closed(), 1001);
  assert.equal((await poll).status, 404);
  // Rooms of which nobody new has come stay, as long as their tunnels do.
  for (const peer of [mover, inside[1], inside[2]]) assert.equal(await peer.echo('still here'), true);
  await gate.log.wait(/ room_moved room=r shard=shard-1 why=failure/);
  for (const peer of [inside[0], inside[3]]) await peer.end();
  await eventually(async () => (await gate.metric('roomgate_sent_away_total{what="tunnel"}')) === 2);
  for (const peer of [mover, ...inside]) peer.stream.destroy();
});

test('a tunnel whose shard answers only after the room has moved is sent on', async (t) => {
  let answer;
  const answered = new Promise((resolve) => { answer = resolve; });
  let asked = 0;
  const beforeAnswer = () => ++asked > 1 ? answered : undefined;
  const { gate, move } = await scene(t, { shard: { beforeAnswer } });
  const first = await enter(gate, 'r');
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest(room('r')));
  await eventually(() => asked === 2);

  await move('r', 'shard-1');
  assert.equal(await first.closed(), 1001);
  answer();

  const text = await raw.until('\x88\x02\x03\xe9');
  assert.match(text, /^HTTP\/1\.1 101 /);
  for (const socket of [raw.socket, first.stream]) socket.destroy();
});

test('a drain tells how far it is, and says once that the shard is empty', async (t) => {
  const { gate, ask, drain, shardRow } = await scene(t);
  const peers = [];
  for (let i = 0; i < 4; ++i) peers.push(await enter(gate, `r${i}`));
  const there = peers.filter((peer) => peer.shard === 'shard-0');
  assert.equal(there.length, 2);

  assert.equal((await drain('shard-0')).status, 200);

  const begun = await shardRow('shard-0');
  assert.equal(begun.drain.rooms_at_start, 2);
  assert.equal(begun.drain.empty, false);
  assert.equal(begun.rooms, 2);
  assert.equal(begun.tunnels, 2);
  assert.equal(await gate.metric('roomgate_shard_empty{shard="shard-0"}'), 0);
  assert.equal(await gate.metric('roomgate_shard_empty{shard="shard-1"}'), undefined);
  assert.equal((await enter(gate, 'new')).shard, 'shard-1');
  for (const peer of there) assert.equal(await peer.echo('still here'), true);
  // The people go; their rooms are ended by hand, as rooms.idle would have done.
  for (const peer of there) peer.stream.destroy();
  for (const name of ['r0', 'r2']) assert.equal((await ask('DELETE', `rooms/${name}`)).status, 200);
  await gate.log.wait(/ shard_empty shard=shard-0 rooms_at_start=2/);
  assert.equal(await gate.metric('roomgate_shard_empty{shard="shard-0"}'), 1);
  assert.equal((await shardRow('shard-0')).drain.empty, true);

  await ask('POST', 'shards/shard-0/state', { state: 'ready' });
  assert.equal(await gate.metric('roomgate_shard_empty{shard="shard-0"}'), undefined);
  assert.equal((await shardRow('shard-0')).drain ?? null, null);
  for (const peer of peers) peer.stream.destroy();
});

test('after its deadline a drain moves what is left, each room once; without another shard they stay', async (t) => {
  const { gate, ask, drain, shardRow } = await scene(t);
  const peers = [];
  for (let i = 0; i < 8; ++i) peers.push(await enter(gate, `r${i}`));
  const there = peers.filter((peer) => peer.shard === 'shard-0');
  await drain('shard-1');

  await drain('shard-0', '1s');
  await gate.log.wait(/ drain_stuck shard=shard-0 rooms=4 /);
  for (const peer of there) assert.equal(await peer.echo('still here'), true);
  assert.equal((await shardRow('shard-0')).rooms, 4);
  await ask('POST', 'shards/shard-1/state', { state: 'ready' });
  await drain('shard-0', '1s');

  for (const peer of there) {
    assert.equal(await peer.closed(), 1001);
    await peer.end();
  }
  for (const i of [0, 2, 4, 6]) {
    const again = await enter(gate, `r${i}`);
    assert.equal(again.shard, 'shard-1');
    again.stream.destroy();
    const row = (await ask('GET', `rooms/r${i}`)).body;
    assert.equal(row.why, 'moved by drain');
    assert.equal(row.generation, 2);
  }
  await gate.log.wait(/ shard_empty shard=shard-0 /);
  assert.equal(await gate.metric('roomgate_assignments_total{shard="shard-1",how="moved"}'), 4);
  for (const peer of peers) if (peer.shard === 'shard-1') assert.equal(await peer.echo('still here'), true);
  for (const peer of peers) peer.stream.destroy();
});

test('a ban empties the room: those inside get a Close and are not let in again, others stay', async (t) => {
  const { gate, ask } = await scene(t, { settings: '[[bans]]\ntenant = "gone"\n' });
  const inside = [];
  for (let i = 0; i < 5; ++i) inside.push(await enter(gate, 'spam-1'));
  const other = await enter(gate, 'lesson');

  const banned = await ask('POST', 'bans', { prefix: 'spam', status: 403 });

  assert.equal(banned.status, 200);
  for (const peer of inside) {
    assert.equal(await peer.closed(), 1001);
    await peer.end();
  }
  assert.equal((await request(gate.port, room('spam-1'))).status, 403);
  assert.equal(await other.echo('still here'), true);
  await gate.log.wait(/ banned_rooms_emptied rooms=1/);
  other.stream.destroy();
});
