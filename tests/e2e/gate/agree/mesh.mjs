// Several gates that are one: processes with settings of their own, each with its admin, which know each other by
// addresses that only this test has. They are killed, paused, restarted, and put behind relays.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { ownHost } from '../../../support/hosts.mjs';
import { Relay } from '../../../support/relay.mjs';
import { request, startGate } from '../support.mjs';

function freePortOn(host) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// As eventually(), but leaves the machine to the gates between two looks: they share its cores.
export async function patiently(check) {
  for (;;) {
    const value = await check();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

// Load from one address is what these tests are about.
const unlimited = '[limits]\nper_address.connections = 0\nper_address.requests = "off"\nper_address.new_rooms = "off"\n';
// A line that rests for long must not be closed in the moment in which it is used: that is no answer to judge.
const patient = '[timeouts]\nkeep_alive = "10m"\n';

// gates: how many; shards: as settingsText() wants them; peers: further lines of [peers]; own: of [gate]; settings:
// further TOML; each of these four for all, or, as a function, for each. lone: nobody knows the others (a control).
// allow: who may connect. delay: ms from gate to gate, each way, by relays; relays: have them without a delay too. place:
// where gates live that are not on the loopback (namespaces.mjs).
export async function startMesh(t, options) {
  const mesh = new Mesh(t, options);
  // Before the gates' own ends: a process that is stopped does not hear its SIGINT.
  t.after(() => mesh.gates.forEach((gate) => gate?.paused && gate.resume()));
  await mesh.layOut();
  await Promise.all(mesh.names.map((name, i) => mesh.start(i)));
  if (!options.lone) await mesh.together();
  return mesh;
}

export class Mesh {
  constructor(t, options) {
    this.t = t;
    this.options = options;
    this.names = Array.from({ length: options.gates }, (_, i) => `gate-${i}`);
    this.gates = [];
    this.relays = new Map();  // `${from} ${to}`
  }

  async layOut() {
    const { delay = 0, relays = delay > 0, place } = this.options;
    this.places = [];
    for (const i of this.names.keys()) this.places.push(place?.(i) ?? await this.#onLoopback());
    if (!relays) return;
    for (const from of this.names.keys()) {
      for (const to of this.names.keys()) {
        if (from === to) continue;
        const { listen: host, port } = this.places[to];
        const relay = await Relay.start({ target: { host, port }, delay });
        this.t.after(() => relay.stop());
        this.relays.set(`${from} ${to}`, relay);
      }
    }
  }

  async #onLoopback() {
    const listen = ownHost();
    return { listen, port: await freePortOn(listen), seenFrom: () => listen, host: '127.0.0.1', within: [] };
  }

  // As gate `from` reaches gate `to`.
  address(from, to) {
    const relay = this.relays.get(`${from} ${to}`);
    if (relay) return relay.address;
    const { seenFrom, port } = this.places[to];
    return `${seenFrom(from)}:${port}`;
  }
  relaysBetween(a, b) { return [this.relays.get(`${a} ${b}`), this.relays.get(`${b} ${a}`)]; }

  #of(i, what, otherwise = '') {
    const given = this.options[what] ?? otherwise;
    return typeof given === 'function' ? given(i) : given;
  }

  #peersText(i) {
    if (this.options.lone) return '';
    const { listen, port } = this.places[i];
    const others = [...this.names.keys()].filter((other) => other !== i);
    const { allow = ['127.0.0.0/8', '198.18.0.0/15'] } = this.options;
    return `[peers]\nmode = "peers"\naddress = "${listen}:${port}"\nallow = ${JSON.stringify(allow)}\n${this.#of(i, 'peers')}\n`
      + others.map((other) => `[[peers.members]]\nname = "${this.names[other]}"\naddress = "${this.address(i, other)}"\n`).join('');
  }

  // The process of gate i; again, after it has ended: as a new one that remembers nothing.
  async start(i) {
    const { host, within } = this.places[i];
    const settings = this.#of(i, 'settings');
    const gate = await startGate(this.t, {
      name: this.names[i],
      own: this.#of(i, 'own'),
      shards: this.#of(i, 'shards', []),
      host, within,
      admin: `access_log = "off"`,
      settings: `${this.#peersText(i)}\n${/\[limits\]/.test(settings) ? '' : unlimited}${/\[timeouts\]/.test(settings) ? '' : patient}${settings}\n`,
    });
    return this.#take(i, gate);
  }

  #take(i, gate) {
    Object.assign(gate, {
      name: this.names[i],
      index: i,
      paused: false,
      pause: () => {
        gate.paused = true;
        gate.signal('SIGSTOP');
      },
      resume: () => {
        gate.signal('SIGCONT');
        gate.paused = false;
      },
      kill: async () => {
        gate.expectedEnd = 'SIGKILL';
        gate.signal('SIGKILL');
        await gate.ended;
      },
      get: async (target) => JSON.parse((await request(gate.admin, `/api/v1/${target}`, { host: gate.host })).body),
      ask: (method, target, body) => overSocket(gate.socket, method, `/api/v1/${target}`, body),
      ready: async () => (await request(gate.admin, '/ready', { host: gate.host })).status === 200,
    });
    this.gates[i] = gate;
    return gate;
  }

  // A takeover: gate i is another process now.
  async replace(i) { return this.#take(i, await this.gates[i].next('--takeover')); }

  // Until each of these has the others, and nobody else, in its view, and decides.
  async together(gates = this.gates) {
    const names = gates.map(({ name }) => name).sort();
    for (const gate of gates) {
      await patiently(() => gate.ready());
      await patiently(async () => {
        const { view, may_decide } = await gate.get('peers');
        return may_decide && [...view].sort().join() === names.join();
      });
    }
  }
}

function overSocket(socketPath, method, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath, path, method, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, body: text === '' ? {} : JSON.parse(text) }));
    });
    outgoing.on('error', reject);
    const text = body === undefined ? '' : JSON.stringify(body);
    // Node takes a DELETE for one without a body.
    if (text !== '') outgoing.setHeader('content-length', Buffer.byteLength(text));
    outgoing.end(text);
  });
}

// Where the gates' tables say these rooms are: room -> [shard or undefined, of each gate].
export async function homes(gates, prefix, total) {
  const tables = await Promise.all(gates.map((gate) => tableOf(gate, prefix)));
  const rooms = new Set(tables.flatMap((table) => [...table.keys()]));
  if (total !== undefined) assert.ok(rooms.size <= total, `${rooms.size} rooms of ${total}`);
  return new Map([...rooms].map((room) => [room, tables.map((table) => table.get(room)?.shard)]));
}

// One gate's whole table, or what begins so; by pieces, as the API has it.
export async function tableOf(gate, prefix = '') {
  const most = 10_000;
  const { rooms } = await gate.get(`rooms?limit=${most}&prefix=${prefix}`);
  assert.ok(rooms.length < most, 'the rooms of a test are named so that pieces are small');
  return new Map(rooms.map((row) => [row.room, row]));
}
