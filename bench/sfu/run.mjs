// `./dev bench sfu`: what it costs roomshard and Janus' VideoRoom to forward the same packets to the same participants,
// made by the same generator (roomload), in turn on the same machine. Rows and targets: bench/sfu/rows.mjs.
//   --sets N          runs of each server for each row (5), order reversed in every second
//   --seconds S       measured, after everybody joined and 5 s more (8)
//   --rows A,B        only these; --servers A,B only these
//   --no-save         print only; otherwise the rows measured replace theirs in bench/results/sfu.json
//   --lock FILE       hold this lock (flock) during each set, so that other jobs can keep quiet
// A run has a new server, on CPU 1; roomload has CPU 0. Counted is the CPU of all threads of the server between two
// moments while the load is steady, divided by the packets that receivers got in the same seconds. A run in which somebody
// failed to join, more than a hundredth was lost or was never sent, or a stream had a fault, is no figure but a fault.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { House, bin, locked, sleep } from '../proxy/house.mjs';
import { median, quietAt } from '../proxy/summary.mjs';
import { packetsPerSecond, rows } from './rows.mjs';
import { machineSeconds, rssKiB, serverNames, startServer, threads, usage, versions } from './servers.mjs';

const text = { type: 'string' };
const { values: given } = parseArgs({ options: { sets: { ...text, default: '5' }, seconds: { ...text, default: '8' }, rows: text,
  servers: text, 'no-save': { type: 'boolean', default: false }, lock: text } });
const chosen = (list, known, what) => {
  const names = list ? list.split(',') : known;
  const strange = names.filter((name) => !known.includes(name));
  if (strange.length) {
    console.error(`no such ${what}: ${strange}; there are ${known.join(' ')}`);
    process.exit(2);
  }
  return names;
};
const servers = chosen(given.servers, serverNames, 'server');
const wanted = chosen(given.rows, rows.map((row) => row.name), 'row');
const results = 'bench/results/sfu.json';
const settle = 5;      // seconds between the last join and what is measured
const rampPerson = 0.03;  // seconds: handshakes and key frames must not pile up

const house = new House();

// Starts roomload; `done` gives its summary.
function load(server, row, participants, senders, seconds) {
  const ramp = Math.ceil(participants * rampPerson);
  const file = house.file('roomload.json');
  const child = spawn('taskset', ['-c', '0', `${bin}/roomload`, server.url, '--adapter', server.adapter, '--rooms', '1', '--participants', participants,
    '--senders', senders, '--video', 'neutral', '--audio', 'none', '--view', 'full', '--srtp', row.srtp, '--spread', row.spread, '--threads', '1',
    '--ramp', `${ramp}s`, '--duration', `${seconds}s`, '--json', file].map(String), { stdio: ['ignore', 'ignore', 'pipe'] });
  house.children.add(child);
  let error = '';
  child.stderr.on('data', (data) => { error = (error + data).slice(-2000); });
  const done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      house.children.delete(child);
      if (code === 2 || !existsSync(file)) reject(new Error(`roomload: ${error.trim().split('\n').at(-1) || code}`));
      else resolve(JSON.parse(readFileSync(file, 'utf8')));
    });
  });
  done.catch(() => {});  // looked at later, when the measured time is over
  return { ramp, done, cpu: () => usage(child.pid).cpu };
}

const reading = (server, running) => ({ at: performance.now() / 1000, ...usage(server.pid), load: running.cpu(), machine: machineSeconds() });

async function measureCpu(server, row) {
  const seconds = Number(given.seconds);
  const running = load(server, row, row.participants, row.senders, settle + seconds + 1);
  const early = running.done.then((summary) => { throw new Error(`roomload ended early: ${summary.failed} failed`); });
  early.catch(() => {});
  await Promise.race([sleep((running.ramp + settle) * 1000), early]);
  const before = reading(server, running);
  await Promise.race([sleep(seconds * 1000), early]);
  const after = reading(server, running);
  const memory = rssKiB(server.pid);
  const count = threads(server.pid);
  const summary = await running.done;
  const elapsed = after.at - before.at;
  const cpu = after.cpu - before.cpu;
  const { video } = summary;
  const loss = video.lost / video.expected;
  // What receivers got in the seconds that were measured: totals have the joins in them.
  const seen = summary.points.filter(({ at_ms: at }) => at > (running.ramp + settle + 1) * 1000 && at <= (running.ramp + settle + seconds) * 1000);
  const perSecond = median(seen.map((point) => point.bits_in / 8)) / (video.bytes / video.packets);
  const packets = perSecond * elapsed;
  const rate = perSecond / (packetsPerSecond * row.copies);
  const broken = video.sequence_faults + video.timestamp_faults;
  const faults = [];
  if (summary.failed || summary.joined < row.participants) faults.push(`${summary.joined} of ${row.participants} joined`);
  if (!(loss <= 0.01)) faults.push(`${(loss * 100).toFixed(2)} % lost`);
  if (!(Math.abs(rate - 1) < 0.03)) faults.push(`${(rate * 100).toFixed(1)} % of the packets that should have come`);
  if (broken) faults.push(`${broken} faults in sequence numbers and timestamps`);
  return { fault: faults.join('; '), microseconds: (cpu * 1e6) / packets, busy: cpu / elapsed, perSecond,
    userShare: (after.user - before.user) / Math.max(0.01, after.user - before.user + after.system - before.system),
    waits: (after.waits - before.waits) / packets, loss,
    p50: median(seen.map((point) => point.latency_p50_ms)), p99: median(seen.map((point) => point.latency_p99_ms)), memory, threads: count,
    others: (after.machine - before.machine - cpu - (after.load - before.load)) / elapsed };
}

