// What shards may say, and must not: a client receives an answer that one strict reader reads to its last byte, or a
// 502, or a connection that breaks off and cannot be taken for a whole answer. After anything odd the connection to
// the shard carries no further request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Raw, startGate, startRawBackend, upgradeRequest } from './support.mjs';

const ok = (body, more = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
const chunked = (chunks, more = '') => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${more}\r\n${chunks}`;
const get = 'GET /static/a HTTP/1.1\r\nHost: g\r\n\r\n';
const head = 'HEAD /static/a HTTP/1.1\r\nHost: g\r\n\r\n';
// Not to be repeated on another connection.
const post = 'POST /static/a HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n';
const websocket = upgradeRequest('/xmpp-websocket?room=r');

// name, the shard's bytes, what becomes of it: {status, body, reused, closes: the shard ends the connection behind it}.
const whole = [
  ['a length', ok('hello'), { body: 'hello', reused: true }],
  ['no reason and no space', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello', reused: true }],
  ['chunks', chunked('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'), { body: 'hello world', reused: true }],
  ['chunks with extensions and a trailer', chunked('5;a=b\r\nhello\r\n0;c="d"\r\nX-Trailer: 1\r\n\r\n', 'Trailer: X-Trailer\r\n'), { body: 'hello', reused: true, absent: /trailer/i }],
  ['the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhello', { body: 'hello', closes: true }],
  ['HTTP/1.0 until its end', 'HTTP/1.0 200 OK\r\n\r\nhello', { body: 'hello', closes: true }],
  ['HTTP/1.0 with a length', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello', closes: true }],
  ['HTTP/1.0 that stays', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello', { body: 'hello', reused: true }],
  ['a shard that says close', ok('hello', 'Connection: close\r\n'), { body: 'hello', closes: true }],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', reused: true }],
  ['304 that tells a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n', { status: 304, body: '', reused: true }],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { request: head, body: '', reused: true }],
  ['HEAD of what is chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', { request: head, body: '', reused: true }],
  ['an interim answer before it', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('hello')}`, { body: 'hello', reused: true, interim: [103] }],
  ['hop-by-hop fields', ok('hello', 'Connection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\n'),
    { body: 'hello', reused: true, absent: /private|keep-alive|upgrade|proxy/i }],
  ['a refused WebSocket', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', { request: websocket, status: 403, body: 'no', reused: true }],
  // Odd, and still clear: passed on, and never again on that connection.
  ['bytes behind a length', ok('hello') + 'more', { body: 'hello' }],
  ['bytes behind the last chunk', `${chunked('5\r\nhello\r\n0\r\n\r\n')}more`, { body: 'hello' }],
  ['a second answer behind the first', ok('hello') + ok('evil'), { body: 'hello' }],
  ['a line end behind a length', `${ok('hello')}\r\n`, { body: 'hello' }],
  ['204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello', { status: 204, body: '' }],
  ['204 with a length and no body', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', { status: 204, body: '' }],
  ['204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', { status: 204, body: '' }],
  ['204 that announces chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 204, body: '' }],
  ['304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', { status: 304, body: '' }],
  ['HEAD with a body', ok('hello'), { request: head, body: '' }],
  ['HEAD with a whole answer as its body', `HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n${ok('evil')}`, { request: head, body: '' }],
];

const refused = [
  ['both lengths', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello'],
  ['different lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello'],
  ['a hexadecimal length', 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello'],
  ['a length with a fraction', 'HTTP/1.1 200 OK\r\nContent-Length: 5.0\r\n\r\nhello'],
  ['a length that wraps', 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello'],
  ['a bad length with HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n', { request: head }],
  ['a bad length with 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello'],
  ['two codings', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['identity', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello'],
  ['a coding behind a vertical tab', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n'],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello'],
  ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['an empty name', 'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n'],
  ['parentheses in a name', 'HTTP/1.1 200 OK\r\nX(a): b\r\nContent-Length: 0\r\n\r\n'],
  ['no colon', 'HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in a value', 'HTTP/1.1 200 OK\r\nX: a\x1bb\r\nContent-Length: 0\r\n\r\n'],
  ['a split by CR', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n'],
  ['a split by LF', 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n'],
  ['a split by LF LF', 'HTTP/1.1 200 OK\r\nX: a\n\nHTTP/1.1 200 OK\r\n\r\n'],
  ['LF line ends', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'],
  ['LF at the end of the head', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello'],
  ['an empty line first', `\r\n${ok('hello')}`],
  ['rubbish first', `x${ok('hello')}`],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['small letters', 'http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['another protocol', 'ICY 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a banner', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['status 99', 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n'],
  ['status 600', 'HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n'],
  ['status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'],
  ['a CR in the reason', 'HTTP/1.1 200 O\rX: y\r\nContent-Length: 0\r\n\r\n'],
  ['a status line without end', `HTTP/1.1 200 ${'x'.repeat(40_000)}`],
  ['a head that is too long', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`],
  ['too many fields', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(200)}\r\n`],
  ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['101 without its hash', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', { request: websocket }],
  ['101 with another hash', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n', { request: websocket }],
  ['101 to another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n', { request: websocket }],
  ['a flood of interim answers', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40) + ok('hello'), { interims: true }],
  ['an interim answer with both lengths', `HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n${ok('hello')}`],
  ['an interim answer with a body', `HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nevil${ok('hello')}`, { interims: true }],
  ['nothing but an end', '', { request: post, closes: true }],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le', { closes: true }],
];

const broken = [
  ['a length that is not reached', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', { closes: true }],
  ['chunks without an end', chunked('5\r\nhello\r\n'), { closes: true }],
  ['a chunk that is not reached', chunked('9\r\nhello'), { closes: true }],
  ['a bad chunk size', chunked('5\r\nhello\r\nzz\r\n')],
  ['a signed chunk size', chunked('+5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with a prefix', chunked('0x5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size that wraps', chunked('10000000000000005\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size behind a space', chunked(' 5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk line that ends with LF', chunked('5\nhello\r\n0\r\n\r\n')],
  ['a chunk that ends with LF', chunked('5\r\nhello\n0\r\n\r\n')],
  ['a chunk that is longer than it says', chunked('3\r\nhello\r\n0\r\n\r\n')],
  ['a LF in an extension', chunked('5;a\nb\r\nhello\r\n0\r\n\r\n')],
  ['a bad trailer', chunked('5\r\nhello\r\n0\r\nX : y\r\n\r\n')],
];

// All answers in that text, strictly; undefined where it is not exactly a row of them.
function answersIn(text, requests) {
  const answers = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first, ...lines] = rest.slice(0, end).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) [\t -~\x80-\xff]*$/.exec(first);
    if (!status) return undefined;
    const fields = [];
    for (const line of lines) {
      const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)$/.exec(line);
      if (!field) return undefined;
      fields.push([field[1].toLowerCase(), field[2]]);
    }
    const all = (name) => fields.filter(([each]) => each === name).map(([, value]) => value);
    const answer = { status: Number(status[1]), fields, lines, body: '', closes: all('connection').includes('close') };
    rest = rest.slice(end + 4);
    const [length] = all('content-length');
    const coded = all('transfer-encoding');
    if (all('content-length').length > 1 || coded.length > 1 || (coded.length > 0 && (length !== undefined || coded[0] !== 'chunked'))) return undefined;
    const final = answer.status >= 200;
    const empty = !final || answer.status === 204 || answer.status === 304 || requests[answers.filter((each) => each.status >= 200).length].startsWith('HEAD');
    if (empty && answer.status < 200 && (length !== undefined || coded.length > 0)) return undefined;
    if (!empty && coded.length > 0) {
      for (;;) {
        const chunk = /^([0-9a-f]{1,15})\r\n/.exec(rest);
        if (!chunk) return undefined;
        const size = parseInt(chunk[1], 16);
        rest = rest.slice(chunk[0].length);
        answer.body += rest.slice(0, size);
        if (rest.slice(size, size + 2) !== '\r\n') return undefined;
        rest = rest.slice(size + 2);
        if (size === 0) break;
      }
    } else if (!empty) {
      if (length === undefined || !/^\d+$/.test(length) || rest.length < Number(length)) return undefined;
      answer.body = rest.slice(0, Number(length));
      rest = rest.slice(Number(length));
    }
    answers.push(answer);
  }
  return answers;
}

// A gate and a shard: the first request on a connection of `answer`'s turn gets those bytes, the ones after it "second".
async function startPair(t) {
  const pair = { seen: [], answer: undefined, closes: false };
  const backend = await startRawBackend(t, (socket) => {
    socket.setNoDelay(true); // what a test writes leaves before the gate's next request, not with its acknowledgement
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        pair.seen.push({ socket, head: text.slice(0, end) });
        text = text.slice(end + 4);
        if (pair.answer === undefined) {
          socket.write(ok('second'));
          continue;
        }
        const bytes = Buffer.from(pair.answer, 'latin1');
        pair.answer = undefined;
        if (pair.closes) socket.end(bytes);
        else socket.write(bytes);
      }
    });
    socket.on('end', () => socket.end());
  });
  pair.gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }], settings: '[timeouts]\nserver = "3s"\n' });
  return pair;
}

async function ask(pair, bytes, options) {
  const request = options.request ?? get;
  pair.seen.length = 0;
  pair.answer = bytes;
  pair.closes = options.closes ?? false;
  const raw = await Raw.connect(pair.gate.port);
  raw.send(request);
  return { raw, requests: [request, get] };
}

test('what is whole arrives whole, and only a connection with nothing odd about it is used again', async (t) => {
  const pair = await startPair(t);
  for (const [name, bytes, expected] of whole) {
    const { raw, requests } = await ask(pair, bytes, expected);
    const finals = (text) => (answersIn(text, requests) ?? []).filter((each) => each.status >= 200);
    await raw.until((text) => raw.ended || finals(text).length === 1);
    if (!raw.ended) {
      raw.send(get);
      await raw.until((text) => raw.ended || finals(text).length === 2);
    }
    raw.socket.destroy();

    const answers = answersIn(raw.text, requests);
    assert.ok(answers, `${name}: not clean: ${raw.text}`);
    const [first, second] = finals(raw.text);
    assert.equal(first.status, expected.status ?? 200, name);
    assert.equal(first.body, expected.body, name);
    assert.equal(second?.body, 'second', name);
    assert.deepEqual(answers.filter((each) => each.status < 200).map((each) => each.status), expected.interim ?? [], name);
    if (expected.absent) for (const line of first.lines) assert.doesNotMatch(line, expected.absent, name);
    assert.equal(pair.seen[1].socket === pair.seen[0].socket, expected.reused ?? false, `${name}: used again?`);
  }
});

test('nonsense becomes a 502, and its connection is never used again', async (t) => {
  const pair = await startPair(t);
  for (const [name, bytes, options = {}] of refused) {
    const { raw, requests } = await ask(pair, bytes, options);
    const finals = (text) => (answersIn(text, requests) ?? []).filter((each) => each.status >= 200);
    await raw.until((text) => raw.ended || finals(text).length === 1);
    const [first] = finals(raw.text);
    if (!raw.ended && first && !first.closes) {
      raw.send(get);
      await raw.until((text) => raw.ended || finals(text).length === 2);
      assert.notEqual(pair.seen.at(-1).socket, pair.seen[0].socket, `${name}: used again`);
      assert.equal(finals(raw.text)[1].body, 'second', name);
    }
    raw.socket.destroy();

    const answers = answersIn(raw.text, requests);
    assert.ok(answers, `${name}: not clean: ${raw.text.slice(0, 300)}`);
    assert.equal(first.status, 502, name);
    if (!options.interims) assert.equal(answers[0].status, 502, name);
    assert.doesNotMatch(raw.text, /evil|hello/, name);
  }
});

test('an answer that breaks is cut off, so that nobody takes it for whole', async (t) => {
  const pair = await startPair(t);
  for (const [name, bytes, options = {}] of broken) {
    const { raw, requests } = await ask(pair, bytes, options);
    await raw.untilEnd();
    raw.socket.destroy();

    const answers = answersIn(raw.text, requests);
    if (raw.text !== '' && answers !== undefined) assert.equal(answers[0].status, 502, `${name}: taken for whole: ${raw.text}`);
    const after = await ask(pair, ok('fine'), {});
    await after.raw.until('fine');
    after.raw.socket.destroy();
  }
});

test('what comes on an idle connection is nobody\'s answer', async (t) => {
  const pair = await startPair(t);
  for (const stray of [ok('evil'), 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nevil', '\r\n', 'HTTP/1.1 100 Continue\r\n\r\n']) {
    const { raw } = await ask(pair, ok('first'), {});
    await raw.until('first');
    await new Promise((resolve) => pair.seen[0].socket.write(stray, resolve));
    // A round trip to the same core, which has seen the stray bytes by then.
    raw.send('GET /about/health HTTP/1.1\r\nHost: g\r\n\r\n');
    await raw.until('ok\n');
    raw.send(get);
    await raw.until(/second|evil/);

    assert.doesNotMatch(raw.text, /evil|HTTP\/1.1 100/);
    assert.notEqual(pair.seen[1].socket, pair.seen[0].socket);
    raw.socket.destroy();
  }
});

test('an answer before the request is whole arrives, and ends the client\'s connection', async (t) => {
  const pair = await startPair(t);
  const { raw, requests } = await ask(pair, 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n',
    { request: 'POST /static/a HTTP/1.1\r\nHost: g\r\nContent-Length: 1000\r\n\r\nonly this' });
  await raw.untilEnd();
  raw.socket.destroy();

  const answers = answersIn(raw.text, requests);
  assert.equal(answers?.length, 1);
  assert.equal(answers[0].status, 413);
  assert.ok(answers[0].closes);
});

test('an answer on the way one byte at a time reads the same', async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    socket.setNoDelay(true);
    socket.once('data', async () => {
      for (const byte of Buffer.from(`HTTP/1.1 103 Early Hints\r\n\r\n${chunked('5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n')}`, 'latin1')) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
  const gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });
  const raw = await Raw.connect(gate.port);
  raw.send(get);
  await raw.until((text) => answersIn(text, [get])?.length === 2);
  raw.socket.destroy();

  assert.deepEqual(answersIn(raw.text, [get]).map((each) => [each.status, each.body]), [[103, ''], [200, 'hello']]);
});
