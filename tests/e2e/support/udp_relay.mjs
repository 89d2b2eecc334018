// Stands between browsers and a shard as an address translator does: one port towards the browsers, and towards the shard
// a socket of its own for each address they come from. rebind() is what a translator does that forgot a mapping.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export class UdpRelay {
  #front = createSocket('udp4');
  /** @type {Map<string, {address: string, port: number, back: import('node:dgram').Socket}>} */
  #clients = new Map();
  #target = 0;
  /** Datagrams that came back from the shard to a client's newest socket. */
  returned = new Map();

  /** @returns {Promise<number>} the port that browsers use */
  async open() {
    this.#front.on('message', (bytes, { address, port }) => this.#forward(bytes, address, port));
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

  close() {
    this.#front.close();
    for (const { back } of this.#clients.values()) back.close();
  }

  #forward(bytes, address, port) {
    const key = `${address}:${port}`;
    if (!this.#clients.has(key)) {
      const client = { address, port };
      this.#clients.set(key, Object.assign(client, { back: this.#socketFor(key, client) }));
    }
    this.#clients.get(key).back.send(bytes, this.#target, '127.0.0.1');
  }

  #socketFor(key, { address, port }) {
    const back = createSocket('udp4');
    this.returned.set(key, 0);
    back.on('message', (bytes) => {
      this.returned.set(key, this.returned.get(key) + 1);
      this.#front.send(bytes, port, address);
    });
    return back;
  }
}
