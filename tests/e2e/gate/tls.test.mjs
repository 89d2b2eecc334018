// TLS at the door: SNI, versions, resumption, redirect, and certificates exchanged while it runs.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import tls from 'node:tls';
import { certificate, eventually, Raw, request, startBackend, startGate, temporaryFolder, upgradeAnswer, upgradeRequest, startRawBackend } from './support.mjs';

function connect(port, servername, more = {}) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...more }, () => resolve(socket));
    socket.on('error', reject);
  });
}
async function ask(port, servername, target = '/static/a', host = servername) {
  const raw = new Raw(await connect(port, servername));
  raw.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const text = await raw.untilEnd();
  raw.socket.destroy();
  return text;
}
async function nameOf(port, servername) {
  const socket = await connect(port, servername);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

async function secured(t, lines = '') {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['default.example']);
  certificate(folder, '2', ['*.meet.example']);
  certificate(folder, '3', ['a.meet.example']);
  const backend = await startBackend(t, (incoming, response) => response.end(`proto ${incoming.headers['x-forwarded-proto']}`));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }],
    listeners: [`tls.certificates = ["${folder}"]\n${lines}`, 'redirect_to_https = true'] });
  return { folder, backend, gate, port: gate.ports.https[0] };
}

test('the certificate follows the name asked for', async (t) => {
  const { port } = await secured(t);

  assert.equal(await nameOf(port, 'a.meet.example'), 'a.meet.example');
  assert.equal(await nameOf(port, 'b.meet.example'), '*.meet.example');
  assert.equal(await nameOf(port, 'other.example'), 'default.example');
});

test('requests and answers pass, large ones too, and the shard hears of https', async (t) => {
  const { port, backend } = await secured(t);
  const size = 3_000_000;
  backend.server.removeAllListeners('request');
  backend.server.on('request', (incoming, response) => incoming.pipe(response));

  const raw = new Raw(await connect(port, 'a.meet.example'));
  const payload = 'x'.repeat(size);
  raw.send(`POST /http-bind?room=r HTTP/1.1\r\nHost: a.meet.example\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n${payload}`);
  const text = await raw.untilEnd();

  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.equal((text.match(/x/g) ?? []).length >= size, true);
});

test('X-Forwarded-Proto is https', async (t) => {
  const { port } = await secured(t);
  assert.match(await ask(port, 'a.meet.example'), /proto https$|proto https\r\n/);
});

test('old versions are refused; sessions resume', async (t) => {
  const { port, gate } = await secured(t);

  await assert.rejects(connect(port, 'a.meet.example', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  const first = await connect(port, 'a.meet.example', { maxVersion: 'TLSv1.3' });
  const session = await new Promise((resolve) => first.once('session', resolve));
  first.destroy();
  const second = await connect(port, 'a.meet.example', { session });

  assert.equal(second.isSessionReused(), true);
  await eventually(async () => (await gate.metric('roomgate_tls_handshakes_total{result="resumed"}')) === 1);
  second.destroy();
});

test('ALPN selects what the listener prefers of what the client offers', async (t) => {
  const selected = async (port, offered) => {
    const socket = await connect(port, 'a.meet.example', { ALPNProtocols: offered });
    socket.destroy();
    return socket.alpnProtocol;
  };
  const { port } = await secured(t);
  const { port: old } = await secured(t, 'tls.alpn = ["http/1.1"]');

  assert.equal(await selected(port, ['http/1.1', 'h2']), 'h2');
  assert.equal(await selected(port, ['http/1.1']), 'http/1.1');
  assert.equal(await selected(old, ['h2', 'http/1.1']), 'http/1.1');
});

test('a host that has another certificate here is answered 421', async (t) => {
  const { port } = await secured(t);
  assert.match(await ask(port, 'a.meet.example', '/static/a', 'default.example'), /^HTTP\/1\.1 421 /);
});

test('the plain door redirects, with the port of the other', async (t) => {
  const { gate, port } = await secured(t);

  const answer = await request(gate.ports.http[0], '/Room%20A?x=1', { headers: { Host: 'a.meet.example' } });

  assert.equal(answer.status, 308);
  assert.equal(answer.headers.location, `https://a.meet.example:${port}/Room%20A?x=1`);
});

test('SIGHUP brings new certificates to new connections; open tunnels stay; bad settings change nothing', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['before.example']);
  const backend = await startRawBackend(t, (socket) => socket.once('data', () => {
    socket.write(upgradeAnswer);
    socket.on('data', (data) => socket.write(`echo ${data};`));
  }));
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], listeners: [`tls.certificates = ["${folder}"]`] });
  const port = gate.ports.https[0];
  const raw = new Raw(await connect(port, 'x.example'));
  raw.send(upgradeRequest('/xmpp-websocket?room=r'));
  await raw.until('\r\n\r\n');

  certificate(folder, '1', ['after.example']);
  gate.signal('SIGHUP');
  await gate.log.wait(/ reloaded /);
  await eventually(async () => (await nameOf(port, 'x.example')) === 'after.example');
  raw.send('alive');
  await raw.until('echo alive;');

  rmSync(`${folder}/1.pem`);
  gate.signal('SIGHUP');
  await gate.log.wait(/reload_refused/);
  assert.equal(await nameOf(port, 'x.example'), 'after.example');
  raw.send('still');
  await raw.until('echo still;');
  raw.socket.destroy();
});

test('a handshake that does not come is given up', async (t) => {
  const folder = temporaryFolder(t);
  certificate(folder, '1', ['a.example']);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: 9 }], listeners: [`tls.certificates = ["${folder}"]`], settings: '[timeouts]\nhandshake = "200ms"\n' });

  const raw = await Raw.connect(gate.ports.https[0]);
  await raw.untilEnd();

  await eventually(async () => (await gate.metric('roomgate_tls_handshakes_total{result="failed"}')) === 1);
});
