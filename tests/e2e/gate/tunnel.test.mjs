// WebSocket tunnels: only after a real 101, both ways, half-closed, counted, held, ended by a drain.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { reset } from '../../support/reset.mjs';
import { eventually, Raw, request, startBackend, startGate, startRawBackend, upgradeAnswer, upgradeRequest } from './support.mjs';

const headThen = (onTunnel) => (socket) => socket.once('data', () => {
  socket.write(upgradeAnswer);
  onTunnel(socket);
});
const one = (backend) => [{ name: 'shard-0', port: backend.port }];
async function open(gate, target = '/xmpp-websocket?room=r') {
  const raw = await Raw.connect(gate.port);
  raw.send(upgradeRequest(target));
  await raw.until('\r\n\r\n');
  return raw;
}

test('bytes pass both ways after the 101, and those sent ahead of it are not lost', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => {
    socket.write('hello from the shard;');
    socket.on('data', (data) => socket.write(`echo ${data};`));
  }));
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await Raw.connect(gate.port);

  raw.send(`${upgradeRequest('/xmpp-websocket?room=r')}early`);

  const text = await raw.until('echo early;');
  assert.match(text, /^HTTP\/1\.1 101 /);
  assert.match(text, /hello from the shard;/);
  raw.send('later');
  await raw.until('echo later;');
  raw.socket.destroy();
});

test('large amounts cross in both directions at once, unchanged', async (t) => {
  const size = 32 * 1024 * 1024;
  const backend = await startRawBackend(t, headThen((socket) => socket.pipe(socket)));
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await open(gate);
  raw.socket.removeAllListeners('data');
  const sent = createHash('sha256');
  const got = createHash('sha256');
  let received = 0;
  const done = new Promise((resolve) => raw.socket.on('data', (data) => {
    got.update(data);
    received += data.length;
    if (received === size) resolve();
  }));

  for (let at = 0; at < size; at += 1024 * 1024) {
    const piece = Buffer.alloc(1024 * 1024, at % 251);
    sent.update(piece);
    if (!raw.socket.write(piece)) await new Promise((resolve) => raw.socket.once('drain', resolve));
  }
  await done;

  assert.equal(got.digest('hex'), sent.digest('hex'));
  raw.socket.destroy();
});

test('an end on one side is passed on, and the other direction goes on', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => {
    let text = '';
    socket.on('data', (data) => { text += data; });
    socket.on('end', () => socket.end(`you said ${text}`));
  }));
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await open(gate);

  raw.socket.end('goodbye');

  assert.match(await raw.untilEnd(), /you said goodbye$/);
  const line = await gate.access((each) => each.tunnel);
  assert.equal(line.status, 101);
  assert.equal(line.bytes_in, 7);
});

test('there is no tunnel without the right 101', async (t) => {
  const answers = {
    wrong: upgradeAnswer.replace('s3pP', 'AAAA'),
    plain: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nno ws',
    refused: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    other: upgradeAnswer.replace('websocket', 'h2c'),
  };
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => {
    socket.write(answers[/room=(\w+)/.exec(data.toString())[1]]);
  }));
  const gate = await startGate(t, { shards: one(backend) });

  const outcome = {};
  for (const name of Object.keys(answers)) {
    const raw = await open(gate, `/xmpp-websocket?room=${name}`);
    outcome[name] = Number(/^HTTP\/1\.1 (\d+)/.exec(raw.text)[1]);
    raw.socket.destroy();
  }

  assert.deepEqual(outcome, { wrong: 502, plain: 200, refused: 403, other: 502 });
});

test('a tunnel is counted at its shard and holds its room', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => socket.on('end', () => socket.end()).resume()));
  const gate = await startGate(t, { shards: one(backend) });
  const room = async () => JSON.parse((await request(gate.admin, '/api/v1/rooms/r')).body);

  const first = await open(gate);
  const second = await open(gate);
  assert.equal((await room()).tunnels, 2);
  assert.equal(await gate.metric('roomgate_tunnels{shard="shard-0"}'), 2);

  first.socket.destroy();
  await eventually(async () => (await room()).tunnels === 1);
  second.socket.destroy();
  await eventually(async () => (await gate.metric('roomgate_tunnels{shard="shard-0"}')) === 0);
  assert.equal((await room()).shard, 'shard-0');
});

test('a tunnel on which nobody says anything ends after its idle time', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => socket.on('end', () => socket.end())));
  const gate = await startGate(t, { shards: one(backend), settings: '[timeouts]\ntunnel = "200ms"\n' });
  const raw = await open(gate);

  await raw.untilEnd();

  assert.equal((await gate.access((each) => each.tunnel)).reason, 'idle');
});

test('when the shard breaks off, the client hears it', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => socket.once('data', () => reset(socket))));
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await open(gate);

  raw.send('x');

  await raw.untilEnd();
});

test('a thousand idle tunnels cost little memory, and give it back', async (t) => {
  const backend = await startRawBackend(t, headThen((socket) => socket.on('end', () => socket.end()).resume()));
  const gate = await startGate(t, { shards: one(backend) });
  const count = 1000;
  const warm = await Promise.all(Array.from({ length: 50 }, (_, i) => open(gate, `/xmpp-websocket?room=w${i}`)));
  const before = gate.residentKiB();

  const raws = [];
  for (let i = 0; i < count; ++i) raws.push(await open(gate, `/xmpp-websocket?room=r${i % 50}`));

  const each = (gate.residentKiB() - before) / count;
  t.diagnostic(`${each.toFixed(2)} KiB per idle tunnel`);
  assert.ok(each < 12, `${each} KiB per idle tunnel`);
  for (const raw of [...warm, ...raws]) raw.socket.destroy();
  await eventually(async () => (await gate.metric('roomgate_connections')) === 0);
});
