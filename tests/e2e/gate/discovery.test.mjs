// Shards that a real name server knows: found, moved, replaced and gone while rooms are in use.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startNameServer } from './name_server.mjs';
import { cli, eventually, Raw, request, startGate, upgradeAnswer, upgradeRequest } from './support.mjs';

const question = '_http._tcp.web.example';

// A shard that answers with its name, echoes in tunnels, and says who it is when asked for its health.
async function startShard(t, name, { host = '127.0.0.1', port = 0 } = {}) {
  const sockets = new Set();
  const server = http.createServer((incoming, response) => {
    response.end(incoming.url.startsWith('/about/health') ? JSON.stringify({ shard: name, state: 'ready' }) : name);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming, socket) => {
    socket.write(upgradeAnswer);
    socket.on('data', (data) => socket.write(data));
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { name, host, port: server.address().port };
}

// Shards that all have one port, each at a loopback address of its own, as pods behind a headless service.
async function startPods(t, hosts) {
  for (;;) {
    const first = await startShard(t, hosts[0][0], { host: hosts[0][1] });
    try {
      const others = await Promise.all(hosts.slice(1).map(([name, host]) => startShard(t, name, { host, port: first.port })));
      return [first, ...others];
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    }
  }
}

const offers = (shards) => shards.flatMap(({ name, host, port }) =>
  [`_http._tcp.web SRV 0 0 ${port} ${name}`, `${name} A ${host}`]);

const srvSettings = (dns) => `[[discover]]\nsrv = "${question}"\nrefresh = "1s"\n\n[dns]\nservers = ["${dns.address}"]\ntimeout = "200ms"\ntries = 2\n`;

// What the gate says of its shards, by name.
async function shardsOf(gate) {
  const rows = JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards;
  return new Map(rows.map((row) => [row.name, row]));
}
const isGone = (row) => row === undefined || /^gone from /.test(row.reason);
const answers = async (gate, result) => (await gate.metric(`roomgate_discovery_answers_total{question="${question}",result="${result}"}`)) ?? 0;
const stale = (gate) => gate.metric(`roomgate_discovery_stale{question="${question}"}`);

// The gate has taken note of the name server's word of now: questions that began before do not count.
async function askedAgain(gate, result = 'ok') {
  const before = await answers(gate, result);
  await eventually(async () => (await answers(gate, result)) >= before + 2);
}

// People who never stop coming: into rooms that are there and into new ones.
function startTraffic(gate, rooms) {
  const traffic = { failures: [], moved: [], late: [], gone: new Set(), fresh: 0, known: 0 };
  let going = true;
  const person = async (id) => {
    for (let i = 0; going; ++i) {
      const [room, home] = rooms[(id * 53 + i * 7) % rooms.length];
      const answer = await request(gate.port, `/xmpp-websocket?room=${room}`);
      ++traffic.known;
      if (answer.status !== 200) traffic.failures.push([room, answer.status, answer.body]);
      else if (answer.body !== home) traffic.moved.push([room, home, answer.body]);
      const goneBefore = new Set(traffic.gone);
      const fresh = await request(gate.port, `/xmpp-websocket?room=fresh-${id}-${i}`);
      ++traffic.fresh;
      if (fresh.status !== 200) traffic.failures.push(['fresh', fresh.status, fresh.body]);
      else if (goneBefore.has(fresh.body)) traffic.late.push(fresh.body);
    }
  };
  const people = [0, 1, 2, 3].map(person);
  traffic.stop = async () => {
    going = false;
    await Promise.all(people);
  };
  return traffic;
}

test('shards are found, move, are replaced, vanish and stay when DNS is silent, while 200 rooms are in use', { timeout: 110_000 }, async (t) => {
  const shards = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => startShard(t, `shard-${i}`)));
  const [one, two, three, four, five, six] = shards;
  const dns = await startNameServer(t, { records: offers([one, two, three]) });
  const gate = await startGate(t, { settings: `${srvSettings(dns)}[limits]\nper_address.new_rooms = "off"\nper_address.requests = "off"\n` });

  // Found before anybody is served.
  assert.deepEqual([...(await shardsOf(gate)).keys()], ['shard-1', 'shard-2', 'shard-3']);

  const tunnels = [];
  const rooms = [];
  for (let i = 0; i < 200; ++i) {
    const room = `meeting-${i}`;
    const raw = await Raw.connect(gate.port);
    raw.send(upgradeRequest(`/xmpp-websocket?room=${room}`));
    await raw.until('\r\n\r\n');
    assert.match(raw.take(), /^HTTP\/1\.1 101 /);
    tunnels.push(raw);
    rooms.push([room, (await request(gate.port, `/xmpp-websocket?room=${room}`)).body]);
  }
  assert.deepEqual(new Set(rooms.map(([, home]) => home)), new Set(['shard-1', 'shard-2', 'shard-3']));
  const traffic = startTraffic(gate, rooms);
  // At once, so that the people above cannot keep step with them.
  const newRooms = async (label) => {
    const asked = await Promise.all(Array.from({ length: 30 }, (_, i) => request(gate.port, `/xmpp-websocket?room=${label}-${i}`)));
    return [...new Set(asked.map((answer) => answer.body))].sort();
  };

  await t.test('the order of records means nothing', async () => {
    await dns.set(offers([three, one, two]));
    await askedAgain(gate);
    assert.equal(gate.log.all.filter((line) => / discovered /.test(line)).length, 1);
  });

  await t.test('a shard that comes back under another address keeps its name and its rooms', async () => {
    const moved = await startShard(t, 'shard-2', { host: '127.0.0.2' });
    await dns.set(offers([one, moved, three]));
    await eventually(async () => (await shardsOf(gate)).get('shard-2').address === `127.0.0.2:${moved.port}`);
    await gate.log.wait(/ discovered .*moved=shard-2/);
    const [room] = rooms.find(([, home]) => home === 'shard-2');
    assert.equal((await request(gate.port, `/xmpp-websocket?room=${room}`)).body, 'shard-2');
    two.host = moved.host;
    two.port = moved.port;
  });

  await t.test('all records replaced at once: new rooms go to the new shards only, the others stay', async () => {
    await dns.set(offers([four, five, six]));
    await eventually(async () => {
      const known = await shardsOf(gate);
      return ['shard-1', 'shard-2', 'shard-3'].every((name) => isGone(known.get(name))) && known.get('shard-4');
    });
    for (const { name } of [one, two, three]) traffic.gone.add(name);
    assert.deepEqual(await newRooms('replaced'), ['shard-4', 'shard-5', 'shard-6']);
    for (const [room, home] of rooms) assert.equal((await request(gate.port, `/xmpp-websocket?room=${room}`)).body, home);
  });

  await t.test('an empty answer takes nothing away, and is an alarm', async () => {
    assert.equal(await stale(gate), 0);
    await dns.set([]);
    await eventually(async () => (await answers(gate, 'empty')) >= 1);
    assert.equal(await stale(gate), 1);
    await gate.log.wait(/ discovery_failed question=\S+ result=empty /);
    assert.deepEqual(await newRooms('empty'), ['shard-4', 'shard-5', 'shard-6']);
  });

  await t.test('nor does a name server that is gone; when it is back it is believed', async () => {
    await dns.kill();
    await eventually(async () => (await answers(gate, 'failed')) >= 1);
    assert.equal(await stale(gate), 1);
    assert.deepEqual(await newRooms('failed'), ['shard-4', 'shard-5', 'shard-6']);
    dns.prepare(offers([four, five]));
    await dns.start();
    await eventually(async () => (await stale(gate)) === 0 && isGone((await shardsOf(gate)).get('shard-6')));
    traffic.gone.add('shard-6');
    await gate.log.wait(/ discovery_ok /);
    assert.deepEqual(await newRooms('back'), ['shard-4', 'shard-5']);
  });

  await t.test('a shard that left and comes back is the same shard', async () => {
    traffic.gone.delete('shard-1');
    await dns.set(offers([one, four, five]));
    await eventually(async () => !isGone((await shardsOf(gate)).get('shard-1')));
    assert.deepEqual(await newRooms('returned'), ['shard-1', 'shard-4', 'shard-5']);
  });

  await traffic.stop();
  t.diagnostic(`${traffic.known} requests to rooms in use and ${traffic.fresh} for new rooms meanwhile`);
  assert.deepEqual(traffic.failures.slice(0, 5), []);
  assert.deepEqual(traffic.moved.slice(0, 5), []);
  assert.deepEqual(traffic.late.slice(0, 5), []);
  for (const [i, raw] of tunnels.entries()) {
    assert.equal(raw.ended, false, `tunnel ${i}`);
    raw.send(`still here ${i};`);
    await raw.until(`still here ${i};`);
  }
  const text = (await request(gate.admin, '/metrics')).body;
  assert.equal(/roomgate_assignments_total\{[^}]*how="moved"[^}]*\} [1-9]/.test(text), false);
  for (const raw of tunnels) raw.socket.destroy();
});

