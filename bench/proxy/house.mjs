// The processes of one measurement: two back-ends on CPU 0, the proxies on CPU 1, each with the configuration that the
// benchmark is about, and their start and end.
import { spawn, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const bin = process.env.ROOMGATE_BIN ?? 'build/release/bin';

export const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export const freePort = () => new Promise((resolve) => {
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

// The commit measured; -dirty where the tree differs from it elsewhere than in results, which a benchmark writes itself.
export function revision() {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results');
  return git('describe', '--always') + (changed ? '-dirty' : '');
}

// A child with its own: nginx's worker would outlive its master.
function killGroup(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone already */ }
}

// Does the work while the lock `file` is held (flock), so that other jobs can keep quiet; without a file just so.
export async function locked(file, work) {
  if (!file) return work();
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => { holder.stdout.once('data', resolve); });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await new Promise((resolve) => { holder.on('exit', resolve); });
  }
}

export class House {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'roomgate-bench-'));
    this.children = new Set();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => { this.close(); process.exit(1); });
    this.backs = [];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
      '-subj', '/CN=bench.test', '-addext', 'subjectAltName=DNS:bench.test,DNS:localhost,IP:127.0.0.1',
      '-keyout', this.file('key.pem'), '-out', this.file('cert.pem')], { stdio: 'ignore' });
    writeFileSync(this.file('both.pem'), readFileSync(this.file('cert.pem')) + readFileSync(this.file('key.pem')));
  }

  file(name) { return join(this.folder, name); }

  // Starts a command on the given CPUs with as many descriptors as allowed; resolves when it listens.
  async start(cpus, command, args, port) {
    const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec taskset -c "$0" "$@"', cpus, command, ...args],
      { stdio: ['ignore', 'ignore', openSync(this.file('messages.log'), 'a')], detached: true });
    this.children.add(child);
    child.on('exit', () => this.children.delete(child));
    const deadline = Date.now() + 10000;
    while (!(await reachable(port))) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error(`${command} did not start: ${readFileSync(this.file('messages.log'), 'utf8').trim().split('\n').at(-1)}`);
      await sleep(20);
    }
    return child;
  }

  stop(child) {
    return new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.on('exit', resolve);
      killGroup(child);
    });
  }

  async startBacks() {
    for (const name of ['b1', 'b2']) {
      const port = await freePort();
      const child = await this.start('0', `${bin}/bench_back`, ['--port', port, '--name', name], port);
      this.backs.push({ port, pid: child.pid });
    }
  }

  // name: haproxy, haproxy-2t, nginx, floor, roomgate, roomgate-2t, roomgate-tickets, direct.
  async startProxy(name, settings = {}) {
    if (name === 'direct') return { name, port: this.backs[0].port, pids: [], stop() {} };
    const [kind, variant] = name.split('-');
    const port = await freePort();
    const tlsPort = await freePort();
    const threads = variant === '2t' ? 2 : 1;
    const given = { name, port, tlsPort, threads, folder: this.folder, backs: this.backs.map((b) => b.port), ...settings };
    const [command, args] = commands[kind](this, given, variant);
    const child = await this.start(threads === 2 ? '0,1' : '1', command, args, port);
    await sleep(100);  // nginx forks its worker
    const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    return { name, port, tlsPort, pids: [child.pid, ...(workers ? workers.split(' ').map(Number) : [])],
      alive: () => child.exitCode === null && child.signalCode === null,
      stop: () => this.stop(child) };
  }

  close() {
    for (const child of this.children) killGroup(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const commands = {
  haproxy(house, given) {
    const config = house.file(`${given.name}.cfg`);
    writeFileSync(config, haproxyConfig(house, given));
    return ['haproxy', ['-f', config]];
  },
  nginx(house, given) {
    const config = house.file('nginx.conf');
    writeFileSync(config, nginxConfig(house, given));
    return ['nginx', ['-p', given.folder, '-c', config]];
  },
  floor(house, given) {
    return [`${bin}/bench_floor`, ['--port', given.port, '--tls-port', given.tlsPort, '--cert', house.file('cert.pem'),
      '--key', house.file('key.pem'), '--back1', given.backs[0], '--back2', given.backs[1]]];
  },
  roomgate(house, given, variant) {
    const config = house.file(`${given.name}.toml`);
    const known = (settings) => {
      writeFileSync(config, gateConfig(house, given, settings));
      return spawnSync(`${bin}/roomgate`, ['serve', '--config', config, '--check']).status === 0;
    };
    // Two tickets as HAProxy and nginx give; `roomgate-tickets` leaves the number at our default.
    const tls = ['tls.alpn = ["h2", "http/1.1"]', ...(variant === 'tickets' ? [] : ['tls.tickets = 2'])];
    // All of this load comes from one address, and neither HAProxy nor nginx limits it here. Every other limit and
    // timeout stays at its default. Keys that this build does not know are left out, so that older ones can be measured.
    const limits = given.limits ?? ['connections = 0', 'handshakes = "off"', 'requests = "off"', 'new_rooms = "off"'].map((l) => `per_address.${l}`);
    writeFileSync(config, gateConfig(house, given, {
      tls: tls.filter((line) => known({ tls: [line], limits: [] })),
      limits: limits.filter((line) => known({ tls: [], limits: [line] })),
    }));
    return [`${bin}/roomgate`, ['serve', '--config', config]];
  },
};

const haproxyConfig = (house, { port, tlsPort, threads, backs }) => `global
  maxconn 9500
  nbthread ${threads}

defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  timeout http-keep-alive 1h

frontend rooms_in
  bind 127.0.0.1:${port} backlog 4096
  bind 127.0.0.1:${tlsPort} backlog 4096 ssl crt ${house.file('both.pem')} alpn h2,http/1.1 ssl-min-ver TLSv1.2
  default_backend rooms

backend rooms
  stick-table type string len 64 size 100k expire 30m
  stick on urlp(room)
  http-reuse always
  server b1 127.0.0.1:${backs[0]}
  server b2 127.0.0.1:${backs[1]}
`;

const nginxConfig = (house, { port, tlsPort, folder, backs }) => `daemon off;
worker_processes 1;
error_log ${folder}/nginx-error.log warn;
pid ${folder}/nginx.pid;
events { worker_connections 19500; }
http {
  access_log off;
  client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3;
  uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  upstream rooms {
    hash $arg_room consistent;
    server 127.0.0.1:${backs[0]};
    server 127.0.0.1:${backs[1]};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    listen 127.0.0.1:${tlsPort} ssl http2 backlog=4096;
    ssl_certificate ${house.file('cert.pem')};
    ssl_certificate_key ${house.file('key.pem')};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:10m;
    tcp_nodelay on;
    location / {
      proxy_pass http://rooms;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }
  }
}
`;

const gateConfig = (house, { port, tlsPort, threads, backs, admin, log }, { tls, limits }) => `[gate]
threads = ${threads}
[[listen]]
address = "127.0.0.1:${port}"
[[listen]]
address = "127.0.0.1:${tlsPort}"
tls.certificates = ["${house.file('both.pem')}"]
${tls.join('\n')}
[admin]
address = "${admin ?? ''}"
access_log = "${log ?? 'off'}"
[health]
enabled = false
[limits]
${limits.join('\n')}
[[shards]]
name = "b1"
address = "127.0.0.1:${backs[0]}"
[[shards]]
name = "b2"
address = "127.0.0.1:${backs[1]}"
`;
