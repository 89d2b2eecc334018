// A roomgate with settings of the test's own, back-ends in this process, and raw connections to see every byte.
// No fixed ports, no sleeps: everything waits for what it needs.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = path.resolve(process.env.ROOMGATE ?? path.join(process.env.ROOMGATE_BIN ?? path.join(root, 'build/dev/bin'), 'roomgate'));

// A build with sanitizers: what it takes of memory and time says nothing about the gate.
export const sanitized = process.env.ROOMGATE_SANITIZED === '1';
const sanitizerWords = /(Address|Thread|Leak|UndefinedBehavior)Sanitizer|: runtime error: /;

// Lines of a stream, with waiting for one that matches.
export class Lines {
  constructor(stream) {
    this.all = [];
    this.waiting = [];
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) this.#add(line);
    });
    stream.on('end', () => {
      for (const waiter of this.waiting) waiter.reject(new Error(`the stream ended without ${waiter.what}:\n${this.all.join('\n')}`));
    });
  }

  #add(line) {
    this.all.push(line);
    this.waiting = this.waiting.filter((waiter) => {
      const found = waiter.matches(line);
      if (found) waiter.resolve(line);
      return !found;
    });
  }

  wait(what) {
    const matches = typeof what === 'function' ? what : (line) => what.test(line);
    const there = this.all.find(matches);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve, reject) => this.waiting.push({ what, matches, resolve, reject }));
  }
}

export function temporaryFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), 'roomgate-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const listen = (address, lines = '') => `[[listen]]\naddress = "${address}"\n${lines}\n`;

// shards: [{name, host, port, lines}]; settings: further TOML; listen: a list of extra lines per [[listen]] block; name:
// the gate's; own: further lines of [gate]; host: where it listens.
export function settingsText({ shards = [], settings = '', listeners = [''], admin = '', top = '', name = 'gate-test', own = '', host = '127.0.0.1', folder }) {
  const parts = [`${top}\n[gate]\nname = "${name}"\nthreads = 2\n${own}\n`];
  for (const lines of listeners) parts.push(listen(`${host}:0`, lines));
  parts.push(`[admin]\naddress = "${host}:0"\nsocket = "${folder}/gate.sock"\n${admin}\n`);
  for (const shard of shards) {
    parts.push(`[[shards]]\nname = "${shard.name}"\naddress = "${shard.host ?? '127.0.0.1'}:${shard.port}"\n${shard.lines ?? ''}\n`);
  }
  if (!/\[shutdown\]/.test(settings)) parts.push('[shutdown]\ndelay = "0s"\ngrace = "200ms"\n');
  if (!/\[health\]/.test(settings)) parts.push('[health]\nenabled = false\n');
  parts.push(settings);
  return parts.join('\n');
}

// `cwd`: where the gate runs, so that its settings may name files as they are called there; `within`: a command that it
// runs under, such as ['ip', 'netns', 'exec', NAME].
export function startGate(t, options) {
  const folder = temporaryFolder(t);
  return startGateOn(t, folder, settingsText({ ...options, folder }), options);
}

// On settings that are text already; `options` are what gate.write() changes them from.
export async function startGateOn(t, folder, text, options = {}) {
  const file = path.join(folder, 'gate.toml');
  const write = (changed) => writeFileSync(file, settingsText({ ...options, ...changed, folder }));
  writeFileSync(file, text);
  return serving(spawnGate(t, { folder, file, write, cwd: options.cwd, host: options.host, within: options.within }));
}

// One process of a gate. `args`: behind those that name the settings.
function spawnGate(t, { folder, file, write, cwd, host = '127.0.0.1', within = [] }, args = []) {
  const [command, ...words] = [...within, binary, 'serve', '--config', file, ...args];
  const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  // With all it has said: 'close' comes behind the ends of its streams.
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  const log = new Lines(child.stderr);
  const access = new Lines(child.stdout);
  const gate = {
    child, ended, log, folder, file, write, host,
    expectedEnd: 0,
    successors: [],  // processes that it has started itself; they share its log
    socket: `${folder}/gate.sock`,
    pid: child.pid,
    signal: (name) => child.kill(name),
    access: async (matches) => JSON.parse(await access.wait((line) => line.startsWith('{') && matches(JSON.parse(line)))),
    accessText: () => access.all.join('\n'),
    residentKiB: () => sanitized ? 0 : Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]),
    metric: async (name) => {
      const text = (await request(gate.admin, '/metrics', { host })).body;
      const line = text.split('\n').find((each) => each.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    },
    // The next process, with the settings as they are in the file: when this is done it serves, and it alone. For a
    // moment of a takeover both accept.
    next: async (...more) => {
      const other = await serving(spawnGate(t, { folder, file, write, cwd, host, within }, more));
      if (more.includes('--takeover')) await log.wait(/upgrade_left/);
      return other;
    },
    // One that is to fail.
    failing: (...more) => {
      const other = spawnGate(t, { folder, file, write, cwd, host, within }, more);
      other.expectedEnd = 1;
      return other;
    },
  };
  // However a test has gone: a gate that died, or that a sanitizer has something to say about, fails it.
  const verdict = (code) => {
    const report = log.all.findIndex((line) => sanitizerWords.test(line));
    if (code === gate.expectedEnd && report < 0) return '';
    const words = report < 0 ? log.all.slice(-20) : log.all.slice(report, report + 120);
    return `the gate ended with ${code}:\n${words.join('\n')}`;
  };
  // At once too: what waits for a gate that is gone may wait long.
  ended.then((code) => verdict(code) !== '' && console.error(verdict(code)));
  t.after(async () => {
    child.kill('SIGINT');
    for (const pid of gate.successors) process.kill(pid, 'SIGINT');
    const said = verdict(await ended);
    assert.ok(said === '', said);
  });
  return gate;
}

