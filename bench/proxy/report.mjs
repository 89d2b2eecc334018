// The report of `./dev bench proxy`: one HTML page with nothing outside it, readable in light and dark.
const names = { nginx: 'nginx', floor: 'bare relay', roomgate: 'roomgate', 'roomgate-tickets': 'roomgate, tickets at its default',
  'roomgate-2t': 'roomgate, 2 threads', 'haproxy-2t': 'HAProxy, 2 threads', haproxy: 'HAProxy', direct: 'no proxy' };
const shown = ['nginx', 'floor', 'roomgate', 'roomgate-tickets', 'haproxy-2t', 'roomgate-2t'];
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const two = (value) => value.toFixed(2);
const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const range = (r, show) => (r ? `${show(r.min)} / <b>${show(r.median)}</b> / ${show(r.max)}` : '–');

const plot = { left: 252, width: 500, bar: 13, gap: 5, row: 26 };

// Bars of the ratio to HAProxy (or to `against`) with whiskers from the smallest to the largest set; lines at 1 and at must.
function chart(row) {
  const bars = shown.filter((name) => row.proxies[name]?.cost).map((name) => ({ name, ratio: row.proxies[name].against ?? row.proxies[name].ratio }))
    .filter((bar) => bar.ratio);
  if (!bars.length) return '';
  const most = Math.min(3, Math.max(1.25, row.must ?? 0, ...bars.map((bar) => bar.ratio.max)) * 1.05);
  const x = (value) => plot.left + (Math.min(value, most) / most) * plot.width;
  const height = bars.length * (plot.bar + plot.gap) + plot.row;
  const out = bars.map((bar, i) => {
    const y = i * (plot.bar + plot.gap) + 4;
    const middle = y + plot.bar / 2;
    const note = bar.ratio.median > most ? ' (beyond the scale)' : '';
    return `<text x="${plot.left - 8}" y="${y + 11}" text-anchor="end">${escape(names[bar.name])}</text>
<rect class="${bar.name.startsWith('roomgate') ? 'ours' : bar.name}" x="${plot.left}" y="${y}" width="${(x(bar.ratio.median) - plot.left).toFixed(1)}" height="${plot.bar}"/>
<path class="whisker" d="M${x(bar.ratio.min).toFixed(1)} ${middle}H${x(bar.ratio.max).toFixed(1)}M${x(bar.ratio.min).toFixed(1)} ${middle - 4}v8M${x(bar.ratio.max).toFixed(1)} ${middle - 4}v8"/>
<text x="${(x(Math.max(bar.ratio.max, bar.ratio.median)) + 6).toFixed(1)}" y="${y + 11}" class="value">${two(bar.ratio.median)}${note}</text>`;
  });
  const bottom = height - plot.row + 2;
  const line = (value, style, label, at) => `<path class="${style}" d="M${x(value).toFixed(1)} 0V${bottom}"/><text class="${style}" x="${x(value).toFixed(1)}" y="${bottom + at}" text-anchor="middle">${label}</text>`;
  const one = names[row.against] ?? row.against;
  const lines = row.must && Math.abs(row.must - 1) < 0.001 ? line(1, 'must', `${one} = must 1.00`, 13)
    : line(1, 'one', `${one} 1.00`, 13) + (row.must ? line(row.must, 'must', `must ${two(row.must)}`, Math.abs(row.must - 1) * plot.width / most < 90 ? 24 : 13) : '');
  return `<svg viewBox="0 0 ${plot.left + plot.width + 90} ${height + 4}" role="img" aria-label="${escape(row.title)}: ratios">${out.join('\n')}${lines}</svg>`;
}

const unitOf = (row) => (row.tool === 'memory' ? 'KiB resident per tunnel' : row.tool === 'latency' ? 'µs at p50' : `CPU µs per ${row.unit}`);

function details(row) {
  const lines = Object.entries(row.proxies).map(([name, p]) => (p.cost
    ? `<tr><td>${escape(names[name] ?? name)}</td><td>${range(p.cost, digits)}</td><td>${range(p.ratio, two)}</td><td>${p.perSecond ? Math.round(p.perSecond).toLocaleString('en') : ''}</td><td>${p.busy ? `${Math.round(p.busy * 100)} %` : ''}</td><td>${p.kernelShare ? `${Math.round(p.kernelShare * 100)} %` : ''}</td><td>${p.p50 ? Math.round(p.p50).toLocaleString('en') : ''}</td><td>${p.p99 ? Math.round(p.p99).toLocaleString('en') : ''}</td><td>${escape(p.faults.join('; '))}</td></tr>`
    : `<tr><td>${escape(names[name] ?? name)}</td><td colspan="8">failed: ${escape(p.faults.join('; '))}</td></tr>`));
  return `<details><summary>figures</summary><div class="wide"><table><thead><tr><th>proxy</th><th>${unitOf(row)}: min / median / max</th><th>ratio to HAProxy</th><th>per second</th><th>proxy busy</th><th>in the kernel</th><th>p50 µs</th><th>p99 µs</th><th></th></tr></thead><tbody>${lines.join('')}</tbody></table></div></details>`;
}