test('pods behind one name: each says its own, and keeps it under another address', async (t) => {
  const pods = await startPods(t, [['pod-a', '127.0.0.11'], ['pod-b', '127.0.0.12'], ['pod-a', '127.0.0.13']]);
  const [a, b, aElsewhere] = pods;
  const at = (list) => list.map((pod) => `web A ${pod.host}`);
  const dns = await startNameServer(t, { records: at([a, b]) });
  const gate = await startGate(t, {
    settings: `[[discover]]\na = "web.example:${a.port}"\nname_from = "announced"\nname_prefix = "eu."\nrefresh = "1s"\n` +
      `[dns]\nservers = ["${dns.address}"]\n[health]\ninterval = "100ms"\n`,
  });
  await eventually(async () => (await shardsOf(gate)).size === 2);
  assert.deepEqual([...(await shardsOf(gate)).keys()], ['eu.pod-a', 'eu.pod-b']);
  const homes = new Map();
  for (const room of ['r1', 'r2', 'r3', 'r4']) homes.set(room, (await request(gate.port, `/xmpp-websocket?room=${room}`)).body);
  assert.deepEqual(new Set(homes.values()), new Set(['pod-a', 'pod-b']));

  await dns.set(at([b, aElsewhere]));
  await eventually(async () => (await shardsOf(gate)).get('eu.pod-a').address === `127.0.0.13:${a.port}`);

  for (const [room, home] of homes) assert.equal((await request(gate.port, `/xmpp-websocket?room=${room}`)).body, home);
  assert.equal((await shardsOf(gate)).size, 2);
});

