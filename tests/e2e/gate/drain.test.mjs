// SIGTERM: nothing that was accepted is dropped, idle connections end, tunnels get their grace.
import assert from 'node:assert/strict';
import http from 'node:http';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { eventually, Raw, request, startBackend, startGate } from './support.mjs';
import { connect, frame, opcode, startShard } from './websocket.mjs';

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

// A shard's WebSocket through a gate that is about to be stopped.
async function scene(t, grace) {
  const shard = await startShard(t, 'shard-0');
  const gate = await startGate(t, { shards: [shard], settings: `[shutdown]\ndelay = "0s"\ngrace = "${grace}"\n` });
  const peer = await connect(gate.port, '/xmpp-websocket?room=r');
  await peer.until(() => true);
  const [there] = shard.of('/xmpp-websocket?room=r');
  return { gate, peer, there };
}

test('tunnels may go on for the grace time; after it both ends get a Close 1001', async (t) => {
  const { gate, peer, there } = await scene(t, '500ms');

  gate.signal('SIGTERM');
  await eventually(() => Raw.connect(gate.port).then((other) => other.socket.destroy() && false, () => true));
  assert.equal(await peer.echo('alive'), true);

  assert.equal(await peer.closed(), 1001);
  await peer.end();
  assert.equal(peer.rest.length, 0);
  peer.stream.destroy();
  assert.equal(await gate.ended, 0);
  assert.equal(there.frames.at(-1).code, opcode.close);
  assert.equal(there.frames.at(-1).payload.readUInt16BE(0), 1001);
  assert.equal((await gate.access((each) => each.tunnel)).reason, 'drained');
});

test('a tunnel in the middle of a frame that never ends is cut without a Close', async (t) => {
  const { gate, peer, there } = await scene(t, '100ms');
  there.stream.write(frame(opcode.binary, Buffer.alloc(50_000, 'x')).subarray(0, 20_000));
  await eventually(() => peer.rest.length === 20_000);

  gate.signal('SIGTERM');

  assert.equal(await peer.closed(), undefined);
  peer.stream.destroy();
  assert.equal(await gate.ended, 0);
  assert.equal((await gate.access((each) => each.tunnel)).reason, 'drained');
});

test('asked twice, or by SIGINT, it ends at once: no grace, and no Close', async (t) => {
  for (const second of ['SIGTERM', 'SIGINT']) {
    const { gate, peer } = await scene(t, '1h');
    if (second === 'SIGTERM') {
      gate.signal('SIGTERM');
      await gate.log.wait(/ draining /);
    }

    gate.signal(second);

    assert.equal(await peer.closed(), undefined);
    peer.stream.destroy();
    assert.equal(await gate.ended, 0);
  }
});
