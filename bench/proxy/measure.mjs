// One measurement of one proxy: load through bench_load or h2load, memory of idle tunnels, system calls. Each returns a
// record with what was done, what it cost, whether the checks held, and how busy everybody else was.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { bin, sleep } from './house.mjs';

const options = (load) => Object.entries(load).flatMap(([name, value]) => [`--${name}`, String(value)]);
const portOf = (proxy, load) => (load.tls ? proxy.tlsPort : proxy.port);

const output = (command, args, cpus = '0') => new Promise((resolve, reject) => {
  const child = spawn('taskset', ['-c', cpus, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { error += data; });
  child.on('error', reject);
  child.on('exit', (code) => (code === 0 ? resolve(out) : reject(new Error(`${command}: ${error || code}`))));
});

// CPU seconds of these processes' threads; exact while they sleep, to a scheduler tick while they run.
function cpuSeconds(pids) {
  let nanoseconds = 0;
  for (const pid of pids)
    for (const task of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e9;
}

function machineSeconds() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / 100;
}

export const rss = (pids) => pids.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]), 0);

// What makes a record worthless; empty when it stands.
function faults(record, scenario) {
  const found = [];
  if (record.errors) found.push(`${record.errors} errors (${record.firstError})`);
  if (record.non2xx) found.push(`${record.non2xx} answers were not 2xx`);
  if (!record.units) found.push('nothing was done');
  if (scenario.handshakes === 'full' && record.resumed) found.push(`${record.resumed} handshakes were resumed`);
  if (scenario.handshakes === 'resumed' && record.full) found.push(`${record.full} handshakes were full`);
  return found.join('; ');
}

export async function measureLoad(house, proxy, scenario, seconds) {
  const record = JSON.parse(await output(`${bin}/bench_load`, ['--port', portOf(proxy, scenario.load), '--seconds', seconds,
    ...options(scenario.load), '--proxy', proxy.pids.join(','), '--ours', house.backs.map((b) => b.pid).join(',')]));
  const work = scenario.work(record.units);
  return { ...record, fault: faults(record, scenario), work, perSecond: work / record.seconds, busy: record.cpu / record.seconds,
    microseconds: (record.cpu * 1e6) / work };
}

// h2load runs a number of requests, so the CPU of its whole run counts, handshakes of its 8 connections included (under
// 0.5 %). 8 connections of 32 streams, TLS as for the rest.
export async function measureH2(house, proxy, scenario, seconds) {
  const uris = house.file('uris');
  writeFileSync(uris, Array.from({ length: 300 }, (_, room) => `https://127.0.0.1:${proxy.tlsPort}/xmpp-websocket?room=room${room}\n`).join(''));
  const run = (count) => output('sh', ['-c', '"$@"; times', 'sh', 'h2load', '-n', count, '-c', 8, '-m', 32, '-t', 1, '-i', uris,
    '--groups=X25519', '--tls13-ciphers=TLS_AES_128_GCM_SHA256', '--npn-list=h2'].map(String));
  const backs = house.backs.map((back) => back.pid);
  const reading = () => ({ at: performance.now() / 1000, proxy: cpuSeconds(proxy.pids), backs: cpuSeconds(backs), machine: machineSeconds() });
  await run(8000);
  const before = reading();
  const text = await run(Math.round(40000 * seconds));
  const after = reading();
  const elapsed = after.at - before.at;
  const cpu = after.proxy - before.proxy;
  const load = [...text.trim().split('\n').at(-1).matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * m + Number(s), 0);
  const [units, failed] = /(\d+) succeeded, (\d+) failed/.exec(text).slice(1).map(Number);
  const spoken = /Application protocol: h2/.test(text);
  const record = { units, errors: failed + (spoken ? 0 : 1), firstError: spoken ? 'h2load' : 'h2 was not chosen',
    non2xx: units - Number(/(\d+) 2xx/.exec(text)[1]), seconds: Number(/finished in ([\d.]+)s/.exec(text)?.[1] ?? elapsed), cpu,
    others: (after.machine - before.machine - cpu - (after.backs - before.backs) - load) / elapsed };
  return { ...record, fault: faults(record, scenario), work: units, perSecond: units / record.seconds, busy: cpu / elapsed,
    microseconds: (cpu * 1e6) / units };
}

