// Which region a client is of, where its new rooms go, which release they go to, and who may not come in at all.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { geoipDatabase } from './mmdb.mjs';
import { cli, eventually, exchange, Raw, request, startBackend, startGate, temporaryFolder, upgradeRequest } from './support.mjs';

// A back-end that answers with its name and the region it was told.
const told = (name) => (incoming, response) => {
  response.setHeader('X-Told', incoming.headers['x-proxy-region'] ?? 'none');
  response.end(name);
};

// One shard in each of these regions, called as they are.
async function shardsIn(t, ...regions) {
  const shards = [];
  for (const region of regions) {
    const backend = await startBackend(t, told(region));
    shards.push({ name: region, port: backend.port, lines: `region = "${region}"`, backend });
  }
  return shards;
}

let rooms = 0;
// Where a new room of that client goes, and what region its shard is told: "eu eu".
async function place(gate, { from, headers } = {}) {
  const answer = await request(gate.port, `/xmpp-websocket?room=room-${++rooms}`, { from, headers });
  return answer.status === 200 ? `${answer.body} ${answer.headers['x-told']}` : answer.status;
}

test('by the client\'s network: the longest prefix, then the gate\'s own region', async (t) => {
  const gate = await startGate(t, { shards: await shardsIn(t, 'eu', 'us', 'home'), settings: `
[regions.eu]
cidrs = ["127.0.1.0/24", "127.0.2.7"]
[regions.us]
cidrs = ["127.0.2.0/24", "127.0.0.0/8"]
[regions.home]
cidrs = ["127.0.3.0/24"]
` });

  assert.equal(await place(gate, { from: '127.0.1.9' }), 'eu eu');
  assert.equal(await place(gate, { from: '127.0.2.7' }), 'eu eu');
  assert.equal(await place(gate, { from: '127.0.2.8' }), 'us us');
  assert.equal(await place(gate, { from: '127.0.3.1' }), 'home home');
  assert.equal(await place(gate, { from: '127.0.0.1' }), 'us us');
});

test('by a trusted front\'s header, which nobody else can forge', async (t) => {
  const shards = await shardsIn(t, 'eu', 'us');
  const gate = await startGate(t, { shards, listeners: ['trust_forwarded_from = ["127.0.0.9"]'], settings: `
[regions.eu]
cidrs = ["127.0.0.1"]
countries = ["DE"]
[regions.us]
countries = ["US"]
` });
  const front = (headers) => place(gate, { from: '127.0.0.9', headers });
  const client = (headers) => place(gate, { from: '127.0.0.1', headers });

  assert.equal(await front({ 'X-Region': 'us' }), 'us us');
  assert.equal(await front({ 'X-Region': 'DE' }), 'eu eu');
  assert.equal(await front({ 'X-Proxy-Region': 'us' }), 'us us');
  assert.equal(await front({ 'X-Proxy-Region': 'us', 'X-Region': 'eu' }), 'us us');
  assert.equal(await front({ 'X-Region': 'XX', 'X-Forwarded-For': '127.0.0.1' }), 'eu eu');
  assert.match(await front({ 'X-Proxy-Region': 'moon' }), / moon$/);
  for (const name of ['X-Region', 'x-region', 'X_Region', 'X-Proxy-Region', 'X_Proxy_Region']) {
    assert.equal(await client({ [name]: 'us' }), 'eu eu', name);
  }
  for (const { backend } of shards) {
    for (const { headers } of backend.seen) {
      assert.deepEqual(Object.keys(headers).filter((name) => /region/.test(name)), ['x-proxy-region']);
    }
  }
});

