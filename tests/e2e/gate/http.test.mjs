// HTTP/1.1 through the gate: framing, keep-alive on both sides, streaming, faults of shards.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { exchange, eventually, Raw, request, startBackend, startGate, startRawBackend } from './support.mjs';

const one = (backend) => [{ name: 'shard-0', port: backend.port }];
const collect = (stream) => new Promise((resolve) => {
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => resolve(Buffer.concat(parts)));
});

test('many requests of one client use one connection on each side', async (t) => {
  const backend = await startBackend(t);
  const gate = await startGate(t, { shards: one(backend) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());

  for (let i = 0; i < 20; ++i) assert.equal((await request(gate.port, '/xmpp-websocket?room=r', { agent })).body, 'ok');

  assert.equal(backend.connections, 1);
  assert.equal(await gate.metric('roomgate_connections_accepted_total'), 1);
});

test('pipelined requests are answered in their order', async (t) => {
  const backend = await startBackend(t, (incoming, response) => collect(incoming).then((body) => response.end(`[${incoming.url} ${body}]`)));
  const gate = await startGate(t, { shards: one(backend) });
  const head = (n) => `/static/${n} HTTP/1.1\r\nHost: gate\r\n`;

  const text = await exchange(gate.port,
    `GET ${head(1)}\r\nPOST ${head(2)}Content-Length: 3\r\n\r\nabcPOST ${head(3)}Transfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n` +
    `GET ${head(4)}Connection: close\r\n\r\n`);

  assert.deepEqual(text.match(/\[[^\]]*\]/g), ['[/static/1 ]', '[/static/2 abc]', '[/static/3 xy]', '[/static/4 ]']);
});

test('chunked bodies stream both ways, byte for byte', async (t) => {
  const backend = await startBackend(t, (incoming, response) => incoming.pipe(response));
  const gate = await startGate(t, { shards: one(backend) });
  const payload = Buffer.alloc(1_500_000, 'roomgate ');

  const answer = await request(gate.port, '/http-bind?room=r', { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: payload });

  assert.equal(answer.headers['transfer-encoding'], 'chunked');
  assert.equal(answer.body, payload.toString());
});

test('a body is passed on while it arrives, not at its end', async (t) => {
  let first;
  const arrived = new Promise((resolve) => { first = resolve; });
  const backend = await startBackend(t, (incoming, response) => {
    incoming.once('data', (data) => first(data.toString()));
    incoming.on('end', () => response.end('done'));
  });
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await Raw.connect(gate.port);

  raw.send('POST /http-bind?room=r HTTP/1.1\r\nHost: gate\r\nContent-Length: 10\r\n\r\n');
  raw.send('hello');
  assert.equal(await arrived, 'hello');
  raw.send('world');

  await raw.until('done');
  raw.socket.destroy();
});

test('HEAD, 204 and 304 have no body, and the connection goes on', async (t) => {
  const backend = await startBackend(t, (incoming, response) => {
    response.statusCode = Number(new URL(incoming.url, 'http://x').searchParams.get('s') ?? 200);
    if (response.statusCode === 200) response.setHeader('Content-Length', 4);
    response.end(response.statusCode === 200 ? 'body' : undefined);
  });
  const gate = await startGate(t, { shards: one(backend) });

  const text = await exchange(gate.port, 'HEAD /static/a HTTP/1.1\r\nHost: g\r\n\r\nGET /static/a?s=204 HTTP/1.1\r\nHost: g\r\n\r\n' +
    'GET /static/a?s=304 HTTP/1.1\r\nHost: g\r\n\r\nGET /static/a HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');

  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304', 'HTTP/1.1 200']);
  assert.equal(text.match(/Content-Length: 4/gi).length, 2);
  assert.ok(text.endsWith('\r\n\r\nbody'));
});

test('the shard decides about Expect: 100-continue, and its 100 reaches the client', async (t) => {
  const backend = await startBackend(t, (incoming, response) => collect(incoming).then((body) => response.end(`got ${body}`)));
  let asked = 0;
  backend.server.on('checkContinue', (incoming, response) => {
    ++asked;
    response.writeContinue();
    collect(incoming).then((body) => response.end(`got ${body}`));
  });
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await Raw.connect(gate.port);

  raw.send('POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await raw.until('100 Continue\r\n\r\n');
  raw.send('hello');

  await raw.until('got hello');
  assert.equal(asked, 1);
  raw.socket.destroy();
});

test('other interim answers are passed on, but not to HTTP/1.0', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.on('data', () => socket.write(
    'HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')));
  const gate = await startGate(t, { shards: one(backend) });

  const modern = await exchange(gate.port, 'GET /static/a HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');
  const old = await exchange(gate.port, 'GET /static/a HTTP/1.0\r\nHost: g\r\n\r\n');

  assert.match(modern, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style.css>\r\n\r\nHTTP\/1\.1 200 /);
  assert.match(old, /^HTTP\/1\.1 200 /);
});