// Resident memory with so many idle tunnels, above that of the fresh process. The kernel's socket buffers are not in it.
export async function measureMemory(house, proxy, scenario, tunnels) {
  await output(`${bin}/bench_load`, ['--port', portOf(proxy, scenario.load), ...options(scenario.load), '--kind', 'message', '--connections', 1, '--seconds', 0.2]);
  await sleep(300);
  const empty = rss(proxy.pids);
  const { load, told } = await holdConnections(proxy, scenario.load, tunnels, 0, 'idle');
  await sleep(500);
  const full = rss(proxy.pids);
  const cpu = cpuSeconds(proxy.pids);
  await sleep(1000);
  const idleCpu = cpuSeconds(proxy.pids) - cpu;
  load.stdin.end();
  await new Promise((resolve) => { load.on('exit', resolve); });
  await sleep(1000);
  const fault = told.errors || told.open !== tunnels || told.units !== tunnels ? `only ${told.units} of ${tunnels} tunnels worked` : '';
  return { units: tunnels, empty, full, after: rss(proxy.pids), idleCpu, kib: (full - empty) / tunnels, fault, others: 0 };
}

// Opens connections through a proxy and keeps them until the returned process's standard input ends: tunnels with one
// message each, or connections with one request each.
export async function holdConnections(proxy, load, connections, sources = 0, kind = 'hold') {
  const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec taskset -c 0 "$@"', 'sh', `${bin}/bench_load`, '--port', portOf(proxy, load),
    ...options(load), '--kind', kind, '--connections', String(connections), '--sources', String(sources)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const told = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => resolve(JSON.parse(line)));
    child.on('exit', () => reject(new Error('the connections did not open')));
  });
  return { load: child, told };
}

// Every room asked for three times: never two back-ends for one room, and both are used.
export async function checkRooms(proxy) {
  const ask = (room) => new Promise((resolve, reject) => {
    get({ port: proxy.port, host: '127.0.0.1', path: `/xmpp-websocket?room=room${room}`, headers: { host: 'bench.test' }, agent: false },
      (response) => { response.resume(); response.on('end', () => resolve(response.headers['x-backend'])); }).on('error', reject);
  });
  const used = {};
  for (let room = 0; room < 300; room += 1) {
    const answers = [await ask(room), await ask(room), await ask(room)];
    if (!answers[0] || new Set(answers).size !== 1) throw new Error(`${proxy.name}: room${room} was answered by ${answers}`);
    used[answers[0]] = (used[answers[0]] ?? 0) + 1;
  }
  const smaller = Math.min(used.b1 ?? 0, used.b2 ?? 0) / 300;
  if (smaller < 0.2) throw new Error(`${proxy.name}: rooms are not spread: ${JSON.stringify(used)}`);
}

// System calls per unit: the difference of a long and a short run, so that neither start nor end counts.
export async function traceCalls(house, proxy, work) {
  const counts = [];
  for (const seconds of [1, 3]) {
    const file = house.file('strace');
    const strace = spawn('strace', ['-c', '-f', '-o', file, ...proxy.pids.flatMap((pid) => ['-p', pid])], { stdio: 'ignore' });
    await sleep(300);
    const record = JSON.parse(await output(`${bin}/bench_load`, ['--port', portOf(proxy, work.load), ...options(work.load), '--seconds', seconds, '--warm-up', 0]));
    const ended = new Promise((resolve) => { strace.on('exit', resolve); });
    strace.kill('SIGINT');
    await ended;
    const calls = {};
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/.exec(line);
      if (match && match[2] !== 'total') calls[match[2]] = Number(match[1]);
    }
    counts.push({ calls, units: record.units * (work.per ?? 1) });
  }
  const units = counts[1].units - counts[0].units;
  return Object.fromEntries(Object.keys(counts[1].calls).map((name) => [name, (counts[1].calls[name] - (counts[0].calls[name] ?? 0)) / units])
    .filter(([, value]) => value >= 0.02).sort((a, b) => b[1] - a[1]));
}
