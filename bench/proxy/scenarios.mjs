// What `./dev bench proxy` measures: one entry per row. `load` are options of bench_load; `work` turns its units into the
// unit of the row; `must` and `aim` are the targets as ratios to HAProxy in the same set. Connections are chosen so that
// one proxy thread is kept busy (but in the paced and latency rows) while the load keeps up on the other CPU.
const mib = 1024 * 1024;

const request = { kind: 'request' };
const fresh = { kind: 'request', fresh: 1, connections: 32 };
const message = { kind: 'message', connections: 200, bytes: 150 };
const large = { kind: 'message', connections: 16, bytes: 65536 };
const everyone = ['haproxy', 'nginx', 'floor', 'roomgate'];

export const scenarios = [
  { name: 'http1-keepalive', title: 'keep-alive request', unit: 'request', must: 0.90, aim: 0.75,
    load: { ...request, connections: 64 } },
  { name: 'http1-newconn', title: 'new connection + request', unit: 'request', must: 0.90, aim: 0.80, load: fresh },
  { name: 'tls-full', title: 'TLS 1.3 full handshake + request', unit: 'handshake', must: 1.00, aim: 0.90,
    load: { ...fresh, tls: 1 }, handshakes: 'full', proxies: [...everyone, 'roomgate-tickets'] },
  { name: 'tls-resumed', title: 'TLS resumed', unit: 'handshake', must: 0.88, aim: 0.75,
    load: { ...fresh, tls: 1, resume: 1 }, handshakes: 'resumed', proxies: [...everyone, 'roomgate-tickets'] },
  { name: 'tls-keepalive', title: 'TLS keep-alive request', unit: 'request', must: 0.90, aim: 0.75,
    load: { ...request, connections: 64, tls: 1 } },
  { name: 'http1-paced', title: 'paced at 4,000/s, plain', unit: 'request', must: 0.80, aim: 0.70,
    load: { ...request, connections: 64, rate: 4000 } },
  { name: 'tls-paced', title: 'paced at 4,000/s, TLS', unit: 'request', load: { ...request, connections: 64, rate: 4000, tls: 1 } },
  { name: 'h2', title: 'h2 request to an HTTP/1.1 shard', unit: 'request', must: 1.00, aim: 0.85, mustFromFloor: 0.15, tool: 'h2load' },
  { name: 'static-1m', title: '1 MiB body, plain', unit: 'MiB', must: 1.00, aim: 0.85,
    load: { ...request, connections: 8, bytes: mib } },
  { name: 'tls-static-1m', title: '1 MiB body, TLS', unit: 'MiB', must: 1.00, aim: 0.85,
    load: { ...request, connections: 8, bytes: mib, tls: 1 } },
  { name: 'ws-small', title: 'WebSocket message 150 B, plain', unit: 'message', must: 1.00, aim: 0.87,
    load: message, work: (units) => 2 * units },
  { name: 'ws-small-tls', title: 'WebSocket message 150 B, TLS', unit: 'message', must: 0.90, aim: 0.80,
    load: { ...message, tls: 1 }, work: (units) => 2 * units },
  { name: 'ws-large', title: 'WebSocket 64 KiB, plain', unit: 'MiB', must: 0.85, aim: 0.70,
    load: large, work: (units) => (2 * units * large.bytes) / mib },
  { name: 'ws-large-tls', title: 'WebSocket 64 KiB, TLS', unit: 'MiB', must: 1.00, aim: 0.85,
    load: { ...large, tls: 1 }, work: (units) => (2 * units * large.bytes) / mib },
  { name: 'two-threads', title: 'keep-alive with 2 threads, against our own with 1', unit: 'request', must: 1.10, aim: 1.00,
    load: { ...request, connections: 64 }, proxies: ['haproxy', 'haproxy-2t', 'roomgate', 'roomgate-2t'],
    subject: 'roomgate-2t', against: 'roomgate' },
  { name: 'idle', title: 'memory of an idle tunnel, plain', unit: 'tunnel', must: 0.50, aim: 0.20, tool: 'memory', load: {} },
  { name: 'idle-tls', title: 'memory of an idle tunnel, TLS', unit: 'tunnel', must: 0.85, aim: 0.78, tool: 'memory', load: { tls: 1 } },
  { name: 'latency', title: 'latency at 500/s, plain', unit: 'request', tool: 'latency',
    load: { ...request, connections: 16, rate: 500 }, proxies: ['direct', ...everyone] },
  { name: 'latency-tls', title: 'latency at 500/s, TLS', unit: 'request', tool: 'latency',
    load: { ...request, connections: 16, rate: 500, tls: 1 } },
].map((s) => ({ work: (units) => (s.unit === 'MiB' ? (units * s.load.bytes) / mib : units), proxies: everyone,
  subject: 'roomgate', against: 'haproxy', tool: 'load', ...s }));

// For `--syscalls`: the work whose system calls are counted.
export const traced = [
  { title: 'request, keep-alive, 500/s', load: { ...request, connections: 16, rate: 500 } },
  { title: 'request, keep-alive, closed loop', load: { ...request, connections: 64 } },
  { title: 'request, TLS keep-alive, 500/s', load: { ...request, connections: 16, rate: 500, tls: 1 } },
  { title: 'request, TLS keep-alive, closed loop', load: { ...request, connections: 64, tls: 1 } },
  { title: 'request, new connection', load: fresh },
  { title: 'request, new TLS connection', load: { ...fresh, tls: 1 } },
  { title: 'request, resumed TLS connection', load: { ...fresh, tls: 1, resume: 1 } },
  { title: 'WebSocket message one way, 500 echoes/s', load: { ...message, connections: 16, rate: 500 }, per: 2 },
  { title: 'WebSocket message one way, TLS, 500 echoes/s', load: { ...message, connections: 16, rate: 500, tls: 1 }, per: 2 },
];
