// Starts our own programs for a test, on free ports, and ends them with it. A program says where it listens in a log
// line; nothing sleeps for it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const bin = process.env.ROOMGATE_BIN ?? join(root, 'build/dev/bin');

export class Program {
  /** @param {string} command @param {string[]} args */
  constructor(command, args, options = {}) {
    this.log = '';
    this.command = command;
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
    this.waiting = [];
    const take = (chunk) => {
      this.log += chunk;
      this.waiting = this.waiting.filter((check) => !check());
    };
    this.child.stdout.on('data', take);
    this.child.stderr.on('data', take);
    process.on('exit', () => this.child.kill('SIGKILL'));
  }

  /** The match of a pattern in what the program wrote, now or later. */
  line(pattern, milliseconds = 15000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.command} did not say ${pattern}; it said:\n${this.log}`)), milliseconds);
      const check = () => {
        const found = pattern.exec(this.log);
        if (!found) return false;
        clearTimeout(timer);
        resolve(found);
        return true;
      };
      this.exited.then(() => { if (!check()) { clearTimeout(timer); reject(new Error(`${this.command} ended; it said:\n${this.log}`)); } });
      if (!check()) this.waiting.push(check);
    });
  }

  async stop(signal = 'SIGKILL') {
    this.child.kill(signal);
    return this.exited;
  }
}

/** A shard on free ports: {program, address}. What `extra` sets takes the place of what is set here. */
export async function startShard(name, extra = []) {
  const usual = { '--listen': '127.0.0.1:0', '--media-port': '0', '--media-address': '127.0.0.1', '--media-advertise': '127.0.0.1' };
  const kept = Object.entries(usual).filter(([option]) => !extra.includes(option)).flat();
  const program = new Program(join(bin, 'roomshard'), ['serve', '--name', name, ...kept, ...extra]);
  const [, address] = await program.line(/listening .*address=(\S+)/);
  return { name, program, address };
}

/** A certificate for localhost and 127.0.0.1, in FOLDER: the path of one PEM with key and chain. */
export function makeCertificate(folder) {
  const [key, chain, both] = ['key.pem', 'chain.pem', 'both.pem'].map((name) => join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', chain], { stdio: 'ignore' });
  writeFileSync(both, readFileSync(key, 'utf8') + readFileSync(chain, 'utf8'));
  return both;
}

/** A front door with TLS before shards "shard-0", "shard-1" ...: {url, admin, shards, gate, accessLog(), stop()}. */
export async function startHouse(shardCount = 2, extraSettings = '') {
  const folder = mkdtempSync(join(tmpdir(), 'roomgate-e2e-'));
  const shards = await Promise.all(Array.from({ length: shardCount }, (_, n) => startShard(`shard-${n}`)));
  const settings = join(folder, 'roomgate.toml');
  writeFileSync(settings, `[[listen]]
address = "127.0.0.1:0"
tls.certificates = ["${makeCertificate(folder)}"]
[admin]
address = "127.0.0.1:0"
access_log = "${join(folder, 'access.log')}"
[shutdown]
delay = "0s"
grace = "1s"
${shards.map(({ name, address }) => `[[shards]]\nname = "${name}"\naddress = "${address}"\n`).join('')}${extraSettings}`);
  const gate = new Program(join(bin, 'roomgate'), ['serve', '--config', settings]);
  const [, address] = await gate.line(/listening address=(\S+) for=https/);
  const [, admin] = await gate.line(/listening address=(\S+) for=admin/);
  return {
    url: `https://${address.replace('127.0.0.1', 'localhost')}`,
    admin: `http://${admin}`,
    shards,
    gate,
    folder,
    accessLog: () => readFileSync(join(folder, 'access.log'), 'utf8'),
    stop: async () => {
      await Promise.all([gate.stop(), ...shards.map((shard) => shard.program.stop())]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
