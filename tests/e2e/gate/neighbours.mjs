// HAProxies beside a gate: one table, two servers, one peers section; started, reloaded and killed by a test, ended
// with it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { request, temporaryFolder } from './support.mjs';

const program = '/usr/sbin/haproxy';

function once(child) {
  return new Promise((resolve) => child.on('exit', resolve));
}

// `peers`: [{name, port}], itself among them; `servers`: [{name, id, port}]; `port`: where it is asked for rooms.
export class Neighbour {
  constructor(t, { name, peers, servers, port, key = 'urlp(room)' }) {
    this.folder = temporaryFolder(t);
    this.port = port;
    this.name = name;
    this.processes = [];
    this.said = '';
    this.file = path.join(this.folder, 'haproxy.cfg');
    writeFileSync(this.file, `
global
  localpeer ${name}
  stats socket ${this.folder}/stats level admin
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
peers neighbours
${peers.map((peer) => `  peer ${peer.name} 127.0.0.1:${peer.port}`).join('\n')}
frontend web
  bind 127.0.0.1:${port}
  default_backend jitsi-meet
backend jitsi-meet
  balance roundrobin
  stick-table type string len 128 size 20k expire 1d peers neighbours
  stick on ${key}
${servers.map((server) => `  server ${server.name} 127.0.0.1:${server.port} id ${server.id}`).join('\n')}
`);
    t.after(() => this.kill());
  }

  #spawn(...more) {
    const child = spawn(program, ['-db', '-f', this.file, ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (data) => { this.said += data; });
    child.ended = once(child);
    this.processes.push(child);
    return child;
  }

  async start() {
    const child = this.#spawn();
    while (await this.ask('show info') === undefined) assert.equal(child.exitCode, null, this.said);
    return this;
  }

  // A new process takes over; the one before ends when it has handed over its table.
  async reload() {
    const [before] = this.processes;
    this.#spawn('-sf', String(before.pid));
    await before.ended;
    this.processes = this.processes.filter((child) => child !== before);
  }

  async kill() {
    for (const child of this.processes.splice(0)) {
      child.kill('SIGKILL');
      await child.ended;
    }
  }

  // undefined: nobody answers.
  ask(command) {
    return new Promise((resolve) => {
      let answer = '';
      const socket = net.connect(`${this.folder}/stats`, () => socket.write(`${command}\n`));
      socket.on('data', (data) => { answer += data; });
      socket.on('end', () => resolve(answer));
      socket.on('error', () => resolve(undefined));
    });
  }

  // Which server answered.
  async request(room, more = '') {
    return (await request(this.port, `/xmpp-websocket?room=${room}${more}`)).body;
  }

  // {key: server's name}; the id has to fit it.
  async table() {
    const rows = {};
    for (const line of (await this.ask('show table jitsi-meet') ?? '').split('\n')) {
      const found = / ?key=(\S+) .*server_id=(\d+) server_key=(\S+)/.exec(line);
      if (found) rows[found[1]] = `${found[3]}/${found[2]}`;
    }
    return rows;
  }
}
