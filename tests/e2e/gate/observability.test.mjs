// What an operator sees: the access log with its phases, the request's name, metrics in both formats, /stats.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';
import { certificate, eventually, Raw, request, startBackend, startGate, startRawBackend, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

const one = (backend, lines = '') => [{ name: 'shard-0', port: backend.port, lines }];

function get(port, target, { accept, agent } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = https.request({ host: '127.0.0.1', port, path: target, rejectUnauthorized: false, headers: accept ? { accept } : {}, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('the access log has each phase, the room and where it went', async (t) => {
  const pem = certificate(temporaryFolder(t), 'a', ['localhost']);
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend), listeners: [`tls.certificates = ["${pem}"]\ntls.alpn = ["http/1.1"]`] });
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  t.after(() => agent.destroy());

  await get(gate.port, '/xmpp-websocket?room=First', { agent });
  await get(gate.port, '/static/second', { agent });

  const first = await gate.access((line) => line.room === 'first');
  assert.equal(first.shard, 'shard-0');
  assert.equal(first.why, 'new');
  assert.equal(first.query_room, 'First');
  assert.match(first.tls, /^TLSv1\.[23]$/);
  assert.equal(first.tls_resumed, false);
  for (const phase of ['accept_ms', 'tls_ms', 'head_ms', 'decide_ms', 'connect_ms', 'first_byte_ms', 'total_ms']) {
    assert.ok(first[phase] >= 0, phase);
  }
  assert.ok(first.tls_ms > 0);
  const second = await gate.access((line) => line.path === '/static/second');
  assert.equal(second.tls_ms, undefined, 'the handshake was the first request\'s');
  assert.equal(second.connect_ms, 0);
  assert.equal(second.wait_ms, undefined);
  assert.equal(await gate.metric('roomgate_tls_handshake_duration_seconds_count'), 1);
  assert.equal(await gate.metric('roomgate_upstream_connect_seconds_count'), 1);
  assert.equal(await gate.metric('roomgate_upstream_first_byte_seconds_count'), 2);
});

test('no credential of a query is ever written', async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    socket.once('data', () => socket.write(upgradeAnswer));
    socket.on('end', () => socket.end());  // else the tunnel, and with it its line in the log, waits for timeouts.server_fin
  });
  const gate = await startGate(t, { shards: one(backend) });
  const secrets = ['?pwd=hunter2', '?room=r&token=hunter2', '?room=r&jwt=hunter2', '?room=r&%70wd=hunter2', '?hunter2', '?room=r&access-key=hunter2'];

  for (const query of secrets) {
    const raw = await Raw.connect(gate.port);
    raw.send(upgradeRequest(`/colibri-ws/shard-0/conference/endpoint${query}`));
    await raw.until('101');
    raw.socket.destroy();
    await request(gate.port, `/about/stats${query}`);
  }
  await eventually(() => gate.accessText().split('\n').filter((line) => line.includes('"tunnel":true')).length === secrets.length);

  assert.doesNotMatch(gate.accessText(), /hunter2/);
  assert.match(gate.accessText(), /"query":"room=r&token=\*"/);
  assert.doesNotMatch(gate.log.all.join('\n'), /hunter2/);
});

test('every answer carries the name that the log has for its request, and the shard was told the same', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    response.setHeader('X-Request-Id', 'the shard\'s own');
    response.end(incoming.headers['x-request-id']);
  });
  const gate = await startGate(t, { shards: one(backend) });

  const forwarded = await request(gate.port, '/static/a');
  const own = await request(gate.port, '/metrics');

  assert.match(forwarded.headers['x-request-id'], /^[0-9a-f]{32}$/);
  assert.equal(forwarded.body, forwarded.headers['x-request-id']);
  assert.equal((await gate.access((line) => line.path === '/static/a')).request_id, forwarded.headers['x-request-id']);
  assert.equal(own.status, 404);
  assert.equal((await gate.access((line) => line.status === 404)).request_id, own.headers['x-request-id']);
});

test('metrics: Prometheus text, OpenMetrics for who asks, the process and the build among them', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend) });
  await request(gate.port, '/xmpp-websocket?room=r');

  const plain = await request(gate.admin, '/metrics');
  const open = await request(gate.admin, '/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });

  assert.match(plain.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  assert.match(plain.body, /# TYPE roomgate_requests_total counter\nroomgate_requests_total\{/);
  assert.match(plain.body, /^roomgate_build_info\{version="[^"]+",compiler="[^"]+",openssl="3[^"]*"\} 1$/m);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_open_fds', 'process_max_fds', 'process_start_time_seconds']) {
    assert.match(plain.body, new RegExp(`^${name} [0-9.e+]+$`, 'm'));
  }
  const started = Number(/^process_start_time_seconds (.*)$/m.exec(plain.body)[1]);
  assert.ok(Math.abs(started - Date.now() / 1000) < 600);
  assert.match(open.headers['content-type'], /^application\/openmetrics-text; version=1\.0\.0/);
  assert.match(open.body, /# TYPE roomgate_requests counter\nroomgate_requests_total\{/);
  assert.ok(open.body.endsWith('\n# EOF\n'));
  assert.equal(open.body.match(/# EOF/g).length, 1);
  const families = open.body.match(/^# TYPE \S+/gm);
  assert.equal(new Set(families).size, families.length);
});

test('/stats is a page that needs nothing else', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend) });
  await request(gate.port, '/xmpp-websocket?room=%3Cb%3Ebold');
  await request(gate.port, '/about/stats');

  const page = await request(gate.admin, '/stats');

  assert.match(page.headers['content-type'], /^text\/html/);
  assert.match(page.body, /shard-0/);
  assert.match(page.body, /not_found/);
  assert.match(page.body, /&lt;b&gt;bold/);
  // Its one script is named by the policy; the name space of its pictures is no address.
  assert.match(page.headers['content-security-policy'], /script-src 'sha256-/);
  assert.doesNotMatch(page.body, /<b>bold|src=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});
