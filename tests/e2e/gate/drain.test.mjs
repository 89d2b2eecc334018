// SIGTERM: nothing that was accepted is dropped, idle connections end, tunnels get their grace.
import assert from 'node:assert/strict';
import http from 'node:http';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { eventually, Raw, request, startBackend, startGate, startRawBackend, upgradeAnswer, upgradeRequest } from './support.mjs';

test('/ready turns 503 at once while requests are still served, then the gate ends with 0', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[shutdown]\ndelay = "500ms"\ngrace = "10s"\n' });
  assert.equal((await request(gate.admin, '/ready')).status, 200);

  gate.signal('SIGTERM');
  await gate.log.wait(/ draining /);

  assert.equal((await request(gate.admin, '/ready')).status, 503);
  await eventually(async () => (await request(gate.port, '/about/health')).status === 503);
  assert.equal((await request(gate.port, '/xmpp-websocket?room=r')).status, 200);
  assert.equal(await gate.ended, 0);
  assert.equal(existsSync(gate.socket), false);
});

test('a request under way is finished, idle connections end, new ones are not accepted', async (t) => {
  let answer;
  const backend = await startBackend(t, (incoming, response) => {
    if (incoming.url.includes('slow')) answer = () => response.end('late but whole');
    else response.end('ok');
  });
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[shutdown]\ndelay = "0s"\ngrace = "20s"\n' });
  const idle = await Raw.connect(gate.port);
  idle.send('GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n');
  await idle.until('ok');
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const slow = request(gate.port, '/static/slow', { agent });
  await eventually(() => answer !== undefined);

  gate.signal('SIGTERM');
  await idle.untilEnd();
  await eventually(() => request(gate.port, '/static/a').then(() => false, () => true));
  answer();

  const whole = await slow;
  assert.equal(whole.body, 'late but whole');
  assert.equal(whole.headers.connection, 'close');
  idle.socket.destroy();
  assert.equal(await gate.ended, 0);
});

test('tunnels may go on for the grace time, and are ended after it', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.once('data', () => {
    socket.write(upgradeAnswer);
    socket.on('data', (data) => socket.write(`echo ${data};`));
  }));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[shutdown]\ndelay = "0s"\ngrace = "500ms"\n' });
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest('/xmpp-websocket?room=r'));
  await raw.until('\r\n\r\n');

  gate.signal('SIGTERM');
  await eventually(() => Raw.connect(gate.port).then((other) => other.socket.destroy() && false, () => true));
  raw.send('alive');
  await raw.until('echo alive;');

  await raw.untilEnd();
  assert.equal(await gate.ended, 0);
  assert.equal((await gate.access((each) => each.tunnel)).reason, 'drained');
});
