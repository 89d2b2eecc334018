// A network of the test's own: each gate in a namespace, a link from each to each, and one from each to here, where
// clients, operators and shards are. Links between gates are set down and up. Needs root.
import { execFileSync } from 'node:child_process';

const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
const quietly = (...words) => {
  try {
    ip(...words);
  } catch { /* it is gone already */ }
};

// Root in a container need not be allowed to.
export const allowed = (() => {
  const name = `rg-probe-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return true;
  } catch {
    return false;
  }
})();

// Interface names have 15 characters, so a network is in them by number; it is another for each test, since what is
// taken down goes when the kernel finds time. Addresses are of 198.18.0.0/15, which is for measurements: a /28 for
// clients' links. Those between gates are seen by gates only, so every network may have the same.
let laid = 0;
const between = (a, b, of) => `198.19.${(Math.min(a, b) << 4) | Math.max(a, b)}.${of + 1}`;
const kPort = 1024;

export class Namespaces {
  // At most four gates: four addresses each.
  static lay(t, count) {
    const network = new Namespaces(count);
    t.after(() => network.remove());
    network.#build();
    return network;
  }

  constructor(count) {
    this.number = (process.pid * 8 + laid++) % 4096;
    this.names = Array.from({ length: count }, (_, i) => `rg${this.number}-${i}`);
  }

  #link(a, b) { return `rg${this.number}-${a}-${b}`; }
  #clientSide(i, end) { return `198.18.${this.number >> 4}.${((this.number & 15) << 4) | (i << 2) | end}`; }

  #build() {
    this.names.forEach((name, i) => {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      const outside = `rg${this.number}-c${i}`;
      ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'clients', 'netns', name);
      ip('addr', 'add', `${this.#clientSide(i, 1)}/30`, 'dev', outside);
      ip('link', 'set', outside, 'up');
      ip('-n', name, 'addr', 'add', `${this.#clientSide(i, 2)}/30`, 'dev', 'clients');
      ip('-n', name, 'link', 'set', 'clients', 'up');
    });
    for (const [a, b] of this.pairs()) {
      ip('-n', this.names[a], 'link', 'add', this.#link(a, b), 'type', 'veth', 'peer', 'name', this.#link(b, a), 'netns', this.names[b]);
      for (const [from, to] of [[a, b], [b, a]]) {
        ip('-n', this.names[from], 'addr', 'add', `${between(a, b, from)}/24`, 'dev', this.#link(from, to));
        ip('-n', this.names[from], 'link', 'set', this.#link(from, to), 'up');
      }
    }
  }

  pairs() {
    const all = [...this.names.keys()];
    return all.flatMap((a) => all.filter((b) => b > a).map((b) => [a, b]));
  }

  // For startMesh: where gate i is, and how the others see it.
  place = (i) => ({
    listen: '0.0.0.0', port: kPort, seenFrom: (from) => between(from, i, i),
    host: this.#clientSide(i, 2), within: ['ip', 'netns', 'exec', this.names[i]],
  });
  // Where gate i finds us.
  here(i) { return this.#clientSide(i, 1); }

  // One end of a link that is down is enough: nothing passes.
  #set(a, b, state) { ip('-n', this.names[a], 'link', 'set', this.#link(a, b), state); }
  cut(a, b) { this.#set(a, b, 'down'); }
  join(a, b) { this.#set(a, b, 'up'); }
  // Everything between these and the rest.
  part(side) {
    for (const [a, b] of this.pairs()) if (side.includes(a) !== side.includes(b)) this.cut(a, b);
  }
  heal() { for (const [a, b] of this.pairs()) this.join(a, b); }

  // The links go with their namespaces.
  remove() { for (const name of this.names) quietly('netns', 'del', name); }
}
