// roomload against a shard, through a front door and directly: everybody joins, nothing is lost, the exit code says what
// became of it. What cannot work is told in words that name what to mend.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin, Program, startHouse, startShard } from './support/programs.mjs';
import { freeTcpPort, freeUdpPort } from './support/ports.mjs';

process.setMaxListeners(40); // one for each program that is started

/** {code, summary, html, log} of a run; `summary` is what --json wrote, null when nothing was. */
async function roomload(t, ...options) {
  const folder = temporaryFolder(t);
  const [json, html] = [join(folder, 'run.json'), join(folder, 'run.html')];
  const program = new Program(join(bin, 'roomload'), [...options, '--json', json, '--html', html]);
  t.after(() => program.stop());
  const { code } = await program.exited;
  const read = (file) => { try { return readFileSync(file, 'utf8'); } catch { return null; } };
  return { code, summary: JSON.parse(read(json) ?? 'null'), html: read(html), log: program.log };
}

const small = ['--rooms', '2', '--participants', '3', '--ramp', '500ms', '--duration', '5s'];

/** Six people in two rooms, all sending to all, for five seconds. */
function wasWell({ code, summary, html, log }) {
  assert.equal(code, 0, log);
  assert.equal(summary.asked, 6);
  assert.equal(summary.joined, 6);
  assert.equal(summary.failed, 0);
  assert.equal(summary.join.count, 6);
  assert.equal(summary.first_media.count, 6);
  for (const kind of ['audio', 'video']) {
    const stream = summary[kind];
    assert.ok(stream.packets > 0, `no ${kind}`);
    assert.equal(stream.lost, 0, kind);
    assert.equal(stream.packets, stream.expected, kind);
    assert.equal(stream.latency.count > 0, true, kind);
    for (const fault of ['timestamp_faults', 'picture_id_faults', 'tl0_faults', 'structure_faults']) assert.equal(stream[fault], 0, fault);
  }
  assert.ok(summary.video.frames > 0);
  assert.match(html, /<svg/);
}

test('through a front door, whose certificate is only taken when one says so', { timeout: 120000 }, async (t) => {
  const house = await startHouse(1);
  t.after(() => house.stop());

  const strict = await roomload(t, `${house.url}/load`, ...small);
  const run = await roomload(t, `${house.url}/load`, '--insecure', ...small, '--max-loss', '0', '--max-join', '30s');

  assert.equal(strict.code, 1);
  assert.match(strict.log, /certificate of localhost:\d+ is not trusted .*--insecure/);
  wasWell(run);
  assert.ok(run.summary.thresholds.every(({ met }) => met));
  const { rooms } = await (await fetch(`${house.admin}/api/v1/rooms`)).json();
  assert.deepEqual(rooms.map(({ room }) => room).sort(), ['load1', 'load2']);
});

test('directly, by the conference request over HTTP, and a threshold that is missed', { timeout: 120000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const base = `http://${shard.address}`;

  wasWell(await roomload(t, `${base}/load`, ...small, '--conference-request', `${base}/conference-request/v1`));
  // Nobody joins in no time at all.
  const missed = await roomload(t, `${base}/load`, '--participants', '2', '--ramp', '0s', '--duration', '1s', '--max-join', '0ms');

  assert.equal(missed.code, 1, missed.log);
  assert.equal(missed.summary.joined, 2);
  assert.deepEqual(missed.summary.thresholds.filter(({ met }) => !met).map(({ name }) => name), ['--max-join']);
});

