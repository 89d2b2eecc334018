// One direction of a bad network, for datagrams: loss, duplicates, delay with jitter, reordering, and a rate with a bounded
// queue in front of it. Takes its clock and its dice from outside, so that it can be tested without either.

/** Nothing is changed by these. `rate` in bit/s, `queue` and all other times in ms, the rest as shares of all datagrams. */
export const perfect = Object.freeze({ loss: 0, duplicate: 0, delay: 0, jitter: 0, reorder: 0, reorderBy: 20, rate: Infinity, queue: 200, overhead: 28 });

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class UdpLink {
  #waiting = [];  // {due, order, bytes}, a heap by due, then by the order in which they came
  #order = 0;
  #free = 0;      // when the rate lets the next one out
  #latest = 0;    // jitter alone does not reorder
  counts = { passed: 0, lost: 0, queueFull: 0, duplicated: 0, reordered: 0 };

  /** @param {object} conditions as in `perfect`, any part of it @param {() => number} roll */
  constructor(conditions = {}, roll = Math.random) {
    this.conditions = { ...perfect, ...conditions };
    this.roll = roll;
  }

  /** From now on; what is under way keeps its time. */
  set(conditions) {
    this.conditions = { ...this.conditions, ...conditions };
  }

  put(bytes, now) {
    const { loss, duplicate } = this.conditions;
    if (this.roll() < loss) return void (this.counts.lost += 1);
    this.#send(bytes, now);
    if (duplicate > 0 && this.roll() < duplicate) {
      this.counts.duplicated += 1;
      this.#send(bytes, now);
    }
  }

  #send(bytes, now) {
    const { delay, jitter, reorder, reorderBy, rate, queue, overhead } = this.conditions;
    const begins = Math.max(now, this.#free);
    if (begins - now > queue) return void (this.counts.queueFull += 1);
    this.#free = Number.isFinite(rate) ? begins + ((bytes.length + overhead) * 8000) / rate : now;
    const leaves = Math.max(this.#free, now);
    let due = Math.max(leaves + delay + (jitter > 0 ? this.roll() * jitter : 0), this.#latest);
    if (reorder > 0 && this.roll() < reorder) {
      this.counts.reordered += 1;
      due += reorderBy;
    } else {
      this.#latest = due;
    }
    this.#push({ due, order: this.#order++, bytes });
  }

  /** When the next one is due; Infinity when nothing waits. */
  next() {
    return this.#waiting.length === 0 ? Infinity : this.#waiting[0].due;
  }

  /** Those that are due, in order. */
  *due(now) {
    while (this.next() <= now) {
      this.counts.passed += 1;
      yield this.#pop().bytes;
    }
  }

  #push(entry) {
    const heap = this.#waiting;
    let at = heap.push(entry) - 1;
    for (let up = (at - 1) >> 1; at > 0 && before(entry, heap[up]); at = up, up = (at - 1) >> 1) heap[at] = heap[up];
    heap[at] = entry;
  }

  #pop() {
    const heap = this.#waiting;
    const first = heap[0];
    const entry = heap.pop();
    if (heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], entry)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = entry;
    return first;
  }
}

const before = (a, b) => a.due < b.due || (a.due === b.due && a.order < b.order);
