// `./dev bench proxy`: what a unit of work costs in CPU through HAProxy, nginx, a bare relay and roomgate, in turn on the
// same machine. docs/performance.md tells how; bench/proxy/scenarios.mjs has the rows and their targets.
//   --sets N          quiet sets wanted for each row (5)
//   --extra N         sets tried beyond that when others are busy (5)
//   --seconds S       of one run, after 0.4 s of warm-up (1.2)
//   --scenarios A,B   only these rows; --proxies A,B only these proxies
//   --tunnels N       for the memory rows (5000)
//   --syscalls        system calls per unit of work instead (strace)
//   --no-save         print only; otherwise the rows measured replace theirs in bench/results/proxy.json and .html
//   --lock FILE       hold this lock (flock) during each set, so that other jobs can keep quiet
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { House, locked, revision } from './house.mjs';
import { checkRooms, measureH2, measureLoad, measureMemory, traceCalls } from './measure.mjs';
import { page } from './report.mjs';
import { scenarios, traced } from './scenarios.mjs';
import { isQuiet, summarise } from './summary.mjs';

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values: given } = parseArgs({ options: { sets: { ...text, default: '5' }, extra: { ...text, default: '5' },
  seconds: { ...text, default: '1.2' }, scenarios: text, proxies: text, tunnels: { ...text, default: '5000' }, syscalls: flag,
  'no-save': flag, lock: text } });

const names = (list) => (list ? list.split(',') : undefined);
const wanted = names(given.scenarios);
const onlyProxies = names(given.proxies);
const unknown = (wanted ?? []).filter((name) => !scenarios.some((s) => s.name === name));
if (unknown.length) {
  console.error(`no such scenario: ${unknown}; there are ${scenarios.map((s) => s.name).join(' ')}`);
  process.exit(2);
}

const results = 'bench/results/proxy.json';
const house = new House();
const firstLine = (command, ...args) => execFileSync('sh', ['-c', '"$@" 2>&1 | head -1', 'sh', command, ...args], { encoding: 'utf8' }).trim();

// The record, or why there is none: a proxy that fails must not end the others' measurement.
async function attempt(proxy, work) {
  try {
    if (proxy.failed) throw new Error(proxy.failed);
    return await work();
  } catch (error) {
    const dead = proxy.alive && !proxy.alive() ? 'the proxy died; ' : '';
    return { failed: dead + String(error.message).trim().split('\n')[0].slice(0, 200), others: 0 };
  }
}

const runOnce = (scenario, proxy) => attempt(proxy, () => (scenario.tool === 'h2load' ? measureH2 : measureLoad)(house, proxy, scenario, Number(given.seconds)));

async function startAll(list) {
  const started = [];
  for (const name of list) {
    try {
      started.push(await house.startProxy(name));
    } catch (error) {
      started.push({ name, failed: error.message, stop() {} });
    }
  }
  return started;
}

// One set: each proxy once, in turn; the order is reversed in every second one.
async function loadSets(scenario, list, sets, extra) {
  const proxies = await startAll(list);
  const done = [];
  for (let set = 0; set < sets + extra && done.filter(isQuiet).length < sets; set += 1) {
    const order = set % 2 ? [...proxies].reverse() : proxies;
    const runs = {};
    await locked(given.lock, async () => { for (const proxy of order) runs[proxy.name] = await runOnce(scenario, proxy); });
    done.push({ runs });
    process.stdout.write('.');
  }
  for (const proxy of proxies) await proxy.stop();
  return done;
}