test('shards without rooms go as soon as DNS no longer has them; shards with rooms when those have ended', async (t) => {
  const shards = await Promise.all(['used', 'unused', 'other'].map((name) => startShard(t, name)));
  const [used, unused, other] = shards;
  const dns = await startNameServer(t, { records: offers([used]) });
  const gate = await startGate(t, { settings: srvSettings(dns) });
  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).body, 'used');
  await dns.set(offers([used, unused]));
  await eventually(async () => (await shardsOf(gate)).has('unused'));

  await dns.set(offers([other]));
  await eventually(async () => {
    const known = await shardsOf(gate);
    return known.has('other') && !known.has('unused');
  });
  assert.ok(isGone((await shardsOf(gate)).get('used')));
  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).body, 'used');

  assert.equal(cli('room', 'r', '--forget', '--admin', gate.socket).code, 0);
  await eventually(async () => !(await shardsOf(gate)).has('used'));
  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).body, 'other');
});

test('a gate that starts before DNS answers serves when it does; blocks come and go by reload', async (t) => {
  const shard = await startShard(t, 'shard-1');
  const fixed = await startShard(t, 'fixed');
  const dns = await startNameServer(t, { records: offers([shard]) });
  await dns.kill();
  const starting = startGate(t, { settings: srvSettings(dns) });
  await dns.asked();
  await dns.start();
  const gate = await starting;

  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).body, 'shard-1');

  gate.write({ settings: '', shards: [{ name: 'fixed', port: fixed.port }] });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  assert.ok(isGone((await shardsOf(gate)).get('shard-1')));
  assert.equal(await stale(gate), undefined);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).body, 'shard-1');
  assert.equal((await request(gate.port, '/xmpp-websocket?room=new')).body, 'fixed');
});
