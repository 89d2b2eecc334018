// What /metrics says is Prometheus text as Prometheus' own checker wants it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { exchange, Raw, request, startBackend, startGate, startRawBackend, upgradeAnswer, upgradeRequest } from './support.mjs';

test('promtool finds nothing to say about /metrics', async (t) => {
  const backend = await startBackend(t);
  const tunnels = await startRawBackend(t, (socket) => socket.once('data', () => socket.write(upgradeAnswer)));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }, { name: 'shard-1', port: tunnels.port }],
    admin: 'probe_address = "127.0.0.1:0"', settings: '[limits]\nper_address.requests = "1/m burst 4"\n[health]\ninterval = "100ms"\n' });
  // So that every kind of metric has something to show.
  await request(gate.port, '/xmpp-websocket?room=a');
  await request(gate.port, '/colibri-ws/nowhere/x');
  await exchange(gate.port, 'nonsense\r\n\r\n');
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest('/colibri-ws/shard-1/c/e'));
  await raw.until('101 ');
  for (let i = 0; i < 3; ++i) await request(gate.port, '/static/a');

  for (const port of [gate.admin, gate.ports.probe[0]]) {
    const { status, headers, body } = await request(port, '/metrics');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
    assert.equal(checked.error, undefined);
    assert.equal(`${checked.stdout}${checked.stderr}`, '');
    assert.equal(checked.status, 0);
  }
});
