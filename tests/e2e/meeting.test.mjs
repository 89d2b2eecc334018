// A meeting under roomload as nobody would want it: two rooms of six over a network that loses, swaps and doubles packets,
// everybody's layers change twice a second, people come and go, and some go without a word. The shard serves it to the end,
// nothing that a decoder needs is broken, and it ends when told. The sanitizer builds run it too: a finding fails it.
// How long: MEETING_SECONDS (8).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, Program, startShard } from './support/programs.mjs';

const length = Number(process.env.MEETING_SECONDS ?? 8);
const kFinding = /(Address|Thread|Leak|UndefinedBehavior)Sanitizer|: runtime error: /;

test('two rooms of six, layers that change, people who come and go, a lossy network', { timeout: (length * 3 + 120) * 1000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meeting-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [config, json] = [join(folder, 'shard.toml'), join(folder, 'run.json')];
  // More than two of a conference are on more than one worker, so that packets cross threads.
  writeFileSync(config, '[media]\nworkers = 3\nspread_from = 2\n[shutdown]\ngrace = "0s"\n');
  const shard = await startShard('shard-0', ['--config', config]);
  t.after(() => shard.program.stop());
  const load = (...options) => {
    const program = new Program(join(bin, 'roomload'), [`http://${shard.address}/meeting`, '--rooms', '2', '--view', 'changing', ...options]);
    t.after(() => program.stop());
    return program;
  };
  process.setMaxListeners(0);  // one for each program that is started

  const meeting = load('--participants', '6', '--ramp', '1s', '--duration', `${length}s`, '--network', 'lossy', '--json', json);
  let over = false;
  void meeting.exited.then(() => void (over = true));
  const passers = [];
  while (!over) {
    const [polite, rude] = [load('--participants', '2', '--ramp', '0s', '--duration', '2s'), load('--participants', '1', '--senders', '1', '--ramp', '0s', '--duration', '60s')];
    await Promise.race([polite.exited, meeting.exited]);
    if (!over) passers.push(polite);
    await rude.stop('SIGKILL');
    if (over) await polite.stop('SIGTERM');
  }

  assert.deepEqual(await meeting.exited, { code: 0, signal: null }, meeting.log);
  const { audio, video, joined } = JSON.parse(readFileSync(json, 'utf8'));
  assert.equal(joined, 12);
  assert.ok(audio.packets > 0 && video.frames > 0, meeting.log);
  for (const stream of [audio, video]) {
    for (const fault of ['timestamp_faults', 'picture_id_faults', 'tl0_faults', 'structure_faults']) assert.equal(stream[fault], 0, `${fault}: ${meeting.log}`);
  }
  assert.ok(passers.length > 0);
  for (const { exited, log } of passers) assert.equal((await exited).code, 0, log);
  assert.deepEqual(await shard.program.stop('SIGTERM'), { code: 0, signal: null }, shard.program.log);
  assert.doesNotMatch(shard.program.log, kFinding);
});
