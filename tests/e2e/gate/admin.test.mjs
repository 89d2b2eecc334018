// The admin endpoint and the command line that talks to it; settings checked before they are used.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { cli, eventually, request, startBackend, startGate, temporaryFolder } from './support.mjs';

const two = async (t) => [
  { name: 'shard-0', port: (await startBackend(t)).port, lines: 'region = "eu"' },
  { name: 'shard-1', port: (await startBackend(t)).port },
];
const json = async (gate, target, options) => {
  const answer = await request(gate.admin, target, options);
  return { ...answer, body: JSON.parse(answer.body) };
};

test('metrics have the names that dashboards rely on', async (t) => {
  const gate = await startGate(t, { shards: await two(t) });
  await request(gate.port, '/xmpp-websocket?room=r');

  const text = (await request(gate.admin, '/metrics')).body;

  for (const line of ['roomgate_requests_total{shard="shard-0",code="200"} 1', 'roomgate_request_duration_seconds_count 1', 'roomgate_rooms 1',
    'roomgate_shard_up{shard="shard-0",region="eu"} 1', 'roomgate_assignments_total{shard="shard-0",how="new"} 1']) {
    assert.ok(text.includes(`${line}\n`), line);
  }
});

test('rooms: list, prefix, one by any spelling, forget', async (t) => {
  const gate = await startGate(t, { shards: await two(t), admin: '' });
  for (const room of ['Alpha', 'beta', 'alpha two']) await request(gate.port, `/xmpp-websocket?room=${encodeURIComponent(room)}`);

  const all = (await json(gate, '/api/v1/rooms')).body;
  assert.deepEqual(all.rooms.map((each) => each.room), ['alpha', 'alpha two', 'beta']);
  assert.deepEqual((await json(gate, '/api/v1/rooms?prefix=ALPHA&limit=1')).body.rooms.length, 1);
  const one = (await json(gate, '/api/v1/rooms/ALPHA%20two')).body;
  assert.equal(one.room, 'alpha two');
  assert.match(one.since, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal(one.generation, 1);
  assert.equal((await json(gate, '/api/v1/rooms/none')).status, 404);

  assert.equal((await json(gate, '/api/v1/rooms/beta', { method: 'DELETE' })).status, 403);
  assert.equal(cli('room', 'Beta', '--forget', '--admin', gate.socket).code, 0);
  assert.equal((await json(gate, '/api/v1/rooms/beta')).status, 404);
});

test('TCP changes something only with the token; the socket is the owner\'s alone', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'token'), 'open sesame\n');
  const gate = await startGate(t, { shards: await two(t), admin: `token_file = "${folder}/token"` });
  const drain = (headers) => json(gate, '/api/v1/shards/shard-0/state', { method: 'POST', body: '{"state":"drain"}', headers });

  assert.equal((await drain({})).status, 403);
  assert.equal((await drain({ Authorization: 'Bearer wrong' })).status, 403);
  assert.equal((await drain({ Authorization: 'Bearer open sesame' })).status, 200);
  assert.equal(statSync(gate.socket).mode & 0o777, 0o600);
  assert.equal(cli('ready', 'shard-0', '--admin', `http://127.0.0.1:${gate.admin}`, '--token-file', `${folder}/token`).code, 0);
});

test('the probe listener tells no more than probes need', async (t) => {
  const gate = await startGate(t, { shards: await two(t), admin: 'probe_address = "127.0.0.1:0"' });
  const [probe] = gate.ports.probe;

  for (const target of ['/live', '/ready', '/metrics']) assert.equal((await request(probe, target)).status, 200);
  for (const target of ['/stats', '/api/v1/rooms', '/api/v1/shards']) assert.equal((await request(probe, target)).status, 404);
});

test('the page of shards', async (t) => {
  const gate = await startGate(t, { shards: await two(t) });
  const page = await request(gate.admin, '/stats');
  assert.match(page.headers['content-type'], /text\/html/);
  assert.match(page.body, /shard-1/);
  assert.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'sha256-/);
});

test('tables and JSON on the command line', async (t) => {
  const gate = await startGate(t, { shards: await two(t) });
  await request(gate.port, '/xmpp-websocket?room=r');

  assert.match(cli('shards', '--admin', gate.socket).out, /^name +region +state .*\nshard-0 +eu +ready +up .*127\.0\.0\.1:\d+\n/);
  assert.match(cli('rooms', '--admin', `unix:${gate.socket}`).out, /\nr +shard-0 /);
  assert.match(cli('status', '--admin', `http://127.0.0.1:${gate.admin}`).out, /rooms +1/);
  assert.equal(JSON.parse(cli('rooms', '--json', '--admin', gate.socket).out).rooms[0].shard, 'shard-0');
  assert.equal(JSON.parse(cli('room', 'R', '--json', '--admin', gate.socket).out).room, 'r');
});

test('exit codes: 0 done, 1 refused, 2 wrong usage', async (t) => {
  const folder = temporaryFolder(t);
  const good = path.join(folder, 'good.toml');
  const bad = path.join(folder, 'bad.toml');
  writeFileSync(good, '[gate]\nname = "g"\n[[listen]]\naddress = "127.0.0.1:0"\n[[shards]]\nname = "a"\naddress = "127.0.0.1:1"\n');
  writeFileSync(bad, '[gate]\nname = "g"\n[[listen]]\naddress = "127.0.0.1:0"\n[health]\nrise = "often"\n');

  assert.equal(cli('check', '--config', good).code, 0);
  const refused = cli('check', '--config', bad);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /bad\.toml:6: health\.rise: /);
  assert.equal(cli('serve', '--check', '--config', good).code, 0);
  assert.equal(cli('serve', '--config', path.join(folder, 'none.toml')).code, 1);
  assert.equal(cli('serve').code, 2);
  assert.equal(cli('fly').code, 2);
  assert.equal(cli().code, 2);
  assert.equal(cli('status', '--admin', `unix:${folder}/none.sock`).code, 1);
});

test('SIGHUP adds and removes shards; rooms stay where they are', async (t) => {
  const shards = await two(t);
  const gate = await startGate(t, { shards: shards.slice(0, 1) });
  await request(gate.port, '/xmpp-websocket?room=r');

  gate.write({ shards });
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded .*shards=2/);

  await eventually(async () => {
    await request(gate.port, `/xmpp-websocket?room=x${Math.random()}`);
    return (await json(gate, '/api/v1/shards')).body.shards.find((each) => each.name === 'shard-1')?.rooms > 0;
  });
  assert.equal((await json(gate, '/api/v1/rooms/r')).body.shard, 'shard-0');
});

test('one connection carries several admin requests', async (t) => {
  const gate = await startGate(t, { shards: await two(t) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());

  for (let i = 0; i < 3; ++i) assert.equal((await request(gate.admin, '/live', { agent })).status, 200);
});
