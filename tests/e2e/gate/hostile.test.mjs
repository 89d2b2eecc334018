// What is wrong is refused, told why, and never reaches a shard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange, Raw, startBackend, startGate } from './support.mjs';

const cases = [
  ['two lengths', 400, 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two Content-Lengths', 400, 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'],
  ['a signed length', 400, 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: +3\r\n\r\nabc'],
  ['an unknown coding', 400, 'POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['a coding in HTTP/1.0', 400, 'POST / HTTP/1.0\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a bare line feed', 400, 'GET / HTTP/1.1\nHost: g\r\n\r\n'],
  ['a folded field', 400, 'GET / HTTP/1.1\r\nHost: g\r\nA: b\r\n c\r\n\r\n'],
  ['a space before the colon', 400, 'GET / HTTP/1.1\r\nHost: g\r\nA : b\r\n\r\n'],
  ['a NUL in a value', 400, 'GET / HTTP/1.1\r\nHost: g\r\nA: b\0c\r\n\r\n'],
  ['a fragment in the target', 400, 'GET /a#b HTTP/1.1\r\nHost: g\r\n\r\n'],
  ['a tunnel through us', 405, 'CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n'],
  ['an unknown method', 501, 'FETCH / HTTP/1.1\r\nHost: g\r\n\r\n'],
  ['another version', 505, 'GET / HTTP/2.0\r\nHost: g\r\n\r\n'],
  ['a head without end', 431, `GET / HTTP/1.1\r\nHost: g\r\n${'A: b\r\n'.repeat(5000)}`],
  ['a target without end', 414, `GET /${'a'.repeat(10_000)} HTTP/1.1\r\nHost: g\r\n\r\n`],
  ['a WebSocket without a key', 400, 'GET /xmpp-websocket?room=r HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n'],
  ['a room name without end', 414, `GET /xmpp-websocket?room=${'a'.repeat(2000)} HTTP/1.1\r\nHost: g\r\n\r\n`],
];

test('malformed requests are refused, each with one line that says why, and nothing is forwarded', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });

  for (const [what, status, bytes] of cases) {
    const raw = await Raw.connect(gate.port);
    raw.send(bytes);
    const text = await raw.until(/\r\n\r\n[^\n]+\n$/);
    raw.socket.destroy();
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), what);
  }

  assert.equal(backend.seen.length, 0);
  assert.ok((await gate.metric('roomgate_rejected_total{reason="bad_framing"}')) >= 4);
});

test('a broken chunk in the middle of a body ends both connections', async (t) => {
  let complete = 0;
  const backend = await startBackend(t, (request) => {
    request.on('error', () => {});
    request.on('data', () => {});
    request.on('end', () => { ++complete; });
  });
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });
  const raw = await Raw.connect(gate.port);
  raw.send('POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');

  raw.send('nonsense\r\n');

  assert.match(await raw.untilEnd(), /^HTTP\/1\.1 400 /);
  assert.equal(complete, 0);
});

test('a second request hidden in a body is body', async (t) => {
  const bodies = [];
  const backend = await startBackend(t, (request, response) => {
    let body = '';
    request.on('data', (data) => { body += data; });
    request.on('end', () => {
      bodies.push(body);
      response.end('ok');
    });
  });
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });
  const hidden = 'GET /admin HTTP/1.1\r\nHost: g\r\n\r\n';

  await exchange(gate.port, `POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`);

  assert.deepEqual(bodies, [hidden]);
});

test('a head that does not come to its end in time is told so; a connection that says nothing is just closed', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[timeouts]\nrequest = "200ms"\n' });

  const slow = await exchange(gate.port, 'GET / HTTP/1.1\r\nHost:');
  const quiet = await exchange(gate.port, '');

  assert.match(slow, /^HTTP\/1\.1 408 /);
  assert.equal(quiet, '');
});

test('more connections than the limit are closed at once, and the others go on', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[limits]\nconnections = 2\n' });
  const first = await Raw.connect(gate.port);
  const second = await Raw.connect(gate.port);
  const ask = 'GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n';
  first.send(ask);
  second.send(ask);
  await first.until('ok');
  await second.until('ok');

  const third = await Raw.connect(gate.port);
  await third.untilEnd();
  first.take();
  first.send(ask);
  await first.until('ok');

  assert.equal(await gate.metric('roomgate_rejected_total{reason="connections"}'), 1);
  for (const raw of [first, second, third]) raw.socket.destroy();
});

test('no upgrade but WebSocket is passed on', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });

  const text = await exchange(gate.port, 'GET /static/a HTTP/1.1\r\nHost: g\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n', 'ok');

  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.equal(backend.seen[0].headers.upgrade, undefined);
  assert.equal(backend.seen[0].headers['http2-settings'], undefined);
});
