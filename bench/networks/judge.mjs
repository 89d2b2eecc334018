// What a scenario's rows say, and which of its demands are missed. Pure.

// The longest time in which `field` did not grow, among rows from `from` (ms) on.
function longestStop(rows, field, from = 0) {
  let longest = 0;
  let since = null;
  let last = null;
  for (const row of rows) {
    if (row.at < from) continue;
    if (last === null || row[field] > last) {
      if (since !== null) longest = Math.max(longest, row.at - since);
      since = row.at;
      last = row[field];
    }
  }
  return since === null ? Infinity : Math.max(longest, rows.at(-1).at - since);
}

const before = (rows, at) => rows.filter((row) => row.at < at);
const after = (rows, at) => rows.filter((row) => row.at >= at);

/** kbit/s of video over the second before each row. */
export function bitrates(rows) {
  return rows.map((row, i) => {
    const earlier = rows[Math.max(0, i - 10)];
    return row.at > earlier.at ? ((row.bytes - earlier.bytes) * 8) / (row.at - earlier.at) : 0;
  });
}

export function judge(scenario, rows) {
  const first = rows[0];
  const last = rows.at(-1);
  const seen = {
    // While the browser answers nothing nothing can be seen to go on: a stop that is no longer than this is its own.
    hole: Math.max(0, ...rows.slice(1).map((row, i) => row.at - rows[i].at)),
    audioGap: longestStop(rows, 'packets'),
    concealed: (last.concealed - first.concealed) / Math.max(1, last.samples - first.samples),
    videoStop: longestStop(rows, 'frames'),
    freezes: last.freezes - first.freezes,
    frozen: last.frozen - first.frozen,
    frameRate: ((last.frames - first.frames) * 1000) / (last.at - first.at),
    kbits: ((last.bytes - first.bytes) * 8) / (last.at - first.at),
    heights: [...new Set(rows.map((row) => row.height))],
    nacks: last.nacks - first.nacks,
    plis: last.plis - first.plis,
  };
  const { must } = scenario;
  const missed = [];
  const demand = (holds, text) => void (holds || missed.push(text));
  if (must.audioGap) demand(seen.audioGap <= must.audioGap, `audio stopped for ${Math.round(seen.audioGap)} ms`);
  if (must.freeze) demand(seen.videoStop <= must.freeze, `video stood still for ${Math.round(seen.videoStop)} ms`);
  if (must.freezeAfter) {
    seen.videoStopLater = longestStop(rows, 'frames', must.freezeAfter.from * 1000);
    demand(seen.videoStopLater <= must.freezeAfter.most, `video stood still for ${Math.round(seen.videoStopLater)} ms`);
  }
  if (must.fall) {
    const [drop, rise] = scenario.steps.slice(-2).map((step) => step.at * 1000);
    const full = Math.max(...before(rows, drop).map((row) => row.height));
    const lower = rows.find((row) => row.at > drop && row.height < full && row.height > 0);
    seen.fell = lower ? lower.at - drop : Infinity;
    demand(seen.fell <= must.fall, `a lower layer came after ${Math.round(seen.fell)} ms`);
    const again = after(rows, rise).find((row) => row.height >= full);
    seen.recovered = again ? again.at - rise : Infinity;
    demand(seen.recovered <= must.recover, `the full picture came back after ${Math.round(seen.recovered)} ms`);
    seen.audioGapWhileThin = longestStop(rows.filter((row) => row.at <= rise), 'packets', drop);
    seen.videoStopWhileThin = longestStop(rows.filter((row) => row.at <= rise), 'frames', drop + must.fall);
  }
  return { ...seen, missed };
}
