// What happened between two moments of roomload (`--points`), and when a load is steady. Pure.

// The value below which the share `q` of all counted lies; bins are [microseconds, how many].
function quantile(bins, q) {
  const count = bins.reduce((sum, [, many]) => sum + many, 0);
  let left = Math.ceil(q * count);
  for (const [microseconds, many] of bins) {
    left -= many;
    if (left <= 0) return microseconds / 1000;
  }
  return undefined;
}

function merged(lists) {
  const sums = new Map();
  for (const [microseconds, many] of lists.flat()) sums.set(microseconds, (sums.get(microseconds) ?? 0) + many);
  return [...sums].sort((a, b) => a[0] - b[0]);
}

const latencies = (moments, kinds) => {
  const bins = merged(moments.flatMap((moment) => kinds.map((kind) => moment[kind].latency_us)));
  return { p50: quantile(bins, 0.5), p99: quantile(bins, 0.99) };
};

// `moments` of one roomload, one a second; the first only says where the others begin. Lost is also what came only because
// it was sent once more.
export function windowOf(moments) {
  const first = moments[0];
  const last = moments.at(-1);
  const of = (kind, key) => last[kind][key] - first[kind][key];
  const both = (key) => of('audio', key) + of('video', key);
  const share = (lost, expected) => (expected > 0 ? Math.max(0, lost) / expected : 0);
  const lossOf = (kind) => share(of(kind, 'expected') - of(kind, 'packets') + of(kind, 'repaired'), of(kind, 'expected'));
  const inside = moments.slice(1);
  return { seconds: (last.at_ms - first.at_ms) / 1000, packets: both('packets'), bytes: both('bytes'), sent: last.sent - first.sent,
    padding: both('padding'), faults: both('faults'), unread: last.unread - first.unread, dropped: last.dropped - first.dropped,
    connected: last.connected - first.connected,
    audioLoss: lossOf('audio'), loss: share(both('expected') - both('packets') + both('repaired'), both('expected')),
    ...latencies(inside, ['audio', 'video']), audioP99: latencies(inside, ['audio']).p99 };
}

// Everybody has joined, and for `seconds` as much arrived as was sent to `copies` receivers each: within a hundredth, and within a
// twentieth in each of them, since a server may hold some back. Probes must be over where there are any: padding that is left is
// below a hundredth.
export function isSteady(moments, people, copies, seconds = 3) {
  if (moments.length <= seconds || moments.at(-1).joined < people) return false;
  const within = (first, last, most) => {
    const { packets, sent, padding } = windowOf([first, last]);
    return sent > 0 && Math.abs(packets / (sent * copies) - 1) < most && padding < packets / 100;
  };
  const last = moments.slice(-seconds - 1);
  return within(last[0], last.at(-1), 0.01) && last.slice(1).every((moment, i) => within(last[i], moment, 0.05));
}

// What share of it arrived in the last second, for who wants to know why it is not.
export function arriving(moments, copies) {
  const { packets, sent } = windowOf(moments.slice(-2));
  return sent > 0 ? packets / (sent * copies) : 0;
}
