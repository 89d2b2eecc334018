// Streams of requests that two readers may read differently, through the running gate, whole and byte by byte. What
// reaches the back-end is recorded and read by many faulty readers (readers.mjs) and a strict one:
//   dangerous: some reader sees a request without the gate's own X-Request-Id, or another body than the strict one;
//   unclean: the strict reader refuses what the gate forwarded.
// Neither may happen; what must be refused is refused, and every legal request arrives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCases, sampleCases } from './cases.mjs';
import { mutants } from './mutants.mjs';
import { models, read, strict } from './readers.mjs';
import { Raw, startGate, startRawBackend } from './support.mjs';

const kLanes = 6;
const kPatience = 8_000; // for one case; only a gate that hangs gets there
const kMark = /^[0-9a-f]{32}$/;

const turn = () => new Promise((resolve) => setImmediate(resolve));

// A gate with a back-end of its own, so that what arrives belongs to the one case that is under way.
async function startLane(t) {
  const lane = { connections: new Set(), gate: undefined };
  const backend = await startRawBackend(t, (socket) => {
    const connection = { socket, bytes: '', answered: 0, closed: false };
    lane.connections.add(connection);
    socket.on('data', (data) => {
      connection.bytes += data.toString('latin1');
      const seen = read(strict, connection.bytes);
      for (; connection.answered < seen.requests.length; ++connection.answered) {
        const head = seen.requests[connection.answered].method === 'HEAD';
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${head ? '' : 'ok'}`);
      }
      if (seen.error !== undefined) socket.destroy();
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => { connection.closed = true; });
  });
  lane.gate = await startGate(t, { shards: [{ name: 'shard-0', port: backend.port }] });
  return lane;
}

const count = (text, what) => text.split(what).length - 1;

async function send(raw, bytes, piece) {
  raw.socket.setNoDelay(true);
  const data = Buffer.from(bytes, 'latin1');
  const size = piece > 0 ? (data.length > 3000 ? 61 : piece) : data.length;
  for (let at = 0; at < data.length && !raw.ended; at += size) {
    raw.send(data.subarray(at, at + size));
    if (piece > 0) await turn();
  }
}

async function run(lane, each, piece) {
  const raw = await Raw.connect(lane.gate.port);
  const timer = setTimeout(() => raw.socket.destroy(new Error('stuck')), kPatience);
  let closedByGate = true;
  await send(raw, each.bytes, piece);
  if (each.expect === 'forward') {
    const enough = (text) => count(text, 'HTTP/1.1 200 ') >= each.count;
    await raw.until((text) => raw.ended || enough(text));
  }
  if (each.expect !== 'reject' && !raw.ended) {
    closedByGate = false;
    raw.socket.end();
  }
  await raw.untilEnd();
  const stuck = raw.socket.errored?.message === 'stuck';
  clearTimeout(timer);
  raw.socket.destroy();
  // What the gate has sent to the back-end before it answered is in the kernel by now: one poll takes it.
  await turn();
  await turn();
  const streams = [];
  for (const connection of lane.connections) {
    if (connection.bytes !== '') streams.push(connection.bytes);
    // An unfinished request ends its connection; whatever came on it later would show up as another case's.
    const { rest } = read(strict, connection.bytes);
    if (rest > 0 && !connection.closed) await new Promise((resolve) => connection.socket.once('close', resolve));
    connection.bytes = '';
    connection.answered = 0;
    if (connection.closed) lane.connections.delete(connection);
  }
  return { text: raw.text, closedByGate, stuck, streams };
}

const shown = (request) => `${request.method} ${request.target} (${request.body.length})`;

// What is wrong with that stream for some reader; nothing: undefined.
function danger(stream) {
  const truth = read(strict, stream).requests;
  for (const model of models) {
    const seen = read(model, stream).requests;
    for (const request of seen) {
      const marks = request.fields.filter((field) => field.name === 'x-request-id');
      if (marks.length !== 1 || !kMark.test(marks[0].value)) return `${model.name} sees ${shown(request)} without the mark`;
    }
    const list = (requests) => requests.map((each) => `${each.method} ${each.target} ${each.body}`).join('|');
    if (list(seen) !== list(truth)) return `${model.name} sees [${seen.map(shown)}], strict [${truth.map(shown)}]`;
  }
  return undefined;
}

function judge(each, { text, closedByGate, stuck, streams }) {
  const wrong = [];
  const requests = [];
  for (const stream of streams) {
    const reading = read(strict, stream);
    requests.push(...reading.requests);
    const found = danger(stream);
    if (found !== undefined) wrong.push(`dangerous: ${found}`);
    else if (reading.error !== undefined) wrong.push(`unclean: ${reading.error}`);
  }
  if (stuck) wrong.push('stuck: no end within the deadline');
  const answered = count(text, 'HTTP/1.1 200 ');
  const refused = /(^|ok|\r\n)HTTP\/1\.1 [45]\d\d [^\r]*\r\n(?:(?!\r\n\r\n)[^])*\r\n\r\n[^\r\n]*\n$/.test(text);
  switch (each.expect) {
    case 'forward':
      if (each.most === undefined ? requests.length !== each.count : requests.length < each.count) wrong.push(`${requests.length} requests arrived, not ${each.count}`);
      if (answered < each.count) wrong.push(`${answered} answers, not ${each.count}`);
      break;
    case 'reject':
      if (!closedByGate) wrong.push('not closed');
      if (each.most === undefined ? requests.length !== each.count : requests.length > each.most) wrong.push(`${requests.length} requests arrived, not ${each.count ?? each.most}`);
      if (!refused && each.most === undefined) wrong.push(`not refused: ${JSON.stringify(text.slice(0, 80))}`);
      break;
    case 'hold':
      if (each.most === undefined ? requests.length !== each.count : requests.length > each.most) wrong.push(`${requests.length} requests arrived`);
      break;
    default: break;
  }
  if (requests.length > 0) {
    const heads = requests.flatMap((request) => [request.line, ...request.fields.map((field) => `${field.as_sent}: ${field.value}`)]);
    for (const line of each.lines) if (!heads.includes(line)) wrong.push(`no line ${JSON.stringify(line)}`);
    for (const name of each.absent) {
      if (requests.some((request) => request.fields.some((field) => field.name === name))) wrong.push(`has a field ${name}`);
    }
  }
  return wrong;
}

async function replay(t, cases, piece) {
  const lanes = await Promise.all(Array.from({ length: kLanes }, () => startLane(t)));
  const only = process.env.ONLY;
  const todo = cases.filter((each) => only === undefined || each.name.includes(only)).reverse();
  const total = todo.length;
  const findings = [];
  await Promise.all(lanes.map(async (lane) => {
    while (todo.length > 0) {
      const each = todo.pop();
      const outcome = await run(lane, each, piece);
      const wrong = judge(each, outcome);
      if (only !== undefined) console.log(each.name, JSON.stringify(each.bytes), '\n  ->', JSON.stringify(outcome));
      if (wrong.length > 0) findings.push(`${each.name}: ${wrong.join('; ')}`);
    }
  }));
  t.diagnostic(`${total} cases, ${findings.length} findings`);
  assert.deepEqual(findings.sort(), []);
}

// The judge itself: a proxy that only adds its mark and passes the bytes on must be found out.
test('what a proxy that forwards bytes would let through is seen', (t) => {
  let dangerous = 0;
  let unclean = 0;
  let quiet = 0;
  const legal = [];
  for (const each of ownCases()) {
    const marked = each.bytes.replace(/\r?\n/, `\r\nX-Request-Id: ${'0'.repeat(32)}\r\n`);
    const found = danger(marked);
    const refused = read(strict, marked).error !== undefined;
    // A legal request in unusual spelling is for the gate to spell anew.
    const plain = /^(te|cl|chunk)\/(?!.*(capital|padded|zeros))/.test(each.name) && each.expect === 'forward' && each.count === 1;
    if (plain && (found !== undefined || refused)) legal.push(`${each.name}: ${found}`);
    if (each.expect !== 'reject') continue;
    if (found !== undefined) ++dangerous;
    else if (refused) ++unclean;
    else ++quiet;
  }
  t.diagnostic(`of the cases to refuse: dangerous ${dangerous}, unclean ${unclean}, neither ${quiet}`);
  assert.ok(dangerous + unclean > 200);
  assert.deepEqual(legal, []);
});

test('our own list, whole', (t) => replay(t, ownCases(), 0));
test('our own list, byte by byte', (t) => replay(t, ownCases(), 1));

const samples = sampleCases();
const skip = samples === undefined ? 'skipped: no corpora' : false;
test('the samples of another parser, whole', { skip }, (t) => replay(t, samples, 0));
test('the samples of another parser, byte by byte', { skip }, (t) => replay(t, samples, 1));

test('cases changed at random', (t) => {
  const seed = Number(process.env.SEED ?? 1);
  return replay(t, mutants([...ownCases(), ...(samples ?? [])], Number(process.env.MUTANTS ?? 4000), seed), 0);
});
