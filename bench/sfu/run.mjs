// `./dev bench sfu`: what it costs roomshard and Janus' VideoRoom to forward the same packets to the same participants, made by
// the same generator (roomload), in turn on the same machine; and what roomshard does at its end. Rows and goals:
// bench/sfu/rows.mjs; how each is measured: bench/sfu/measure.mjs.
//   --sets N          runs of each server for each row (5), order reversed in every second
//   --seconds S       measured while the load is steady (8)
//   --rows A,B        only these; --servers A,B only these
//   --no-save         print only; otherwise the rows measured replace theirs in bench/results/sfu.json and sfu.html
//   --add             sets are added to those saved, where they are of the same program
//   --lock FILE       hold this lock (flock) during each set, so that other jobs can keep quiet
// A run has a new server, on CPU 1; roomload has CPU 0. Counted is the CPU of all threads of the server between two moments while
// the load is steady, divided by the packets that receivers got in the same seconds. Latencies are those of the same seconds. A run
// in which somebody failed to join, more than a hundredth was lost or was never sent, or a stream had a fault, is no figure but
// a fault. A set in which others took more than half a CPU is not quiet; as many more are tried.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { House, locked } from '../proxy/house.mjs';
import { measure } from './measure.mjs';
import { page } from './report.mjs';
import { rows } from './rows.mjs';
import { programHash, serverNames, versions } from './servers.mjs';
import { isQuiet, markdown, summarise, text } from './summary.mjs';

const option = { type: 'string' };
const { values: given } = parseArgs({ options: { sets: { ...option, default: '5' }, seconds: { ...option, default: '8' }, rows: option,
  servers: option, 'no-save': { type: 'boolean', default: false }, add: { type: 'boolean', default: false }, lock: option } });
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
const saved = () => (existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {});

// What one core forwards, for the row that goes beyond it: as measured now, or before.
const capacityOf = (measured) => (measured.saturation ?? saved().rows?.saturation)?.figures.find((figure) => figure.key === 'perCoreSecond')?.of.roomshard?.median;

function save(measured, named) {
  mkdirSync('bench/results', { recursive: true });
  const before = saved().rows ?? {};
  const kept = Object.fromEntries(rows.map(({ name }) => [name, measured[name] ?? before[name]]).filter(([, row]) => row));
  const data = { machine: { cpus: cpus().length, model: cpus()[0].model, kernel: release() }, versions: named, rows: kept };
  const rounded = JSON.parse(JSON.stringify(data, (key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)));
  writeFileSync(results, `${JSON.stringify(rounded, null, 1)}\n`);
  writeFileSync(results.replace('.json', '.html'), page(rounded));
}

const house = new House();

// A set at a time, each saved at once: what ends early loses one at most.
async function* setsOf(row, measured, build) {
  const old = given.add ? saved().rows?.[row.name] : undefined;
  const program = programHash();
  const known = old?.program === program ? old : { records: [], seconds: 0 };
  const sets = [];
  const count = Number(given.sets);
  const begun = performance.now();
  for (let i = 0; i < 2 * count && sets.filter(isQuiet).length < count; i += 1) {
    const set = {};
    await locked(given.lock, async () => {
      const inTurn = row.servers.filter((name) => servers.includes(name));
      for (const name of i % 2 ? inTurn.reverse() : inTurn) {
        set[name] = await measure(house, name, row, { seconds: Number(given.seconds), capacity: capacityOf(measured) });
      }
    });
    sets.push(set);
    yield { ...summarise(row, [...known.records, ...sets]), build, program, date: new Date().toISOString().slice(0, 10),
      seconds: Math.round(known.seconds + (performance.now() - begun) / 1000) };
  }
}

try {
  const named = versions();
  console.log(`roomshard ${named.roomshard}; ${named.janus} on ${named.libsrtp}; one CPU for the server, one for the load`);
  const measured = {};
  for (const row of rows.filter((r) => wanted.includes(r.name) && r.servers.some((name) => servers.includes(name)))) {
    for await (const soFar of setsOf(row, measured, named.roomshard)) {
      measured[row.name] = soFar;
      if (!given['no-save']) save(measured, named);
    }
    console.log(`\n${text(measured[row.name])}\n  took ${measured[row.name].seconds} s`);
  }
  console.log(`\n${markdown(measured)}`);
} finally {
  house.close();
}
