// The report of `./dev bench sfu`: one HTML page with nothing outside it, readable in light and dark.
import { shown } from './summary.mjs';

const names = { roomshard: 'roomshard', janus: 'Janus', 'janus-1loop': 'Janus, one event loop' };
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const { digits, three } = shown;
const plot = { left: 170, width: 520, bar: 14, gap: 6 };
const mark = (verdict) => (verdict ? ` <span class="${verdict === 'missed' || verdict === 'failed' ? 'bad' : 'good'}">${escape(verdict)}</span>` : '');

// Medians as bars, whiskers from the smallest to the largest set, lines at must and aim.
function chart(figure) {
  const bars = Object.entries(figure.of).filter(([, of]) => of);
  if (!bars.length) return '';
  const most = Math.max(...bars.map(([, of]) => of.max), figure.must ?? 0, figure.aim ?? 0) * 1.08 || 1;
  const x = (value) => (plot.left + (value / most) * plot.width).toFixed(1);
  const height = bars.length * (plot.bar + plot.gap) + 4;
  const out = bars.map(([name, of], i) => {
    const y = i * (plot.bar + plot.gap) + 4;
    const middle = y + plot.bar / 2;
    return `<text x="${plot.left - 8}" y="${y + 12}" text-anchor="end">${escape(names[name])}</text>
<rect class="${name === 'roomshard' ? 'ours' : 'other'}" x="${plot.left}" y="${y}" width="${(x(of.median) - plot.left).toFixed(1)}" height="${plot.bar}"/>
<path class="whisker" d="M${x(of.min)} ${middle}H${x(of.max)}M${x(of.min)} ${middle - 4}v8M${x(of.max)} ${middle - 4}v8"/>
<text x="${Number(x(of.max)) + 6}" y="${y + 12}" class="value">${digits(of.median)}</text>`;
  });
  const line = (value, style) => (value === undefined ? '' : `<path class="${style}" d="M${x(value)} 0V${height}"/><text class="${style}" x="${x(value)}" y="${height + 13}" text-anchor="middle">${style} ${digits(value)}</text>`);
  // The two labels would lie on each other when their lines are near.
  const near = figure.aim !== undefined && Math.abs(x(figure.must) - x(figure.aim)) < 90;
  return `<svg viewBox="0 0 ${plot.left + plot.width + 90} ${height + 18}" role="img" aria-label="${escape(figure.unit)}">${out.join('\n')}${line(figure.must, 'must')}${near ? '' : line(figure.aim, 'aim')}</svg>`;
}

function section(row) {
  const figures = row.figures.map((figure) => `<h3>${escape(figure.unit)}${figure.must === undefined ? '' : `: must ${digits(figure.must)}${figure.aim === undefined ? '' : `, aim ${digits(figure.aim)}`}`}${mark(figure.verdict)}</h3>
${chart(figure)}<p class="soft">${Object.entries(figure.of).filter(([, of]) => of).map(([name, of]) => `${escape(names[name])} ${three(of)}`).join('; ')}${figure.ratio ? `; to the better Janus ${three(figure.ratio)}${figure.mustRatio ? ` (must ${figure.mustRatio}, aim ${figure.aimRatio})${mark(figure.ratioVerdict)}` : ''}` : ''}</p>`);
  const details = Object.entries(row.servers).map(([name, s]) => `<tr><td>${escape(names[name])}</td><td>${s.good}</td><td>${s.busy === undefined ? '' : `${Math.round(s.busy * 100)} %`}</td><td>${s.userShare === undefined ? '' : `${Math.round(s.userShare * 100)} %`}</td><td>${s.perSecond === undefined ? '' : digits(s.perSecond)}</td><td>${s.waitsPerPacket === undefined ? '' : digits(s.waitsPerPacket)}</td><td>${s.loss === undefined ? '' : `${(s.loss * 100).toFixed(4)} %`}</td><td>${s.threads ?? ''}</td><td class="left">${escape(s.faults.join('; '))}</td></tr>`);
  return `<section><h2>${escape(row.title)}</h2><p class="soft">${row.quiet} quiet sets of ${row.sets}, ${row.seconds} s, build ${escape(row.build)}, ${escape(row.date)}; least / median / greatest</p>${figures.join('\n')}
<div class="wide"><table><thead><tr><th>server</th><th>good runs</th><th>busy</th><th>in user space</th><th>packets/s</th><th>waits a packet</th><th>lost</th><th>threads</th><th class="left">faults</th></tr></thead><tbody>${details.join('')}</tbody></table></div></section>`;
}

// Every figure that has a goal, on one line.
function overview(rows) {
  const lines = Object.values(rows).flatMap((row) => row.figures.filter((figure) => figure.must !== undefined).map((figure) => {
    const janus = ['janus', 'janus-1loop'].map((name) => figure.of[name]?.median).filter((value) => value !== undefined);
    const best = janus.length ? digits(figure.more ? Math.max(...janus) : Math.min(...janus)) : '';
    return `<tr><td>${escape(row.title)}</td><td class="left">${escape(figure.unit)}</td><td>${best}</td><td>${figure.of.roomshard ? three(figure.of.roomshard) : ''}</td><td>${digits(figure.must)}</td><td>${figure.aim === undefined ? '' : digits(figure.aim)}</td><td>${mark(figure.verdict)}</td></tr>`;
  }));
  return `<div class="wide"><table><thead><tr><th>work</th><th class="left">figure</th><th>better Janus</th><th>roomshard</th><th>must</th><th>aim</th><th></th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

const style = `:root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--soft:#60646c;--line:#d9d9e0;--ours:#3358d4;--other:#b9bbc6;--must:#ca244d;--good:#18794e}
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--paper:#111113;--soft:#b0b4ba;--line:#363a3f;--ours:#7a9bff;--other:#5a6169;--must:#ff8fab;--good:#3dd68c}}
body{margin:2rem auto;max-width:60rem;padding:0 1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.4rem 0 .2rem}h3{font-size:.95rem;margin:1rem 0 .2rem}p{margin:.3rem 0}.soft{color:var(--soft);font-size:.9rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.84rem;margin:.6rem 0}th,td{padding:.25rem .45rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child,.left{text-align:left}td:first-child,td.left{white-space:normal}.bad{color:var(--must);font-weight:600}.good{color:var(--good);font-weight:600}
svg{width:100%;max-width:48rem;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .value{font-weight:600}
.ours{fill:var(--ours)}.other{fill:var(--other)}.whisker{stroke:var(--ink);fill:none}path.must{stroke:var(--must);stroke-dasharray:4 3;stroke-width:1.5;fill:none}path.aim{stroke:var(--good);stroke-dasharray:2 3;fill:none}
svg text.must{fill:var(--must)}svg text.aim{fill:var(--good)}`;

export function page({ machine, versions, rows }) {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Roomgate: what a forwarded packet costs</title><style>${style}</style></head>
<body><h1>What a forwarded packet costs: roomshard beside Janus</h1>
<p>The same packets from the same generator to the same participants, one CPU for the server and one for the load, in turn; latencies in the seconds in which CPU was counted. How it is measured: docs/performance.md.</p>
<p class="soft">${machine.cpus} CPUs, ${escape(machine.model)}, Linux ${escape(machine.kernel)}. ${escape(versions.janus)} on ${escape(versions.libsrtp)}.</p>
${overview(rows)}
${Object.values(rows).map(section).join('\n')}
</body></html>
`;
}
