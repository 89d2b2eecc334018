// `./dev bench floods`: what a well-behaved client keeps of its rate while somebody else floods the gate, what memory the
// flood takes, and which counter tells. The gate has one thread on CPU 1 and its default limits; client, back-ends and
// attacker share CPU 0. The client asks 1,500 times a second over 32 TLS connections from 127.0.0.1; the attackers come
// from other addresses.
//   --only A,B   some of them, by name     --no-save   print only
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { House, sleep } from './house.mjs';
import { holdConnections, measureLoad, rss } from './measure.mjs';

const { values: given } = parseArgs({ options: { only: { type: 'string' }, 'no-save': { type: 'boolean', default: false } } });

const client = { name: 'client', tool: 'load', load: { kind: 'request', tls: 1, connections: 32, rate: 1500 }, work: (units) => units };
const must = 95;  // per cent of its rate

// seconds: long enough for the limit that ends it; the body's has 30 s of grace.
const floods = [
  { name: 'slow head', what: '2,000 connections, a byte of a header each second', seconds: 15 },
  { name: 'slow body', what: '2,000 connections, a byte of a body each second', seconds: 40 },
  { name: 'rapid reset', what: 'h2: streams opened and reset at once, 10 connections', seconds: 8 },
  { name: 'continuation', what: 'h2: a head that never ends, 10 connections', seconds: 8 },
  { name: 'connections of one address', what: '8,000 wanted', seconds: 10 },
  { name: 'idle TLS connections', what: '10,000 from 20 addresses, one request each, then silence', seconds: 15, hold: 10000 },
];

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

async function metrics(admin) {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

// Counters that moved, apart from those that every request moves.
const told = (before, after) => Object.entries(after)
  .filter(([key, value]) => /rejected|connections_accepted|_errors|handshakes|h2_|goaway|requests_total\{.*code="(4|5)/.test(key) && !/bucket|_sum|_count/.test(key) && value > (before[key] ?? 0))
  .map(([key, value]) => [key.replace(/^roomgate_/, ''), value - (before[key] ?? 0)]);

async function attack(flood, proxy) {
  if (flood.hold) {
    const { load, told: done } = await holdConnections(proxy, { tls: 1 }, flood.hold, 20);
    return { done, end: () => load.stdin.end() };
  }
  const child = spawn('taskset', ['-c', '0', 'node', new URL('attacker.mjs', import.meta.url).pathname, flood.name, proxy.port, proxy.tlsPort, flood.seconds].map(String),
    { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  return { ended: new Promise((resolve) => { child.on('exit', () => resolve(JSON.parse(out || '{}'))); }) };
}

async function measure(flood) {
  const house = new House();
  try {
    await house.startBacks();
    const admin = await freePort();
    const proxy = await house.startProxy('roomgate', { admin: `127.0.0.1:${admin}`, limits: [] });
    const alone = await measureLoad(house, proxy, client, 4);
    const rssBefore = rss(proxy.pids);
    const before = await metrics(admin);
    let most = rssBefore;
    let mostConnections = 0;
    const watch = setInterval(async () => {
      try {
        most = Math.max(most, rss(proxy.pids));
        mostConnections = Math.max(mostConnections, (await metrics(admin)).roomgate_connections ?? 0);
      } catch { /* the gate is gone: the client's record says so */ }
    }, 500);
    const [attacked, beside] = await Promise.all([attack(flood, proxy), measureLoad(house, proxy, client, flood.seconds)]);
    const done = attacked.done ?? await attacked.ended;
    clearInterval(watch);
    const after = await metrics(admin);
    attacked.end?.();
    await sleep(2000);
    const hostile = Math.max(1, mostConnections - client.load.connections);
    const record = { name: flood.name, what: flood.what, kept: (100 * beside.perSecond) / alone.perSecond, alone, beside, attacker: done,
      rss: { before: rssBefore, most, after: rss(proxy.pids) }, hostile, kibPerHostile: (most - rssBefore) / hostile, counters: Object.fromEntries(told(before, after)) };
    await proxy.stop();
    return record;
  } finally {
    house.close();
  }
}

const records = [];
for (const flood of floods.filter((f) => !given.only || given.only.split(',').includes(f.name))) {
  let record;
  try {
    record = await measure(flood);
  } catch (error) {
    record = { name: flood.name, what: flood.what, failed: error.message };
  }
  records.push(record);
  console.log(`\n${flood.name}: ${flood.what}`);
  if (record.failed) { console.log(`  FAILED: ${record.failed}`); continue; }
  const { alone, beside } = record;
  console.log(`  client: ${Math.round(alone.perSecond)}/s alone, ${Math.round(beside.perSecond)}/s beside: ${record.kept.toFixed(1)} % kept (must ${must})${beside.fault ? `; ${beside.fault}` : ''}`);
  console.log(`  p50 ${Math.round(alone.p50)} -> ${Math.round(beside.p50)} us, p99 ${Math.round(alone.p99)} -> ${Math.round(beside.p99)} us; gate busy ${Math.round(alone.busy * 100)} -> ${Math.round(beside.busy * 100)} %`);
  console.log(`  RSS ${record.rss.before} -> ${record.rss.most} KiB (after it ${record.rss.after}); ${record.hostile} hostile connections at most, ${record.kibPerHostile.toFixed(1)} KiB each`);
  console.log(`  attacker: ${JSON.stringify(record.attacker)}`);
  console.log(`  counters: ${Object.entries(record.counters).map(([key, value]) => `${key} +${value}`).join(', ') || 'none moved'}`);
}
if (!given['no-save'] && !given.only) {
  mkdirSync('bench/results', { recursive: true });
  writeFileSync('bench/results/floods.json', `${JSON.stringify(records, (key, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1)}\n`);
}