// Memory needs a fresh process each time; it does not depend on how busy others are.
async function memorySets(scenario, list, sets) {
  const done = [];
  for (let set = 0; set < Math.min(sets, 3); set += 1) {
    const runs = {};
    for (const name of list) {
      await locked(given.lock, async () => {
        const proxy = (await startAll([name]))[0];
        runs[name] = await attempt(proxy, () => measureMemory(house, proxy, scenario, Number(given.tunnels)));
        await proxy.stop();
      });
    }
    done.push({ runs });
    process.stdout.write('.');
  }
  return done;
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const three = (range, show) => (range ? `${show(range.min)} / ${show(range.median)} / ${show(range.max)}` : '-');

function print(scenario, row) {
  const unit = scenario.tool === 'memory' ? 'KiB per tunnel' : scenario.tool === 'latency' ? 'us p50' : `CPU us per ${scenario.unit}`;
  console.log(`\n${scenario.name}: ${scenario.title} (${unit}; ${row.quiet} quiet sets of ${row.sets})`);
  for (const [name, proxy] of Object.entries(row.proxies)) {
    if (!proxy.cost) {
      console.log(`  ${name.padEnd(17)} FAILED: ${proxy.faults.join('; ')}`);
      continue;
    }
    const rate = proxy.perSecond ? `${String(Math.round(proxy.perSecond)).padStart(8)}/s  busy ${Math.round(proxy.busy * 100)} %` : '';
    console.log(`  ${name.padEnd(17)} ${three(proxy.cost, digits).padStart(24)}   ratio ${three(proxy.ratio, (v) => v.toFixed(2)).padEnd(18)} ${rate}${proxy.p99 ? `  p99 ${Math.round(proxy.p99)} us` : ''}${proxy.faults.length ? `  FAULTS: ${proxy.faults.join('; ')}` : ''}`);
    if (proxy.against) console.log(`  ${''.padEnd(17)} against ${scenario.against}: ${three(proxy.against, (v) => v.toFixed(2))}`);
  }
  if (row.verdict) console.log(`  must ${row.must.toFixed(2)}, aim ${row.aim.toFixed(2)}: ${row.verdict}`);
}

function printTable(rows) {
  const shown = (value) => (value === undefined || value === null ? '' : value.toFixed(2));
  console.log('\n| scenario | HAProxy | nginx | relay | must | aim | roomgate: min / median / max | |\n|---|--:|--:|--:|--:|--:|--:|---|');
  for (const scenario of scenarios) {
    const row = rows[scenario.name];
    if (!row?.must) continue;
    const subject = row.proxies[scenario.subject];
    console.log(`| ${scenario.title} | ${row.proxies.haproxy?.cost ? digits(row.proxies.haproxy.cost.median) : ''} | ${shown(row.proxies.nginx?.ratio?.median)} | ${shown(row.proxies.floor?.ratio?.median)} | ${shown(row.must)} | ${shown(row.aim)} | ${three(subject?.against ?? subject?.ratio, (v) => v.toFixed(2))} | ${row.verdict}${row.quiet < 5 && scenario.tool !== 'memory' ? ` (${row.quiet} quiet sets)` : ''} |`);
  }
}

function save(rows) {
  mkdirSync('bench/results', { recursive: true });
  const old = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
  const all = { ...old.rows, ...rows };
  const data = {
    machine: { cpus: cpus().length, model: cpus()[0].model, memoryGiB: Math.round(totalmem() / 2 ** 30), kernel: release() },
    versions: { haproxy: firstLine('haproxy', '-v'), nginx: firstLine('nginx', '-v'), openssl: firstLine('openssl', 'version'), h2load: firstLine('h2load', '--version') },
    rows: Object.fromEntries(scenarios.filter((s) => all[s.name]).map((s) => [s.name, all[s.name]])),
    ...(old.calls ? { calls: old.calls } : {}), ...(rows.calls ? { calls: rows.calls } : {}),
  };
  delete data.rows.calls;
  writeFileSync(results, `${JSON.stringify(data, (key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))
    .replaceAll('{"runs"', '\n{"runs"').replaceAll(/,"([\w-]+)":\{"title"/g, ',\n\n"$1":{"title"')}\n`);
  writeFileSync('bench/results/proxy.html', page(data));
  return data.rows;
}

async function measureRows() {
  const rows = {};
  const build = revision();
  const checked = new Set();
  for (const scenario of scenarios.filter((s) => !wanted || wanted.includes(s.name))) {
    const list = scenario.proxies.filter((name) => !onlyProxies || onlyProxies.includes(name));
    for (const name of list.filter((n) => n !== 'direct' && !checked.has(n))) {
      checked.add(name);
      const proxy = await house.startProxy(name);
      await checkRooms(proxy);
      await proxy.stop();
    }
    const sets = scenario.tool === 'memory' ? await memorySets(scenario, list, Number(given.sets))
      : await loadSets(scenario, list, Number(given.sets), Number(given.extra));
    const row = summarise({ ...scenario, proxies: list }, sets);
    print(scenario, row);
    rows[scenario.name] = { title: scenario.title, unit: scenario.unit, tool: scenario.tool, subject: scenario.subject,
      against: scenario.against, revision: build, date: new Date().toISOString().slice(0, 10), ...row, records: sets };
    if (!given['no-save']) save(rows);  // an interrupted run keeps what it has
  }
  printTable(given['no-save'] ? rows : save(rows));
}

async function measureCalls() {
  const calls = [];
  for (const work of traced) {
    for (const name of onlyProxies ?? ['haproxy', 'nginx', 'floor', 'roomgate']) {
      const proxy = await house.startProxy(name);
      const counted = await locked(given.lock, () => traceCalls(house, proxy, work));
      await proxy.stop();
      const total = Object.values(counted).reduce((sum, value) => sum + value, 0);
      calls.push({ work: work.title, proxy: name, total, calls: counted });
      console.log(`${work.title.padEnd(44)} ${name.padEnd(10)} ${total.toFixed(2).padStart(6)}   ${Object.entries(counted).map(([call, value]) => `${call} ${value.toFixed(2)}`).join(', ')}`);
    }
  }
  if (!given['no-save']) save({ calls });
}

try {
  await house.startBacks();
  await (given.syscalls ? measureCalls() : measureRows());
} finally {
  house.close();
}
