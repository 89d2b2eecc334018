// Debian's nginx and haproxy in front of the gate, with a configuration of the test's own, on free ports, ended with it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { temporaryFolder } from './support.mjs';

export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function run(t, program, args, ports, explain) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => { said += data; });
  let over = false;
  const ended = new Promise((resolve) => child.on('exit', () => {
    over = true;
    resolve();
  }));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  for (const port of ports) {
    while (!await accepts(port)) assert.ok(!over, `${program} has ended: ${said}${explain()}`);
  }
}

// http and stream: the inside of those blocks.
export async function startNginx(t, { http = '', stream = '', ports }) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'nginx.conf');
  const module = '/usr/lib/nginx/modules/ngx_stream_module.so';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  writeFileSync(file, `
    ${existsSync(module) ? `load_module ${module};` : ''}
    ${process.getuid() === 0 ? 'user root;' : ''}
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 512; }
    http {
      access_log off; ${temporary}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      ${http}
    }
    stream { ${stream} }
  `);
  const log = path.join(folder, 'error.log');
  await run(t, 'nginx', ['-e', log, '-c', file], ports, () => (existsSync(log) ? readFileSync(log, 'utf8') : ''));
}

// What an operator writes for an ingress: everything that a client says about itself is replaced or added to.
export const ingress = (gate, client = '$proxy_add_x_forwarded_for') => `
  location / {
    proxy_pass http://127.0.0.1:${gate};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For ${client};
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
  }`;

// sections: frontends and backends, and more; args: of its command line.
export async function startHaproxy(t, { sections, ports, args = [] }) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(file, `
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${sections}
`);
  await run(t, 'haproxy', ['-db', '-f', file, ...args], ports, () => '');
}
