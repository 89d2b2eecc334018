// One page of plots: for each scenario what Bob received over time, with what the network did marked on it.
import { bitrates } from './judge.mjs';

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const box = { left: 56, right: 16, width: 720, height: 120, gap: 26 };

const describe = ({ at, rebind, up = {}, down = {} }) => {
  const words = rebind ? 'new port' : Object.entries({ ...up, ...down }).map(([name, value]) => `${name} ${name === 'rate' ? `${value / 1000} kbit/s` : value}`).join(', ');
  return { at, words };
};

function plot(rows, values, { top, label, unit, seconds, marks, step = false }) {
  const inner = box.width - box.left - box.right;
  const x = (at) => box.left + (at / (seconds * 1000)) * inner;
  const y = (value) => box.height - 18 - (value / top) * (box.height - 34);
  let path = '';
  rows.forEach((row, i) => {
    const point = `${x(row.at).toFixed(1)} ${y(Math.min(values[i], top)).toFixed(1)}`;
    path += i === 0 ? `M${point}` : step ? `H${x(row.at).toFixed(1)}V${y(Math.min(values[i], top)).toFixed(1)}` : `L${point}`;
  });
  const grid = [0, 0.5, 1].map((share) => `<path class="grid" d="M${box.left} ${y(top * share).toFixed(1)}H${box.width - box.right}"/><text x="${box.left - 6}" y="${(y(top * share) + 4).toFixed(1)}" text-anchor="end">${Math.round(top * share)}</text>`).join('');
  const lines = marks.map(({ at }) => `<path class="mark" d="M${x(at * 1000).toFixed(1)} 12V${box.height - 18}"/>`).join('');
  return `<svg viewBox="0 0 ${box.width} ${box.height}" role="img" aria-label="${escape(label)}"><text x="${box.left}" y="10" class="title">${escape(label)}, ${unit}</text>${grid}${lines}<path class="curve" d="${path}"/><text x="${box.left}" y="${box.height - 3}">0 s</text><text x="${box.width - box.right}" y="${box.height - 3}" text-anchor="end">${seconds} s</text></svg>`;
}

function frameRates(rows) {
  return rows.map((row, i) => {
    const earlier = rows[Math.max(0, i - 10)];
    return row.at > earlier.at ? ((row.frames - earlier.frames) * 1000) / (row.at - earlier.at) : 0;
  });
}

function section({ scenario, rows, seen }) {
  const marks = scenario.steps.map(describe);
  const common = { seconds: scenario.seconds, marks };
  const rates = bitrates(rows);
  const most = Math.max(500, ...rates) * 1.05;
  const verdict = seen.missed.length === 0 ? '<span class="good">holds</span>' : `<span class="bad">${escape(seen.missed.join('; '))}</span>`;
  return `<section><h2>${escape(scenario.title)}</h2><p>${verdict}</p>
<p class="soft">${marks.map(({ at, words }) => `from ${at} s: ${escape(words)}`).join(' · ')}</p>
${plot(rows, rates, { ...common, top: most, label: 'video received', unit: 'kbit/s' })}
${plot(rows, rows.map((row) => row.height), { ...common, top: Math.max(180, ...rows.map((row) => row.height)), label: 'picture', unit: 'lines', step: true })}
${plot(rows, frameRates(rows), { ...common, top: 32, label: 'frames decoded', unit: 'a second' })}
<p class="soft">audio: longest gap ${Math.round(seen.audioGap)} ms, ${(seen.concealed * 100).toFixed(1)} % concealed; video: longest stop ${Math.round(seen.videoStop)} ms, ${seen.freezes} freezes of ${Math.round(seen.frozen)} ms in all; ${seen.nacks} NACKs, ${seen.plis} PLIs; longest time without a note ${Math.round(seen.hole)} ms</p></section>`;
}

const style = `:root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--soft:#60646c;--line:#d9d9e0;--ours:#3358d4;--must:#ca244d;--good:#18794e}
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--paper:#111113;--soft:#b0b4ba;--line:#363a3f;--ours:#7a9bff;--must:#ff8fab;--good:#3dd68c}}
body{margin:2rem auto;max-width:52rem;padding:0 1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.2rem 0 .2rem}p{margin:.2rem 0}.soft{color:var(--soft);font-size:.88rem}.bad{color:var(--must);font-weight:600}.good{color:var(--good);font-weight:600}
svg{width:100%;height:auto;display:block;margin:.4rem 0}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}svg .title{fill:var(--ink)}
.curve{stroke:var(--ours);stroke-width:1.6;fill:none}.grid{stroke:var(--line);fill:none}.mark{stroke:var(--must);stroke-dasharray:3 3;fill:none}`;

export const page = (results, { date }) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Roomgate: a call on bad networks</title><style>${style}</style></head>
<body><h1>A call on bad networks</h1><p>Two people in Chromium, 720p simulcast; what the one behind the network receives. Dashed lines: the network changes.</p><p class="soft">${escape(date)}</p>
${results.map(section).join('\n')}</body></html>
`;
