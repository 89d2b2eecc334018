import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../sfu/web/client/static/backoff.js';
import { Channel } from '../../sfu/web/client/static/channel.js';
import { fakeSockets } from './support/fakes.mjs';
import { fakeTimers } from './support/fake_timers.mjs';

const classes = (texts) => texts.map((t) => JSON.parse(t).colibriClass);

test('waits 1, 2, 4 up to 30 seconds, a little longer by chance', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((n) => backoff(n, 30, () => 0)), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.ok(backoff(0, 30, () => 0.999) < 1201);
});

test('says again after a reconnection what still holds, and only the last of it', () => {
  const timers = fakeTimers();
  try {
    const { FakeSocket, sockets } = fakeSockets();
    const channel = new Channel('wss://host/colibri-ws/s/c/e?pwd=x', FakeSocket);
    channel.state('constraints', { colibriClass: 'ReceiverVideoConstraints', lastN: 1 });
    sockets[0].accept();
    channel.state('constraints', { colibriClass: 'ReceiverVideoConstraints', lastN: 2 });
    channel.state('constraints', { colibriClass: 'ReceiverVideoConstraints', lastN: 2 });
    channel.send({ colibriClass: 'EndpointStats' });
    assert.deepEqual(classes(sockets[0].sent), ['ClientHello', 'ReceiverVideoConstraints', 'ReceiverVideoConstraints', 'EndpointStats']);

    sockets[0].drop();
    channel.send({ colibriClass: 'EndpointStats' });
    timers.tick(1300);
    sockets[1].accept();
    assert.deepEqual(sockets[1].sent.map((t) => JSON.parse(t).lastN), [undefined, 2]);
    channel.close();
    sockets[1].drop();
    timers.tick(60_000);
    assert.equal(sockets.length, 2);
  } finally {
    timers.restore();
  }
});

test('passes messages on by class and survives nonsense', () => {
  const { FakeSocket, sockets } = fakeSockets();
  const channel = new Channel('wss://host/', FakeSocket);
  const seen = [];
  channel.on('ForwardedSources', (m) => seen.push(m.forwardedSources));
  sockets[0].accept();
  sockets[0].say('{', 'null', '7', '{"colibriClass":7}', '{"colibriClass":"Unknown"}', '{"colibriClass":"ForwardedSources","forwardedSources":["a-v0"]}');

  assert.deepEqual(seen, [['a-v0']]);
  channel.close();
});
