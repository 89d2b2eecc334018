// TLS between gate and shard: verified by name or address, refused otherwise, resumed, checked, tunnelled.
import assert from 'node:assert/strict';
import https from 'node:https';
import { test } from 'node:test';
import tls from 'node:tls';
import { writeFileSync } from 'node:fs';
import { authority, issued } from './certificates.mjs';
import { eventually, Raw, request, startGate, temporaryFolder, upgradeAnswer, upgradeRequest } from './support.mjs';

function houseOf(t, names = ['shard.example', '127.0.0.1']) {
  const folder = temporaryFolder(t);
  const ca = authority(folder, 'ca');
  return { folder, ca, stranger: authority(folder, 'stranger'), made: issued(folder, 'shard', ca, names) };
}

async function startShard(t, house, handler = (incoming, response) => response.end('by tls')) {
  const seen = { resumed: [], servernames: [] };
  const server = https.createServer(house.made.options, handler);
  server.on('secureConnection', (socket) => {
    seen.resumed.push(socket.isSessionReused());
    seen.servernames.push(socket.servername);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return { port: server.address().port, seen, server };
}

const gateTo = (t, port, lines, settings = '') => startGate(t, { shards: [{ name: 'shard-0', port, lines: `tls = true\n${lines}` }], settings });

test('a shard is spoken to by TLS, verified by its address or by the name given', async (t) => {
  const house = houseOf(t);
  const shard = await startShard(t, house);
  const byAddress = await gateTo(t, shard.port, `tls_ca = "${house.ca.pem}"`);
  const byName = await gateTo(t, shard.port, `tls_ca = "${house.ca.pem}"\ntls_sni = "shard.example"`);

  assert.equal((await request(byAddress.port, '/static/a')).body, 'by tls');
  assert.equal((await request(byName.port, '/static/a')).body, 'by tls');
  assert.deepEqual(shard.seen.servernames, [false, 'shard.example']);
});

for (const [what, lines, reason] of [
  ['wrong name', (house) => `tls_ca = "${house.ca.pem}"\ntls_sni = "other.example"`, 'hostname mismatch'],
  ['wrong authority', (house) => `tls_ca = "${house.stranger.pem}"`, 'unable to get local issuer certificate|self-signed certificate in certificate chain'],
  ['authority unknown to the system', () => '', 'unable to get local issuer certificate|self-signed certificate in certificate chain'],
]) {
  test(`${what}: 503 connect_tls, and the log says why`, async (t) => {
    const house = houseOf(t);
    const shard = await startShard(t, house);
    const gate = await gateTo(t, shard.port, lines(house));

    const answer = await request(gate.port, '/http-bind?room=r');

    assert.equal(answer.status, 503);
    assert.match(answer.body, /connect_tls|TLS with the room's shard failed/);
    assert.equal((await gate.access((line) => line.status === 503)).reason, 'connect_tls');
    await gate.log.wait(new RegExp(`shard_tls_failed .*reason="certificate: (${reason})`));
    assert.equal(await gate.metric('roomgate_upstream_connects_total{shard="shard-0",result="tls"}') > 0, true);
  });
}

test('an address that the certificate does not have is refused, unless nothing is verified', async (t) => {
  const house = houseOf(t, ['shard.example']);
  const shard = await startShard(t, house);
  const strict = await gateTo(t, shard.port, `tls_ca = "${house.ca.pem}"`);
  const trusting = await gateTo(t, shard.port, 'tls_verify = false');

  assert.equal((await request(strict.port, '/static/a')).status, 503);
  assert.equal((await request(trusting.port, '/static/a')).body, 'by tls');
});

test('new connections to a shard resume', async (t) => {
  const house = houseOf(t);
  const shard = await startShard(t, house);
  const gate = await gateTo(t, shard.port, `tls_ca = "${house.ca.pem}"`, '[limits]\npool_per_shard = 0\n');

  for (let i = 0; i < 3; ++i) assert.equal((await request(gate.port, '/static/a')).status, 200);

  assert.deepEqual(shard.seen.resumed, [false, true, true]);
});

test('health checks go by TLS and say what is wrong with it; a mended authority file is read', async (t) => {
  const house = houseOf(t);
  const shard = await startShard(t, house);
  const ca = `${house.folder}/used.pem`;
  writeFileSync(ca, house.stranger.text());
  const health = '[health]\ninterval = "100ms"\ninterval_fast = "50ms"\n';
  const gate = await gateTo(t, shard.port, `tls_ca = "${ca}"`, health);

  await gate.log.wait(/shard_down shard=shard-0 reason="tls: certificate: /);
  writeFileSync(ca, house.ca.text());
  await gate.log.wait(/tls_files_read/);
  await eventually(async () => (await request(gate.port, '/static/a')).body === 'by tls');
});

test('a WebSocket tunnel through TLS on both sides of nothing but bytes', async (t) => {
  const house = houseOf(t);
  const server = tls.createServer(house.made.options, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(upgradeAnswer);
      socket.on('data', (data) => socket.write(data));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const gate = await gateTo(t, server.address().port, `tls_ca = "${house.ca.pem}"`);

  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest('/xmpp-websocket?room=r'));
  await raw.until('\r\n\r\n');
  raw.take();
  const payload = 'x'.repeat(300_000);
  raw.send(payload);
  await raw.until((text) => text.length === payload.length);

  assert.equal(raw.text, payload);
  raw.socket.destroy();
});