test('a front that adds its header leaves its client\'s before it: the last counts', async (t) => {
  const gate = await startGate(t, { shards: await shardsIn(t, 'eu', 'us'), listeners: ['trust_forwarded_from = ["127.0.0.1"]'], settings: '[regions.eu]\n[regions.us]\n' });

  for (const name of ['X-Region', 'X-Proxy-Region']) {
    const answer = await exchange(gate.port, `GET /xmpp-websocket?room=${name} HTTP/1.1\r\nHost: g\r\n${name}: us\r\n${name}: eu\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /X-Told: eu\r\n/i);
  }
});

test('by the country of the client\'s address, and anew when the database changes', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'country.mmdb');
  const replace = (countries, options) => {
    writeFileSync(`${file}.new`, geoipDatabase(countries, options));
    renameSync(`${file}.new`, file);
  };
  replace({ '127.0.0.0/16': 'DE', '127.0.0.2': 'US', '127.0.0.3': 'JP' });
  const gate = await startGate(t, { shards: await shardsIn(t, 'eu', 'us', 'home'), settings: `
[regions.eu]
countries = ["DE", "AT"]
[regions.us]
countries = ["US"]
[regions.home]
[geo]
order = ["geoip", "header"]
[geoip]
database = "${file}"
` });
  assert.equal(await gate.metric('roomgate_geoip_build_timestamp_seconds'), 1_700_000_000);
  assert.equal(await place(gate, { from: '127.0.0.1' }), 'eu eu');
  assert.equal(await place(gate, { from: '127.0.0.2' }), 'us us');
  assert.match(await place(gate, { from: '127.0.0.3' }), / none$/);
  const old = await Raw.connect(gate.port, '127.0.0.1');
  const told = async (room) => {
    old.send(`GET /xmpp-websocket?room=${room} HTTP/1.1\r\nHost: g\r\n\r\n`);
    const text = await old.until(/X-Told: \w+\r\n[^]*\r\n\r\n[^]*\w/i);
    old.take();
    return /X-Told: (\w+)/i.exec(text)[1];
  };
  assert.equal(await told('before'), 'eu');

  replace({ '127.0.0.1': 'US' }, { built: 1_800_000_000 });
  await gate.log.wait(/ geoip_read /);
  assert.equal(await gate.metric('roomgate_geoip_build_timestamp_seconds'), 1_800_000_000);
  await eventually(async () => (await place(gate, { from: '127.0.0.1' })) === 'us us');
  // A connection that was there before is asked about anew too, whichever core it is on.
  await eventually(async () => (await told('after')) === 'us');

  writeFileSync(file, 'no database');
  await gate.log.wait(/ geoip_refused .*country\.mmdb/);
  assert.equal(await place(gate, { from: '127.0.0.1' }), 'us us');
  assert.equal(await gate.metric('roomgate_geoip_reloads_total{result="ok"}'), 1);
  assert.equal(await gate.metric('roomgate_geoip_reloads_total{result="refused"}'), 1);

  gate.signal('SIGHUP');
  await gate.log.wait(/ reload_refused .*geoip\.database: .*country\.mmdb/);
  assert.equal(await place(gate, { from: '127.0.0.1' }), 'us us');

  replace({ '127.0.0.1': 'DE' });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  await eventually(async () => (await place(gate, { from: '127.0.0.1' })) === 'eu eu');
});

test('a database that is no good is found by check and keeps the gate from starting', async (t) => {
  const folder = temporaryFolder(t);
  const bad = path.join(folder, 'bad.mmdb');
  const settings = path.join(folder, 'gate.toml');
  writeFileSync(bad, 'no database');
  const check = (text) => {
    writeFileSync(settings, `[[listen]]\naddress = "127.0.0.1:0"\n[[shards]]\nname = "shard-0"\naddress = "127.0.0.1:1"\n${text}`);
    return cli('check', '--config', settings);
  };

  const broken = check(`[geoip]\ndatabase = "${bad}"\n`);
  assert.equal(broken.code, 1);
  assert.match(broken.err, /geoip\.database: .*bad\.mmdb: /);
  const missing = check(`[geoip]\ndatabase = "${folder}/none.mmdb"\n`);
  assert.match(missing.err, /none\.mmdb: No such file/);
  const twice = check('[regions.eu]\ncidrs = ["10.0.0.0/8"]\n[regions.us]\ncidrs = ["10.0.0.0/8"]\n');
  assert.match(twice.err, /10\.0\.0\.0\/8 is in the cidrs of two regions/);
  assert.match(check('[geo]\nheader = "Cookie"\n').err, /geo\.header/);
  assert.match(check('[gate]\nregion = "a b"\n').err, /cannot be a region's name/);
  writeFileSync(bad, geoipDatabase({ '10.0.0.0/8': 'DE' }));
  assert.equal(check(`[geoip]\ndatabase = "${bad}"\n`).code, 0);
});

test('what the header does not know the network may, in the order of the settings', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'country.mmdb');
  writeFileSync(file, geoipDatabase({ '127.0.0.1': 'DE', '127.0.0.2': 'DE' }));
  const gate = await startGate(t, { shards: await shardsIn(t, 'eu', 'us', 'asia', 'home'), listeners: ['trust_forwarded_from = ["127.0.0.8/30"]'], settings: `
[regions.eu]
countries = ["DE"]
[regions.us]
cidrs = ["127.0.0.2"]
[geo]
order = ["cidr", "geoip", "header"]
[geoip]
database = "${file}"
` });
  const by = (client, region) => place(gate, { from: '127.0.0.9', headers: { 'X-Forwarded-For': client, 'X-Region': region } });

  assert.equal(await by('127.0.0.2', 'asia'), 'us us');
  assert.equal(await by('127.0.0.1', 'asia'), 'eu eu');
  assert.equal(await by('127.0.0.5', 'asia'), 'asia asia');
});

test('down the fallback list when no shard of the region takes rooms; existing rooms stay, wherever the newcomer is', async (t) => {
  const gate = await startGate(t, { shards: await shardsIn(t, 'eu', 'us', 'asia'), settings: `
[regions.eu]
cidrs = ["127.0.1.0/24"]
fallback = ["asia", "us"]
[regions.us]
cidrs = ["127.0.2.0/24"]
` });
  const ask = async (room, from) => {
    const answer = await request(gate.port, `/xmpp-websocket?room=${room}`, { from });
    return `${answer.body} ${answer.headers['x-told']}`;
  };
  const set = (shard, state) => cli(state, shard, '--admin', `unix:${gate.socket}`);

  assert.equal(await ask('first', '127.0.1.1'), 'eu eu');
  assert.equal(await ask('first', '127.0.2.1'), 'eu us');
  assert.equal(set('eu', 'drain').code, 0);
  assert.equal(await ask('second', '127.0.1.1'), 'asia eu');
  assert.equal(set('asia', 'drain').code, 0);
  assert.equal(await ask('third', '127.0.1.1'), 'us eu');
  assert.equal(await ask('first', '127.0.1.1'), 'eu eu');
  assert.equal(await ask('second', '127.0.2.1'), 'asia us');
  assert.equal(set('eu', 'ready').code, 0);
  assert.equal(await ask('fourth', '127.0.1.1'), 'eu eu');
  assert.equal(await ask('third', '127.0.1.1'), 'us eu');
});

// Shards of releases: { name: release }.
async function shardsOf(t, releases) {
  const shards = [];
  for (const [name, release] of Object.entries(releases)) {
    const backend = await startBackend(t, told(name));
    shards.push({ name, port: backend.port, lines: `release = "${release}"`, backend });
  }
  return shards;
}
const ask = async (gate, target) => (await request(gate.port, target)).body;

test('pins, the live release, and ?release= for a new room only', async (t) => {
  const pins = '[[pins]]\nrelease = "beta"\ntenant = "School"\n[[pins]]\nrelease = "beta"\nprefix = "try-"\n';
  const gate = await startGate(t, { shards: await shardsOf(t, { 'a-0': 'alpha', 'a-1': 'alpha', 'b-0': 'beta' }),
    settings: `[balance]\nlive_release = "alpha"\n${pins}` });

  for (let i = 0; i < 4; ++i) {
    assert.match(await ask(gate, `/xmpp-websocket?room=r${i}`), /^a-/);
    assert.equal(await ask(gate, `/school/xmpp-websocket?room=r${i}`), 'b-0');
    assert.equal(await ask(gate, `/TRY-${i}`), 'b-0');
    assert.match(await ask(gate, '/libs/app.js'), /^a-/);
    assert.equal(await ask(gate, '/libs/app.js?release=beta'), 'b-0');
  }
  assert.equal(await ask(gate, '/xmpp-websocket?room=asked&release=beta'), 'b-0');
  assert.equal(await ask(gate, '/xmpp-websocket?room=asked&release=alpha'), 'b-0');
  assert.match(await ask(gate, '/xmpp-websocket?room=r0&release=beta'), /^a-/);
  assert.match(await ask(gate, '/xmpp-websocket?room=other&release=gamma'), /^a-/);

  gate.write({ settings: '[balance]\nlive_release = "beta"\nrelease_override = false\n' });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  await eventually(async () => (await ask(gate, `/xmpp-websocket?room=later-${++rooms}`)) === 'b-0');
  assert.match(await ask(gate, '/xmpp-websocket?room=r0'), /^a-/);
});

test('a release without shards that take rooms: the live one, counted and logged', async (t) => {
  const gate = await startGate(t, { shards: await shardsOf(t, { 'a-0': 'alpha', 'b-0': 'beta', 'c-0': 'gamma' }),
    settings: '[balance]\nlive_release = "alpha"\n[[pins]]\nrelease = "beta"\ntenant = "school"\n' });
  const set = (shard, state) => assert.equal(cli(state, shard, '--admin', `unix:${gate.socket}`).code, 0);
  const unmet = (release) => gate.metric(`roomgate_pins_unmet_total{release="${release}"}`);

  set('b-0', 'drain');
  assert.equal(await ask(gate, '/school/xmpp-websocket?room=a'), 'a-0');
  await gate.log.wait(/ pin_unmet room=school\/a release=beta shard=a-0/);
  assert.equal(await ask(gate, '/school/xmpp-websocket?room=a'), 'a-0');
  assert.equal(await unmet('beta'), 1);
  set('a-0', 'drain');
  assert.equal(await ask(gate, '/school/xmpp-websocket?room=b'), 'c-0');
  assert.equal(await ask(gate, '/xmpp-websocket?room=c'), 'c-0');
  assert.equal(await unmet('beta'), 2);
  assert.equal(await unmet('alpha'), 1);
});

test('nobody enters a banned room, by whatever way and spelling', async (t) => {
  const backend = await startBackend(t, told('shard-0'));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: `
[[bans]]
room = "Bad Room"
[[bans]]
prefix = "spam-"
status = 429
[[bans]]
tenant = "evil"
` });
  const banned = ['/bad%20room', '/BAD%20ROOM', '/xmpp-websocket?room=bad+room', '/http-bind?room=bad%2520room', '/_unlock?room=bad%20room',
    '/conference-request/v1?room=Bad%20Room', '/v1/_ws/shard-0/x?room=bad%20room', '/evil/any', '/Evil/xmpp-websocket?room=any'];

  for (const target of banned) {
    const answer = await request(gate.port, target);
    assert.equal(answer.status, 403, target);
    assert.match(answer.body, /^[^\n]+\n$/);
  }
  const later = await request(gate.port, '/spam-1');
  assert.equal(later.status, 429);
  assert.ok(Number(later.headers['retry-after']) > 10);
  assert.match(await exchange(gate.port, upgradeRequest('/xmpp-websocket?room=spam-2'), '\r\n\r\n'), /^HTTP\/1\.1 429 /);
  assert.equal(backend.seen.length, 0);
  assert.equal((await gate.access((line) => line.status === 429)).reason, 'banned');
  assert.equal(await gate.metric('roomgate_rejected_total{reason="banned"}'), banned.length + 2);
  assert.equal(await gate.metric('roomgate_bans'), 3);
  assert.equal(await gate.metric('roomgate_rooms'), 0);
  for (const target of ['/bad', '/x/bad%20room', '/spa', '/evil', '/evils/any', '/libs/app.js?room=spam-1']) {
    assert.equal((await request(gate.port, target)).status, 200, target);
  }

  gate.write({ settings: '[[bans]]\nroom = "other"\n' });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  await eventually(async () => (await request(gate.port, '/other')).status === 403);
  await eventually(async () => (await request(gate.port, '/spam-1')).status === 200);
  assert.equal(await gate.metric('roomgate_bans'), 1);
});