function overview(rows) {
  const lines = Object.values(rows).filter((row) => row.must).map((row) => {
    const subject = row.proxies[row.subject];
    const median = (name) => (row.proxies[name]?.ratio ? two(row.proxies[name].ratio.median) : '');
    return `<tr><td>${escape(row.title)}</td><td>${row.proxies.haproxy?.cost ? digits(row.proxies.haproxy.cost.median) : ''} ${row.tool === 'memory' ? 'KiB' : 'µs'}</td><td>${median('nginx')}</td><td>${median('floor')}</td><td>${two(row.must)}</td><td>${two(row.aim)}</td><td>${range(subject?.against ?? subject?.ratio, two)}</td><td class="${row.verdict === 'missed' || row.verdict === 'failed' ? 'bad' : 'good'}">${escape(row.verdict)}</td><td>${row.tool === 'memory' ? `${row.sets} runs` : `${row.quiet} of ${row.sets}`}</td></tr>`;
  });
  return `<div class="wide"><table><thead><tr><th>work</th><th>HAProxy</th><th>nginx</th><th>bare relay</th><th>must</th><th>aim</th><th>roomgate: min / median / max</th><th></th><th>quiet sets</th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

function callsTable(calls) {
  if (!calls?.length) return '';
  const lines = calls.map((c) => `<tr><td>${escape(c.work)}</td><td>${escape(names[c.proxy] ?? c.proxy)}</td><td>${two(c.total)}</td><td class="left">${escape(Object.entries(c.calls).map(([name, value]) => `${name} ${two(value)}`).join(', '))}</td></tr>`);
  return `<h2>System calls per unit</h2><div class="wide"><table><thead><tr><th>work</th><th>proxy</th><th>calls</th><th>which</th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

const style = `:root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--soft:#60646c;--line:#d9d9e0;--ours:#3358d4;--floor:#8b8d98;--other:#b9bbc6;--must:#ca244d;--good:#18794e}
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--paper:#111113;--soft:#b0b4ba;--line:#363a3f;--ours:#7a9bff;--floor:#8b8d98;--other:#5a6169;--must:#ff8fab;--good:#3dd68c}}
body{margin:2rem auto;max-width:68rem;padding:0 1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.2rem 0 .3rem}p{margin:.3rem 0}.soft{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.84rem;margin:.6rem 0}th,td{padding:.25rem .45rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child,td.left{text-align:left}td:first-child,td.left{white-space:normal}th{font-weight:600}.bad{color:var(--must);font-weight:600}.good{color:var(--good);font-weight:600}
svg{width:100%;max-width:52rem;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .value{font-weight:600}
.ours{fill:var(--ours)}.floor{fill:var(--floor)}.nginx,.haproxy-2t{fill:var(--other)}.whisker{stroke:var(--ink);fill:none}
path.one{stroke:var(--soft);fill:none}path.must{stroke:var(--must);stroke-dasharray:4 3;stroke-width:1.5;fill:none}svg text.one{fill:var(--soft)}svg text.must{fill:var(--must)}summary{cursor:pointer;color:var(--soft)}`;

export function page(data) {
  const { machine, versions } = data;
  const rows = Object.values(data.rows);
  const sections = rows.map((row) => `<section><h2>${escape(row.title)}</h2><p class="soft">${unitOf(row)}${row.must ? `; must ${two(row.must)}, aim ${two(row.aim)}` : ''}${row.verdict ? `: <span class="${row.verdict === 'missed' || row.verdict === 'failed' ? 'bad' : 'good'}">${escape(row.verdict)}</span>` : ''}; ${row.tool === 'memory' ? `${row.sets} runs` : `${row.quiet} quiet sets of ${row.sets}`}, build ${escape(row.revision)}, ${escape(row.date)}</p>${chart(row)}${details(row)}</section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Roomgate: what a unit of work costs</title><style>${style}</style></head>
<body><h1>What a unit of work costs in the proxy</h1>
<p>CPU of the proxy (user and system, all its threads) divided by the work done, as the ratio to HAProxy in the same set; bars are medians, whiskers the smallest and the largest set. Below 1 is cheaper than HAProxy. How it is measured: docs/performance.md.</p>
<p class="soft">${machine.cpus} CPUs, ${escape(machine.model)}, ${machine.memoryGiB} GiB, Linux ${escape(machine.kernel)}. ${Object.values(versions).map(escape).join('; ')}.</p>
${overview(data.rows)}
${sections.join('\n')}
${callsTable(data.calls)}
</body></html>
`;
}
