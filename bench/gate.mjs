// CPU of the front door per proxied keep-alive request, beside HAProxy with a stick table on the room: the same load
// (wrk, 64 connections, 50 rooms), the same two back-ends (nginx), one thread each, in turn, five runs of each. The figure
// is user plus system time of the proxy's process from /proc, divided by the answers that wrk counted; the ratio is taken
// run by run. Proxy on CPU 1, load and back-ends on CPU 0.
import { spawn, spawnSync, execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const runs = Number(process.env.RUNS ?? 5);
const seconds = Number(process.env.SECONDS ?? 4);
const folder = mkdtempSync(join(tmpdir(), 'roomgate-bench-'));
const children = [];

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const reachable = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

async function start(cpu, command, args, port) {
  const child = spawn('taskset', ['-c', String(cpu), command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  const deadline = Date.now() + 10000;
  while (!(await reachable(port))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`${command} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / Number(execFileSync('getconf', ['CLK_TCK']));
}

function load(port, duration) {
  const out = spawnSync('taskset', ['-c', '0', 'wrk', '-t1', '-c64', `-d${duration}s`, '-s', join(folder, 'rooms.lua'),
    `http://127.0.0.1:${port}/`], { encoding: 'utf8' }).stdout;
  const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0);
  const errors = /Socket errors/.test(out);
  if (!requests || bad || errors) throw new Error(`the load did not run clean:\n${out}`);
  return requests;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  const [back1, back2, haproxyPort, gatePort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, 'rooms.lua'), `local n = 0
request = function() n = n + 1; return wrk.format("GET", "/xmpp-websocket?room=room" .. (n % 50)) end`);
  writeFileSync(join(folder, 'nginx.conf'), `daemon off; worker_processes 1; error_log stderr error; pid ${folder}/nginx.pid;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  server { listen 127.0.0.1:${back1} backlog=4096; listen 127.0.0.1:${back2} backlog=4096; location / { return 200 "hello\\n"; } } }`);
  writeFileSync(join(folder, 'haproxy.cfg'), `global
  maxconn 7500
  nbthread 1
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend in
  bind 127.0.0.1:${haproxyPort} backlog 4096
  default_backend rooms
backend rooms
  stick-table type string len 64 size 100k expire 30m
  stick on urlp(room)
  http-reuse always
  server b1 127.0.0.1:${back1}
  server b2 127.0.0.1:${back2}
`);
  writeFileSync(join(folder, 'gate.toml'), `[gate]
threads = 1
[[listen]]
address = "127.0.0.1:${gatePort}"
[admin]
address = ""
access_log = "off"
[health]
enabled = false
[[shards]]
name = "b1"
address = "127.0.0.1:${back1}"
[[shards]]
name = "b2"
address = "127.0.0.1:${back2}"
`);
  await start(0, 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], back1);
  const proxies = {
    haproxy: { port: haproxyPort, child: await start(1, 'haproxy', ['-f', join(folder, 'haproxy.cfg')], haproxyPort) },
    roomgate: { port: gatePort, child: await start(1, 'build/release/bin/roomgate', ['serve', '--config', join(folder, 'gate.toml')], gatePort) },
  };
  for (const proxy of Object.values(proxies)) {
    proxy.microseconds = [];
    proxy.rate = [];
    load(proxy.port, 1);
  }
  for (let run = 0; run < runs; run += 1) {
    const order = run % 2 ? ['roomgate', 'haproxy'] : ['haproxy', 'roomgate'];
    for (const name of order) {
      const proxy = proxies[name];
      const before = cpuSeconds(proxy.child.pid);
      const requests = load(proxy.port, seconds);
      proxy.microseconds.push(((cpuSeconds(proxy.child.pid) - before) * 1e6) / requests);
      proxy.rate.push(requests / seconds);
    }
  }
  const ratios = proxies.roomgate.microseconds.map((value, run) => value / proxies.haproxy.microseconds[run]);
  const version = /version (\S+)/.exec(execFileSync('haproxy', ['-v'], { encoding: 'utf8' }))[1];
  console.log(`keep-alive requests, ${runs} runs of ${seconds} s, one thread each; HAProxy ${version}`);
  console.log('                 CPU us/request: min / median / max     requests/s (median)');
  for (const [name, { microseconds, rate }] of Object.entries(proxies)) {
    const [low, middle, high] = [Math.min(...microseconds), median(microseconds), Math.max(...microseconds)].map((v) => v.toFixed(1));
    console.log(`${name.padEnd(16)} ${low.padStart(8)} / ${middle.padStart(6)} / ${high.padStart(6)}          ${Math.round(median(rate))}`);
  }
  console.log(`roomgate / haproxy: ${Math.min(...ratios).toFixed(2)} / ${median(ratios).toFixed(2)} / ${Math.max(...ratios).toFixed(2)}`);
  writeFileSync('bench/results/gate.json', `${JSON.stringify({ name: 'http1-keepalive', unit: 'CPU us per request', runs, seconds,
    haproxy: { version, values: proxies.haproxy.microseconds }, roomgate: { values: proxies.roomgate.microseconds },
    ratio: { min: Math.min(...ratios), median: median(ratios), max: Math.max(...ratios) } }, null, 1)}\n`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