// Two servers of the same kind, one with each number of receivers, 30 s after the last joined: what only a handshake
// needs is gone by then.
async function measureMemory(name, row) {
  const kib = [];
  for (const receivers of row.memory) {
    const server = await startServer(house, name);
    try {
      const running = load(server, row, receivers + 1, 1, settle + 32);
      await sleep((running.ramp + settle + 30) * 1000);
      kib.push(rssKiB(server.pid));
      const summary = await running.done;
      if (summary.joined < receivers + 1) return { fault: `${summary.joined} of ${receivers + 1} joined`, others: 0 };
    } finally {
      await server.stop();
    }
  }
  return { fault: '', kib: (kib[1] - kib[0]) / (row.memory[1] - row.memory[0]), rss: kib, others: 0 };
}

async function once(name, row) {
  try {
    if (row.memory) return await measureMemory(name, row);
    const server = await startServer(house, name);
    try {
      return await measureCpu(server, row);
    } finally {
      await server.stop();
    }
  } catch (error) {
    return { fault: String(error.message).split('\n')[0].slice(0, 200), others: 0 };
  }
}

const cost = (run) => run.kib ?? run.microseconds;
const show = (value, digits = 2) => (value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits));

// Ratios are taken inside a set, to the better of Janus' two ways of running. Sets in which others took more than half a
// CPU count only when there is no other.
function summarise(row, sets) {
  const quiet = sets.filter((set) => Object.values(set).every((run) => run.others <= quietAt));
  const used = quiet.length ? quiet : sets;
  const of = {};
  for (const name of servers) {
    const good = used.map((set) => set[name]).filter((run) => run && !run.fault);
    const faults = [...new Set(used.map((set) => set[name]?.fault).filter(Boolean))];
    if (!good.length) {
      of[name] = { faults };
      continue;
    }
    const middle = (key) => (good[0][key] === undefined ? undefined : median(good.map((run) => run[key])));
    const costs = good.map(cost);
    of[name] = { faults, min: Math.min(...costs), median: median(costs), max: Math.max(...costs), userShare: middle('userShare'), busy: middle('busy'),
      perSecond: middle('perSecond'), waits: middle('waits'), loss: middle('loss'), p50: middle('p50'), p99: middle('p99'), threads: middle('threads') };
  }
  const ratios = used.flatMap((set) => {
    const others = servers.filter((name) => name.startsWith('janus') && set[name] && !set[name].fault).map((name) => cost(set[name]));
    return others.length && set.roomshard && !set.roomshard.fault ? [cost(set.roomshard) / Math.min(...others)] : [];
  });
  return { title: row.title, must: row.must, aim: row.aim, mustRatio: row.mustRatio, aimRatio: row.aimRatio, sets: sets.length, quiet: quiet.length,
    servers: of, ratio: ratios.length ? { min: Math.min(...ratios), median: median(ratios), max: Math.max(...ratios) } : null, records: sets };
}

function print(row) {
  console.log(`\n${row.title} (${row.quiet} quiet sets of ${row.sets}; must ${row.must}, aim ${row.aim})`);
  for (const [name, s] of Object.entries(row.servers)) {
    if (s.median === undefined) console.log(`  ${name.padEnd(12)} FAILED: ${s.faults.join('; ')}`);
    else {
      console.log(`  ${name.padEnd(12)} ${show(s.min)} / ${show(s.median)} / ${show(s.max)}   user ${show(s.userShare * 100, 0)} %   busy ${show(s.busy * 100, 0)} %   ` +
        `waits/packet ${show(s.waits, 4)}   latency ${show(s.p50)} / ${show(s.p99)} ms   lost ${show(s.loss * 100, 3)} %   threads ${s.threads ?? '-'}${s.faults.length ? `   FAULTS: ${s.faults.join('; ')}` : ''}`);
    }
  }
  if (row.ratio) console.log(`  to the better Janus: ${show(row.ratio.min, 3)} / ${show(row.ratio.median, 3)} / ${show(row.ratio.max, 3)}${row.mustRatio ? `   must ${row.mustRatio}, aim ${row.aimRatio}` : ''}`);
}

function save(measured) {
  mkdirSync('bench/results', { recursive: true });
  const old = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
  const data = { machine: { cpus: cpus().length, model: cpus()[0].model, kernel: release() }, versions: versions(), date: new Date().toISOString().slice(0, 10),
    rows: { ...old.rows, ...measured } };
  writeFileSync(results, `${JSON.stringify(data, (key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1)}\n`);
}

try {
  const named = versions();
  console.log(`roomshard ${named.roomshard}; ${named.janus} on ${named.libsrtp}; one CPU for the server, one for the load`);
  const measured = {};
  for (const row of rows.filter((r) => wanted.includes(r.name))) {
    const sets = [];
    const count = row.memory ? Math.min(3, Number(given.sets)) : Number(given.sets);
    for (let i = 0; i < count; i += 1) {
      const set = {};
      await locked(given.lock, async () => { for (const name of i % 2 ? [...servers].reverse() : servers) set[name] = await once(name, row); });
      sets.push(set);
    }
    measured[row.name] = summarise(row, sets);
    print(measured[row.name]);
    if (!given['no-save']) save(measured);
  }
} finally {
  house.close();
}
