// A TCP relay that makes a network bad: it delays what passes, each direction by its own time, keeping order and
// bandwidth; it stalls, is cut half-open, or breaks.
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { ownHost } from './hosts.mjs';
import { reset } from './reset.mjs';

// One direction. Pieces wait for their time in a queue; a stalled one keeps them, a cut one drops them.
class Way {
  constructor(to, relay) {
    this.to = to;
    this.relay = relay;
    this.queue = [];
    this.timer = null;
  }

  put(what) {
    this.queue.push({ due: performance.now() + this.relay.delay, what });
    this.#arm();
  }

  stop() {
    clearTimeout(this.timer);
    this.queue = [];
  }

  flow() {
    const now = performance.now();
    while (this.queue.length > 0 && !this.relay.stalled && this.queue[0].due <= now) {
      const { what } = this.queue.shift();
      if (what === 'end') this.to.end();
      else this.to.write(what);
    }
    this.#arm();
  }

  // A timer may be late, never early: the delay is at least what was asked for.
  #arm() {
    if (this.timer !== null || this.queue.length === 0 || this.relay.stalled) return;
    const wait = this.queue[0].due - performance.now();
    if (wait <= 0 && this.relay.delay === 0) return this.flow();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.flow();
    }, Math.max(0, Math.ceil(wait)));
  }
}

export class Relay {
  // `target`: {host, port}, or a function that gives it for each connection; `delay`: ms, each way.
  static async start({ target, delay = 0 }) {
    const relay = new Relay(target, delay);
    await relay.#listen();
    return relay;
  }

  constructor(target, delay) {
    this.host = ownHost();
    this.port = 0;
    this.target = typeof target === 'function' ? target : () => target;
    this.delay = delay;
    this.stalled = false;
    this.mute = false;  // connections are there, nothing passes, ever
    this.pairs = new Set();
    this.bytes = 0;
  }

  #listen() {
    this.server = net.createServer({ allowHalfOpen: true }, (client) => this.#pass(client));
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, this.host, () => {
        this.port = this.server.address().port;
        resolve();
      });
    });
  }

  get address() { return `${this.host}:${this.port}`; }

  #pass(client) {
    client.on('error', () => {});
    const server = net.connect({ ...this.target(), allowHalfOpen: true });
    const pair = { client, server, ways: [new Way(server, this), new Way(client, this)] };
    this.pairs.add(pair);
    const over = () => {
      if (!this.pairs.delete(pair)) return;
      for (const way of pair.ways) way.stop();
      for (const end of [client, server]) reset(end);
    };
    for (const [from, to, way] of [[client, server, pair.ways[0]], [server, client, pair.ways[1]]]) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        this.bytes += data.length;
        if (!this.mute) way.put(data);
      });
      from.on('end', () => this.mute || way.put('end'));
      from.on('error', over);
      from.on('close', () => to.destroyed && this.pairs.delete(pair));
    }
  }

  // What comes waits, until go().
  stall() { this.stalled = true; }
  go() {
    this.stalled = false;
    for (const { ways } of this.pairs) for (const way of ways) way.flow();
  }

  // Nobody is told, and what is sent is lost: as a cable pulled out. heal() lets new connections through; old ones
  // have lost bytes, so they end.
  cut() { this.mute = true; }
  // Both ends see a reset, and new connections are refused.
  break() { return this.stop(); }
  async heal() {
    if (this.mute) this.#reset();
    this.mute = false;
    this.go();
    if (!this.server.listening) await this.#listen();
  }

  #reset() {
    for (const { client, server, ways } of this.pairs) {
      for (const way of ways) way.stop();
      reset(client);
      reset(server);
    }
    this.pairs.clear();
  }

  async stop() {
    const closed = this.server.listening && new Promise((resolve) => this.server.close(resolve));
    this.#reset();
    await closed;
  }
}
