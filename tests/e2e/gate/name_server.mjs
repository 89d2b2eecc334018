// A real name server (Knot) on a loopback address of its own, with one zone that the test changes while it runs.
import { execFile, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './support.mjs';

const run = promisify(execFile);
const place = (name) => ['/usr/sbin', '/usr/bin'].map((folder) => path.join(folder, name)).find(existsSync) ?? name;

// A port that nobody has at this address, neither for UDP nor for TCP; the address is this process's own.
async function freePort(address) {
  for (;;) {
    const server = net.createServer().listen(0, address);
    await once(server, 'listening');
    const { port } = server.address();
    const socket = dgram.createSocket('udp4');
    const free = await new Promise((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, address, () => resolve(true));
    });
    await Promise.all([new Promise((resolve) => server.close(resolve)), new Promise((resolve) => socket.close(resolve))]);
    if (free) return port;
  }
}

// records: lines of a zone file, names below "example."; ttl: of all that do not say their own.
export async function startNameServer(t, { records, ttl = 60 }) {
  let child;
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(kill);
  const folder = temporaryFolder(t);
  const address = `127.${64 + ((process.pid >> 14) & 63)}.${(process.pid >> 7) & 127}.${1 + (process.pid & 127)}`;
  const port = await freePort(address);
  const socket = path.join(folder, 'knot.sock');
  mkdirSync(path.join(folder, 'db'));
  writeFileSync(path.join(folder, 'knot.conf'), `
server:
    rundir: "${folder}"
    listen: ${address}@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "${socket}"
database:
    storage: "${folder}/db"
log:
  - target: stderr
    any: info
zone:
  - domain: example.
    storage: "${folder}"
    file: example.zone
    zonefile-sync: -1
    journal-content: none
`);
  let serial = 1;
  const write = (lines) => {
    writeFileSync(path.join(folder, 'example.zone'),
      [`$ORIGIN example.`, `$TTL ${ttl}`, `@ SOA ns hostmaster ${serial++} 3600 600 86400 5`, '@ NS ns', `ns A ${address}`, ...lines, ''].join('\n'));
  };
  const start = async () => {
    child = spawn(place('knotd'), ['-c', path.join(folder, 'knot.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const loaded = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`knotd ended with ${code}:\n${said}`)));
      child.stderr.setEncoding('utf8').on('data', (text) => {
        said += text;
        if (/\[example\.\] loaded/.test(said) && /server started/.test(said)) resolve();
      });
    });
    await loaded;
    child.removeAllListeners('exit');
  };
  write(records);
  await start();
  return {
    address: `${address}:${port}`,
    start,
    kill,
    // What it says from now on; done when it does.
    async set(lines) {
      write(lines);
      await run(place('knotc'), ['-s', socket, '-b', 'zone-reload', 'example.']);
    },
    // While it is not running: what it will say; and until somebody has asked, without an answer.
    prepare: write,
    async asked() {
      const nobody = dgram.createSocket('udp4').bind(port, address);
      await once(nobody, 'message');
      await new Promise((resolve) => nobody.close(resolve));
    },
  };
}
