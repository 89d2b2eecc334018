// Stands between browsers and a shard's HTTP port, and cuts the wire when told to: no close frame, the
// connections just end.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

export class TcpProxy {
  #wires = new Set();
  #server = createServer((client) => this.#accept(client));
  #isCut = false;
  #target;

  /** @param {string} target ADDRESS:PORT */
  constructor(target) {
    const [host, port] = target.split(':');
    this.#target = { host, port: Number(port) };
  }

  /** @returns {Promise<string>} the address that browsers use */
  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${this.#server.address().port}`;
  }

  /** Every connection ends, and new ones are refused until mend(). */
  cut() {
    this.#isCut = true;
    for (const wire of this.#wires) wire.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }

  #accept(client) {
    if (this.#isCut) {
      client.destroy();
      return;
    }
    const server = connect(this.#target);
    client.pipe(server).pipe(client);
    for (const [wire, other] of [[client, server], [server, client]]) {
      this.#wires.add(wire);
      wire.on('error', () => other.destroy());
      wire.on('close', () => {
        this.#wires.delete(wire);
        other.destroy();
      });
    }
  }
}
