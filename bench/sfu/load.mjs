// roomload as a child on CPU 0 that is watched each second. It ends when it is told to, with its own verdict on the whole run.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { bin } from '../proxy/house.mjs';
import { usage } from './servers.mjs';

const longest = 300;  // seconds, whatever happens to us
let files = 0;

const flags = (options) => Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

export class Load {
  // options: roomload's own, without the dashes.
  constructor(house, server, options) {
    files += 1;
    this.file = house.file(`roomload-${files}.json`);
    this.moments = [];
    this.waiting = [];
    this.child = spawn('taskset', ['-c', '0', `${bin}/roomload`, server.url, '--adapter', server.adapter, '--threads', '1', '--points', '-',
      '--json', this.file, ...flags({ duration: `${longest}s`, ...options })], { stdio: ['ignore', 'pipe', 'pipe'] });
    house.children.add(this.child);
    let error = '';
    this.child.stderr.on('data', (data) => { error = (error + data).slice(-2000); });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.moments.push(JSON.parse(line));
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('error', (problem) => { error += problem.message; resolve(); });
      this.child.on('close', resolve);
    }).then(() => {
      house.children.delete(this.child);
      this.problem = error.trim().split('\n').at(-1) || 'it ended early';
      this.over = true;
      this.#wake();
    });
  }

  #wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  get pid() { return this.child.pid; }
  cpu() { return usage(this.pid).cpu; }

  // The next second's counts.
  async next() {
    if (this.over) throw new Error(`roomload: ${this.problem}`);
    const seen = this.moments.length;
    await new Promise((resolve) => { this.waiting.push(resolve); });
    if (this.moments.length === seen) throw new Error(`roomload: ${this.problem}`);
    return this.moments.at(-1);
  }

  // Seconds that pass, looking; false when `done` was not true in all of them.
  async until(done, seconds) {
    for (let i = 0; i < seconds; i += 1) {
      await this.next();
      if (done(this.moments)) return true;
    }
    return false;
  }

  // Polite: senders stop, everybody leaves. The summary of the whole run.
  async stop() {
    this.child.kill('SIGINT');
    await this.ended;
    if (!existsSync(this.file)) throw new Error(`roomload: ${this.problem}`);
    return JSON.parse(readFileSync(this.file, 'utf8'));
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
