// What a shard is told about the client, what a client is told about the shard, and what the log keeps to itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, exchange, request, startBackend, startGate } from './support.mjs';

test('the shard hears who asks, and forgeries are taken out', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '' });

  await request(gate.port, '/xmpp-websocket?room=r', { headers: {
    Host: 'meet.example', 'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https', 'X-Proxy-Region': 'moon', 'X-Request-Id': 'mine',
    Connection: 'close, X-Forwarded-For, X-Secret', 'X-Secret': 'hop', 'Proxy-Authorization': 'Basic eA==', TE: 'trailers',
  } });

  const { headers } = backend.seen[0];
  assert.equal(headers.host, 'meet.example');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['x-forwarded-host'], 'meet.example');
  assert.match(headers['x-request-id'], /^[0-9a-f]{32}$/);
  for (const name of ['x-proxy-region', 'x-secret', 'proxy-authorization', 'te']) assert.equal(headers[name], undefined, name);
});

test('a trusted front is believed, and continued', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], listeners: ['trust_forwarded_from = ["127.0.0.0/8"]'],
    admin: 'access_log_addresses = "full"' });

  await request(gate.port, '/xmpp-websocket?room=r', { headers: { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https', 'X-Request-Id': 'theirs', 'X-Proxy-Region': 'eu' } });

  const { headers } = backend.seen[0];
  assert.equal(headers['x-forwarded-for'], '192.0.2.7, 127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'https');
  assert.equal(headers['x-request-id'], 'theirs');
  assert.equal(headers['x-proxy-region'], 'eu');
  assert.equal((await gate.access(() => true)).client, '192.0.2.7');
});

test('the shard\'s own name passes unchanged; the gate adds one only where the shard has announced it', async (t) => {
  const handler = (says) => (incoming, response) => {
    if (incoming.url === '/about/health') return response.end(says.health ?? 'ok');
    if (says.header) response.setHeader('X-Jitsi-Shard', says.header);
    return response.end('x');
  };
  const backends = [
    await startBackend(t, handler({ header: 'own-name', health: '{"shard":"told-in-health"}' })),
    await startBackend(t, handler({ health: '{"shard":"told-in-health"}' })),
    await startBackend(t, handler({})),
  ];
  const gate = await startGate(t, { shards: backends.map((backend, i) => ({ name: `shard-${i}`, port: backend.port })),
    settings: '[health]\ninterval = "100ms"\n' });
  await eventually(async () => JSON.parse((await request(gate.admin, '/api/v1/shards')).body).shards[1].announced);
  const shardOf = async (i) => (await request(gate.port, `/colibri-ws/shard-${i}/c/e`)).headers['x-jitsi-shard'];

  await eventually(async () => (await shardOf(1)) === 'told-in-health');
  assert.equal(await shardOf(0), 'own-name');
  assert.equal(await shardOf(2), undefined);
  assert.ok((await gate.metric('roomgate_shard_name_differs_total{shard="shard-0"}')) >= 1);
});

test('debug_headers say why a request went where it went', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], top: 'debug_headers = true' });
  const why = async (target) => (await request(gate.port, target)).headers['x-roomgate-why'];

  assert.equal(await why('/xmpp-websocket?room=r'), 'new');
  assert.equal(await why('/xmpp-websocket?room=r'), 'stick');
  assert.equal(await why('/libs/app.js'), 'any');
  assert.equal(await why('/colibri-ws/shard-0/c/e'), 'forced');
});

test('the access log has a line for each request and no secrets', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });

  await request(gate.port, '/xmpp-websocket?room=Team%20A&token=eyJhbGciOi.SECRET&pwd=SECRET', { headers: { Authorization: 'Bearer SECRET', Cookie: 'a=SECRET' } });
  await exchange(gate.port, 'GET /a b HTTP/1.1\r\nHost: g\r\n\r\n');

  const line = await gate.access((each) => each.status === 200);
  assert.equal(line.room, 'team a');
  assert.equal(line.shard, 'shard-0');
  assert.equal(line.why, 'new');
  assert.equal(line.client, '127.0.0.0');
  assert.ok(line.total_ms >= 0);
  assert.equal((await gate.access((each) => each.status === 400)).reason, 'bad_request');
  assert.doesNotMatch(gate.accessText(), /SECRET/);
  assert.doesNotMatch(gate.log.all.join('\n'), /SECRET/);
});