test('without transport-wide feedback, and watched by a program while it runs', { timeout: 60000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const points = join(temporaryFolder(t), 'points');

  wasWell(await roomload(t, `http://${shard.address}/load`, ...small, '--feedback', 'reports', '--send-after', '1s', '--points', points));

  const moments = readFileSync(points, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(moments.length >= 4, `${moments.length} moments`);
  assert.equal(moments.at(-1).connected, 6);
  const counts = moments.map(({ video }) => video.packets);
  assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
  assert.ok(counts.at(-1) > counts[0]);
});

// `--record`: what the first participant gets of another's video, while the layer that is asked for changes twice a second.
for (const [codec, extension] of [['vp8', 'ivf'], ['h264', 'h264']]) {
  test(`${codec} that is recorded across changes of layer decodes without an error`, { timeout: 120000 }, async (t) => {
    const shard = await startShard('shard-0');
    t.after(() => shard.program.stop());
    const file = join(temporaryFolder(t), `received.${extension}`);

    const { code, summary, log } = await roomload(t, `http://${shard.address}/load`, '--participants', '2', '--ramp', '0s',
      '--duration', process.env.RECORD_SECONDS ? `${process.env.RECORD_SECONDS}s` : '8s', '--codec', codec, '--view', 'changing', '--record', file);

    assert.equal(code, 0, log);
    const { frames, switches, heights } = decode(file);
    t.diagnostic(`${codec}: ${frames} frames, ${switches} switches among heights ${[...heights].join(', ')}`);
    assert.ok(frames > 100, `${frames} frames`);
    assert.ok(frames <= summary.video.frames, `${frames} frames of ${summary.video.frames}`);
    assert.deepEqual([...heights].sort(), ['180', '360', '720']);
    assert.ok(switches >= 5, `${switches} switches`);
  });
}

test('--stream: a file of one\'s own is played, and arrives as it is', { timeout: 120000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const base = `http://${shard.address}/load`;
  const own = fileURLToPath(new URL('../../bench/roomload/samples/vp9_720.ivf', import.meta.url));
  const file = join(temporaryFolder(t), 'received.ivf');

  const run = await roomload(t, base, '--participants', '2', '--ramp', '0s', '--duration', '4s', '--view', 'full', '--stream', own, '--record', file, '--max-loss', '0');
  const none = await roomload(t, base, '--stream', join(temporaryFolder(t), 'none.ivf'));

  assert.equal(run.code, 0, run.log);
  const { frames, heights } = decode(file);
  assert.ok(frames > 50, `${frames} frames`);
  assert.deepEqual([...heights], ['720']);
  assert.equal(none.code, 2);
  assert.match(none.log, /none\.ivf cannot be read/);
});

/** {frames, switches, heights} of a video file that ffmpeg decodes without a word. */
function decode(file) {
  const quiet = (program, ...args) => {
    const { status, stdout, stderr } = spawnSync(program, ['-v', 'error', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    return stdout;
  };
  quiet('ffmpeg', '-xerror', '-i', file, '-enc_time_base', '-1', '-fps_mode', 'passthrough', '-f', 'null', '-');
  const sizes = quiet('ffprobe', '-show_entries', 'frame=height', '-of', 'csv=p=0', file)
    .split('\n').map((line) => line.replace(/,$/, '')).filter(Boolean);
  return { frames: sizes.length, switches: sizes.filter((size, i) => i > 0 && size !== sizes[i - 1]).length, heights: new Set(sizes) };
}

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'roomload-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('Ctrl-C ends politely, with the report', { timeout: 60000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const program = new Program(join(bin, 'roomload'), [`http://${shard.address}/load`, '--participants', '2', '--ramp', '0s', '--json', '-']);
  t.after(() => program.stop());
  await program.line(/2\/2|2 of 2/);

  program.child.kill('SIGINT');

  assert.deepEqual(await program.exited, { code: 0, signal: null }, program.log);
  assert.match(program.log, /"joined": 2/);
  const rooms = await (await fetch(`http://${shard.address}/about/rooms`)).json();
  assert.deepEqual(rooms.rooms, []);
});

test('addresses where no shard is are told apart', { timeout: 60000 }, async (t) => {
  const web = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  }).listen(0, '127.0.0.1');
  t.after(() => web.close());
  const closed = await freeTcpPort();

  const [refused, nobody, stranger] = await Promise.all([
    roomload(t, `http://127.0.0.1:${closed}/load`),
    roomload(t, 'http://no-such-host.invalid/load'),
    roomload(t, `http://127.0.0.1:${web.address().port}/load`),
  ]);

  assert.equal(refused.code, 1);
  assert.match(refused.log, new RegExp(`nobody listens on 127\\.0\\.0\\.1:${closed}`));
  assert.equal(nobody.code, 1);
  assert.match(nobody.log, /"no-such-host\.invalid" has no address/);
  assert.equal(stranger.code, 1);
  assert.match(stranger.log, /is no Jitsi deployment/);
});

test('a bridge whose UDP port is closed is named, with its address', { timeout: 60000 }, async (t) => {
  const shard = await startShard('shard-0');
  t.after(() => shard.program.stop());
  const closed = await freeUdpPort();
  const proxy = await portChanger(shard.address, closed);
  t.after(() => proxy.close());

  const run = await roomload(t, `http://127.0.0.1:${proxy.address().port}/load`, '--participants', '2', '--ramp', '0s');

  assert.equal(run.code, 1, run.log);
  assert.equal(run.summary.joined, 2);
  assert.equal(run.summary.failed, 2);
  const [why] = Object.keys(run.summary.failures);
  assert.match(why, new RegExp(`no media path: 127\\.0\\.0\\.1:${closed} \\(UDP\\) does not answer`));
});

test('wrong usage is exit 2, and says what is allowed', { timeout: 60000 }, () => {
  for (const [options, words] of [
    [[], /URL is required/],
    [['http://h/a/b/c'], /ROOMPREFIX/],
    [['h/room'], /https:\/\/host\/ROOMPREFIX/],
    [['http://h/r', '--duration', '5'], /500ms, 60s, 2m, 1h/],
    [['http://h/r', '--video', 'film'], /vp8-simulcast/],
    [['http://h/r', '--network', 'string'], /lte/],
    [['http://h/r', '--max-loss', '101'], /0 to 100/],
    [['http://h/r', '--frob'], /frob/],
  ]) {
    const { status, stdout, stderr } = spawnSync(join(bin, 'roomload'), options, { encoding: 'utf8' });
    assert.equal(status, 2, `${options.join(' ')}: ${stdout}${stderr}`);
    assert.match(stderr, words);
  }
});

/** Before a shard on plain HTTP: its candidates name another UDP port of the same length. */
async function portChanger(address, port) {
  const [host, tcp] = address.split(':');
  const change = (bytes) => bytes.toString('latin1').replace(/(<candidate [^>]*port=["'])(\d+)/g, (all, before, was) => {
    assert.equal(was.length, String(port).length);
    return before + port;
  });
  const server = createServer((client) => {
    const upstream = connect(Number(tcp), host);
    let held = '';
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      // A candidate that is cut in two by a chunk's end waits for its rest.
      const text = held + bytes.toString('latin1');
      const open = text.lastIndexOf('<candidate ');
      const cut = open >= 0 && !text.includes('>', open) ? open : text.length;
      held = text.slice(cut);
      client.write(Buffer.from(change(Buffer.from(text.slice(0, cut), 'latin1')), 'latin1'));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}
