// Starts our own programs for a test, on free ports, and ends them with it. A program says where it listens in a log
// line; nothing sleeps for it.
import { spawn } from 'node:child_process';
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

/** A shard on free ports: {program, address}. */
export async function startShard(name, extra = []) {
  const program = new Program(join(bin, 'roomshard'), ['serve', '--name', name, '--listen', '127.0.0.1:0', '--media-port', '0',
    '--media-address', '127.0.0.1', '--media-advertise', '127.0.0.1', ...extra]);
  const [, address] = await program.line(/listening .*address=(\S+)/);
  return { name, program, address };
}
