// Stands between browsers and a shard as an address translator does: one port towards the browsers, and towards the shard
// a socket of its own for each address they come from. rebind() is what a translator does that forgot a mapping; setNetwork()
// makes the way bad for all or some (udp_link.mjs).
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { dice, UdpLink } from './udp_link.mjs';

export class UdpRelay {
  #front = createSocket('udp4');
  /** @type {Map<string, {address: string, port: number, back: import('node:dgram').Socket, up: Way, down: Way}>} */
  #clients = new Map();
  #target = 0;
  #roll;
  #usual = { up: {}, down: {} };
  /** Datagrams that came back from the shard to a client's newest socket. */
  returned = new Map();

  /** Is shown what clients send, where somebody wants to look. @type {((bytes: Buffer) => void) | undefined} */
  seen = undefined;

  /** @param {number} seed of what is lost and when */
  constructor(seed = 1) {
    this.#roll = dice(seed);
  }

  /** @returns {Promise<number>} the port that browsers use */
  async open() {
    this.#front.on('message', (bytes, { address, port }) => {
      this.seen?.(bytes);
      this.#clientFor(address, port).up.put(bytes);
    });
    this.#front.bind(0, '127.0.0.1');
    await once(this.#front, 'listening');
    return this.#front.address().port;
  }

  /** @param {number} port where the shard takes media, on 127.0.0.1 */
  forwardTo(port) {
    this.#target = port;
  }

  /** The addresses that wrote so far. */
  clients() {
    return [...this.#clients.keys()];
  }

  /** From now on what these clients send comes from new ports, and nothing reaches them through the old ones. */
  rebind(keys) {
    for (const key of keys) {
      const client = this.#clients.get(key);
      client.back.close();
      client.back = this.#socketFor(key, client);
    }
  }

  /**
   * What `up` (to the shard) and `down` (to the client) name changes, for these clients, or for all that are there and
   * those to come.
   */
  setNetwork({ up = {}, down = {} }, keys = undefined) {
    if (keys === undefined) this.#usual = { up: { ...this.#usual.up, ...up }, down: { ...this.#usual.down, ...down } };
    for (const key of keys ?? this.#clients.keys()) {
      const client = this.#clients.get(key);
      client.up.link.set(up);
      client.down.link.set(down);
    }
  }

  /** {up, down}: what became of a client's datagrams. */
  counts(key) {
    const { up, down } = this.#clients.get(key);
    return { up: { ...up.link.counts }, down: { ...down.link.counts } };
  }

  close() {
    this.#front.close();
    for (const { back, up, down } of this.#clients.values()) {
      back.close();
      up.stop();
      down.stop();
    }
  }

  #clientFor(address, port) {
    const key = `${address}:${port}`;
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client = { address, port };
    client.back = this.#socketFor(key, client);
    client.up = new Way(new UdpLink(this.#usual.up, this.#roll), (bytes) => client.back.send(bytes, this.#target, '127.0.0.1'));
    client.down = new Way(new UdpLink(this.#usual.down, this.#roll), (bytes) => this.#front.send(bytes, port, address));
    this.#clients.set(key, client);
    return client;
  }

  #socketFor(key, client) {
    const back = createSocket('udp4');
    this.returned.set(key, 0);
    back.on('message', (bytes) => {
      this.returned.set(key, this.returned.get(key) + 1);
      client.down.put(bytes);
    });
    return back;
  }
}

// A link on the real clock.
class Way {
  #timer = null;

  constructor(link, deliver) {
    this.link = link;
    this.deliver = deliver;
  }

  put(bytes) {
    this.link.put(bytes, performance.now());
    this.#flow();
  }

  stop() {
    clearTimeout(this.#timer);
    this.deliver = () => {};
  }

  #flow() {
    const now = performance.now();
    for (const bytes of this.link.due(now)) this.deliver(bytes);
    clearTimeout(this.#timer);
    const next = this.link.next();
    if (next !== Infinity) this.#timer = setTimeout(() => this.#flow(), Math.max(0, next - now));
  }
}
