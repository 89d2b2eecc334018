// From the records of sets to rows: medians and ranges of cost and of the ratio inside each set, and the verdict.
export const tolerance = 0.05;  // finer differences do not show on a shared machine
export const quietAt = 0.5;     // CPUs that others may take in a quiet set

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const range = (values) => (values.length ? { min: Math.min(...values), median: median(values), max: Math.max(...values), values } : null);

// Cost of one record: CPU microseconds per unit, or KiB per tunnel, or the median latency.
export const cost = (tool, record) => (tool === 'memory' ? record.kib : tool === 'latency' ? record.p50 : record.microseconds);

export const isQuiet = (set) => Object.values(set.runs).every((run) => run.others <= quietAt);
export const isSound = (set) => Object.values(set.runs).every((run) => !run.fault && !run.failed);

// Sets count when they were quiet; when none was, all count and the row says so. A proxy that failed has no row.
export function summarise(scenario, sets) {
  const quiet = sets.filter(isQuiet);
  const used = quiet.length ? quiet : sets;
  const proxies = {};
  for (const name of scenario.proxies) {
    const records = used.map((set) => set.runs[name]).filter((run) => run && !run.failed);
    const faults = [...new Set(used.map((set) => set.runs[name]).map((run) => run?.failed || run?.fault).filter(Boolean))];
    const good = records.filter((run) => !run.fault);
    if (!good.length) {
      proxies[name] = { faults };
      continue;
    }
    const ratio = (base) => range(used.filter((set) => [name, base].every((p) => set.runs[p] && !set.runs[p].failed && !set.runs[p].fault))
      .map((set) => cost(scenario.tool, set.runs[name]) / cost(scenario.tool, set.runs[base])));
    const of = (key) => (good[0][key] === undefined ? null : median(good.map((run) => run[key])));
    proxies[name] = { cost: range(good.map((run) => cost(scenario.tool, run))), ratio: ratio('haproxy'), faults,
      ...(name === scenario.subject && scenario.against !== 'haproxy' ? { against: ratio(scenario.against) } : {}),
      perSecond: of('perSecond'), busy: of('busy'), kernelShare: of('kernelShare'), p50: of('p50'), p99: of('p99'), empty: of('empty'), full: of('full'), after: of('after') };
  }
  const floor = proxies.floor?.ratio?.median;
  const must = scenario.mustFromFloor && floor > 1 ? floor + scenario.mustFromFloor : scenario.must;
  const subject = proxies[scenario.subject];
  const measured = subject?.against ?? subject?.ratio;
  return { sets: sets.length, quiet: quiet.length, must, aim: scenario.aim, proxies, verdict: verdict(measured, must, scenario.aim, subject?.faults) };
}

function verdict(measured, must, aim, faults) {
  if (faults?.length) return 'failed';
  if (!measured || must === undefined) return '';
  if (measured.median <= aim) return 'aim reached';
  if (measured.median <= must) return 'met';
  return measured.median <= must + tolerance ? `met within ${tolerance}` : 'missed';
}