async function serving(gate) {
  const { log } = gate;
  await log.wait(/ serving /);
  const ports = { http: [], https: [], admin: [], probe: [] };
  for (const line of log.all) {
    const found = /listening address=[\d.]+:(\d+) for=(\w+)/.exec(line);
    if (found) (ports[found[2]] ??= []).push(Number(found[1]));
  }
  return Object.assign(gate, { ports, port: ports.http[0] ?? ports.https[0], admin: ports.admin[0] });
}

export function cli(...args) {
  try {
    const out = execFileSync(binary, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return { code: 0, out, err: '' };
  } catch (error) {
    return { code: error.status, out: error.stdout, err: error.stderr };
  }
}

// An HTTP back-end; `seen` has every request it got.
export async function startBackend(t, handler = (request, response) => response.end('ok')) {
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    handler(request, response);
  });
  server.keepAliveTimeout = 0;
  const sockets = new Set();
  let connections = 0;
  server.on('connection', (socket) => {
    ++connections;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
  t.after(close);
  return { server, seen, close, port: server.address().port, sockets, get connections() { return connections; } };
}

// A back-end that answers with bytes of the test's own: onConnection(socket).
export async function startRawBackend(t, onConnection) {
  const sockets = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // No further connections; those that are open stay.
  const refuse = () => new Promise((resolve) => {
    server.close();
    setImmediate(resolve);
  });
  return { port: server.address().port, sockets, refuse };
}

export function request(port, target, { method = 'GET', headers = {}, body, agent, from, host = '127.0.0.1' } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ host, port, path: target, method, headers, localAddress: from, agent: agent ?? false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, rawHeaders: response.rawHeaders, body: Buffer.concat(parts).toString() }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

// A connection that keeps what it receives.
export class Raw {
  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.ended = false;
    this.waiters = [];
    socket.on('data', (data) => {
      this.received = Buffer.concat([this.received, data]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
  }

  // `from`: one of the loopback addresses, where it matters who asks.
  static connect(port, from, host = '127.0.0.1') {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, localAddress: from, allowHalfOpen: true }, () => resolve(new Raw(socket)));
      socket.once('error', reject);
    });
  }

  #wake() {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  get text() { return this.received.toString('latin1'); }
  send(bytes) { this.socket.write(bytes); }

  async until(what) {
    const matches = typeof what === 'function' ? what : (text) => (what instanceof RegExp ? what.test(text) : text.includes(what));
    while (!matches(this.text)) {
      if (this.ended) throw new Error(`ended without ${what}; got:\n${this.text}`);
      await new Promise((resolve) => this.waiters.push(resolve));
    }
    return this.text;
  }

  async untilEnd() {
    while (!this.ended) await new Promise((resolve) => this.waiters.push(resolve));
    return this.text;
  }

  // Takes what has been received so far out.
  take() {
    const text = this.text;
    this.received = Buffer.alloc(0);
    return text;
  }
}

// One request as bytes, the whole answer as text; the gate closes or `expect` has come.
export async function exchange(port, bytes, expect) {
  const raw = await Raw.connect(port);
  raw.send(bytes);
  const text = await (expect === undefined ? raw.untilEnd() : raw.until(expect));
  raw.socket.destroy();
  return text;
}

// Until a condition that only the gate's outside can tell holds.
export async function eventually(check) {
  for (;;) {
    const value = await check();
    if (value) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const upgradeRequest = (target, more = '') =>
  `GET ${target} HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;
export const upgradeAnswer =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

// A self-signed certificate and its key, as PEM.
export function certificate(folder, file, names) {
  const key = path.join(folder, `${file}.key.tmp`);
  const pem = path.join(folder, `${file}.pem`);
  const text = execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`, '-keyout', key],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  writeFileSync(pem, text + readFileSync(key, 'utf8'));
  rmSync(key);
  return pem;
}
