// Time that a test moves: setTimeout, setInterval and Date.now stand still until tick(). (node 18's own mock has no Date.)

export function fakeTimers() {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const { now } = Date;
  let time = 0;
  let next = 1;
  const due = new Map();
  const add = (every) => (call, after = 0, ...args) => {
    due.set(next, { at: time + after, every: every ? after : null, call: () => call(...args) });
    return next++;
  };
  const remove = (id) => void due.delete(id);
  Object.assign(globalThis, { setTimeout: add(false), setInterval: add(true), clearTimeout: remove, clearInterval: remove });
  Date.now = () => time;

  return {
    /** @param {number} ms */
    tick(ms) {
      const end = time + ms;
      for (;;) {
        const [id, timer] = [...due].filter(([, t]) => t.at <= end).sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
        if (!timer) break;
        time = Math.max(time, timer.at);
        if (timer.every === null) due.delete(id);
        else timer.at += Math.max(1, timer.every);
        timer.call();
      }
      time = end;
    },
    restore() {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
      Date.now = now;
    },
  };
}