test('a body that ends with the shard\'s connection is chunked for HTTP/1.1 and ends with the connection for 1.0', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')));
  const gate = await startGate(t, { shards: one(backend) });

  const modern = await exchange(gate.port, 'GET /static/a HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');
  const old = await exchange(gate.port, 'GET /static/a HTTP/1.0\r\nHost: g\r\n\r\n');

  assert.match(modern, /transfer-encoding: chunked[\s\S]*\r\n\r\n9\r\nall of it\r\n0\r\n\r\n$/i);
  assert.match(old, /\r\n\r\nall of it$/);
  assert.doesNotMatch(old, /chunked/i);
});

test('a slow reader holds back the shard, not the gate\'s memory', async (t) => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const backend = await startBackend(t, (incoming, response) => {
    response.setHeader('Content-Length', total);
    const piece = Buffer.alloc(1024 * 1024);
    const more = () => {
      while (written < total) {
        written += piece.length;
        if (!response.write(piece)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  });
  const gate = await startGate(t, { shards: one(backend) });
  const before = gate.residentKiB();
  const raw = await Raw.connect(gate.port);
  raw.socket.pause();
  raw.send('GET /static/big HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');

  // The shard is stuck once its socket takes nothing for many turns of this loop.
  let last = -1;
  let quiet = 0;
  while (quiet < 2000) {
    quiet = written === last && written > 0 ? quiet + 1 : 0;
    last = written;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(written < total, `${written} bytes went into a connection nobody reads`);
  assert.ok(gate.residentKiB() - before < 8 * 1024, 'bounded memory');

  let received = 0;
  raw.socket.removeAllListeners('data');
  raw.socket.on('data', (data) => { received += data.length; });
  raw.socket.resume();
  await raw.untilEnd();
  assert.ok(received > total);
});

test('an early answer reaches a client that is still sending, and ends the connection', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.once('data', () => {
    socket.pause();
    socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!');
  }));
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await Raw.connect(gate.port);
  raw.send(`POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000000\r\n\r\n${'x'.repeat(100_000)}`);

  const text = await raw.untilEnd();

  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /connection: close/i);
  assert.ok(text.endsWith('no!'));
});

test('a GET that meets a connection the shard has closed is repeated, unseen', async (t) => {
  let connections = 0;
  const backend = await startRawBackend(t, (socket) => {
    const last = ++connections === 1;
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      // Says nothing of closing, and breaks on the next request: the race of every keep-alive.
      if (last) socket.once('data', () => socket.destroy());
    });
  });
  const gate = await startGate(t, { shards: one(backend), listeners: [''], settings: '' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());

  assert.equal((await request(gate.port, '/static/a', { agent })).status, 200);
  assert.equal((await request(gate.port, '/static/a', { agent })).status, 200);

  assert.equal(connections, 2);
  assert.equal(await gate.metric('roomgate_upstream_retries_total{shard="shard-0"}'), 1);
});

test('a POST is never sent twice', async (t) => {
  let posts = 0;
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => {
    if (!data.toString().startsWith('POST')) return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    ++posts;
    return socket.destroy();
  }));
  const gate = await startGate(t, { shards: one(backend) });

  await request(gate.port, '/http-bind?room=r');
  const answer = await request(gate.port, '/http-bind?room=r', { method: 'POST', body: 'x' });

  assert.equal(answer.status, 502);
  assert.equal(posts, 1);
});

test('a shard that answers nonsense, breaks off or is silent: 502, 502, 504, each with its reason', async (t) => {
  const answers = {
    nonsense: (socket) => socket.write('what?\r\n\r\n'),
    lengths: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'),
    switching: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'),
    broke: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
    silent: () => {},
  };
  const backend = await startRawBackend(t, (socket) => socket.on('data', (data) => {
    answers[/\/static\/(\w+)/.exec(data.toString())[1]](socket);
  }));
  const gate = await startGate(t, { shards: one(backend), settings: '[timeouts]\nserver = "300ms"\n' });

  const outcome = {};
  for (const name of Object.keys(answers)) {
    const { status, body } = await request(gate.port, `/static/${name}`);
    outcome[name] = status;
    assert.match(body, /^[^\n]+\n$/);
  }

  assert.deepEqual(outcome, { nonsense: 502, lengths: 502, switching: 502, broke: 502, silent: 504 });
  assert.equal(await gate.metric('roomgate_rejected_total{reason="upstream_silent"}'), 1);
  assert.equal((await gate.access((line) => line.path === '/static/silent')).reason, 'upstream_silent');
});

test('half an answer is never taken for a whole one', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.once('data', (data) => {
    const chunked = data.toString().includes('/static/chunked');
    socket.end(chunked ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
  }));
  const gate = await startGate(t, { shards: one(backend) });

  await assert.rejects(request(gate.port, '/static/length'));
  await assert.rejects(request(gate.port, '/static/chunked'));
});

test('a client that goes away in the middle of its body leaves nothing behind', async (t) => {
  let aborted;
  const gone = new Promise((resolve) => { aborted = resolve; });
  const backend = await startBackend(t, (incoming) => {
    incoming.on('data', () => {});
    incoming.on('aborted', aborted);
    incoming.on('error', () => {});
  });
  const gate = await startGate(t, { shards: one(backend) });
  const raw = await Raw.connect(gate.port);
  raw.send('POST /http-bind?room=r HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nhello');
  await eventually(() => backend.seen.length === 1);

  raw.socket.destroy();
  await gone;

  await eventually(async () => (await gate.metric('roomgate_connections')) === 0);
});
