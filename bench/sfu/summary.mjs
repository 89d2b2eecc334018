// From the runs of sets to a row: least, median and greatest of each figure, ratios inside each set, and verdicts. Pure.
import { median, quietAt } from '../proxy/summary.mjs';

const range = (values) => (values.length ? { min: Math.min(...values), median: median(values), max: Math.max(...values) } : null);
export const isQuiet = (set) => Object.values(set).every((run) => run.others <= quietAt);

function verdict(value, { must, aim, more }) {
  if (must === undefined) return '';
  if (value === undefined) return 'failed';
  const reaches = (goal) => goal !== undefined && (more ? value >= goal : value <= goal);
  if (reaches(aim)) return 'aim reached';
  return reaches(must) ? 'met' : 'missed';
}

// Sets in which others took more than half a CPU count only for a server that has no other. A set need not have all servers.
export function summarise(row, sets) {
  const quiet = sets.filter(isQuiet);
  const usedOf = (name) => {
    const among = quiet.filter((set) => set[name]);
    return among.length ? among : sets.filter((set) => set[name]);
  };
  const good = (name) => usedOf(name).map((set) => set[name]).filter((run) => !run.fault);
  const figures = row.figures.map((figure) => {
    const of = {};
    for (const name of row.servers) of[name] = range(good(name).map((run) => run[figure.key]).filter((value) => value !== undefined));
    // To the better of Janus' two ways of running, set by set.
    const ratios = figure.more ? [] : usedOf('roomshard').flatMap((set) => {
      const janus = row.servers.filter((name) => name.startsWith('janus') && set[name] && !set[name].fault).map((name) => set[name][figure.key]);
      return janus.length && set.roomshard && !set.roomshard.fault ? [set.roomshard[figure.key] / Math.min(...janus)] : [];
    });
    const ratio = range(ratios);
    return { ...figure, of, ratio, verdict: verdict(of.roomshard?.median, figure),
      ...(figure.mustRatio ? { ratioVerdict: ratio ? verdict(ratio.median, { must: figure.mustRatio, aim: figure.aimRatio }) : '' } : {}) };
  });
  const servers = {};
  for (const name of row.servers) {
    const runs = good(name);
    const middle = (key) => (runs.length && runs[0][key] !== undefined ? median(runs.map((run) => run[key])) : undefined);
    servers[name] = { good: runs.length, faults: [...new Set(usedOf(name).map((set) => set[name].fault).filter(Boolean))], busy: middle('busy'), userShare: middle('userShare'),
      perSecond: middle('perSecond'), waitsPerPacket: middle('waitsPerPacket'), loss: middle('loss'), threads: middle('threads') };
  }
  return { title: row.title, kind: row.kind, sets: sets.length, quiet: quiet.length, figures, servers, records: sets };
}

const digits = (value) => (value === undefined || Number.isNaN(value) ? '-'
  : value >= 1000 ? Math.round(value).toLocaleString('en') : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2));
const three = (r) => (r ? `${digits(r.min)} / ${digits(r.median)} / ${digits(r.max)}` : '-');
const goals = ({ must, aim }) => (must === undefined ? '' : `must ${digits(must)}${aim === undefined ? '' : `, aim ${digits(aim)}`}`);

export function text(row) {
  const lines = [`${row.title} (${row.quiet} quiet sets of ${row.sets})`];
  for (const figure of row.figures) {
    lines.push(`  ${figure.unit}${figure.must === undefined ? '' : `: ${goals(figure)}: ${figure.verdict}`}`);
    for (const [name, of] of Object.entries(figure.of)) if (of) lines.push(`    ${name.padEnd(12)} ${three(of)}`);
    if (figure.ratio) lines.push(`    to the better Janus ${three(figure.ratio)}${figure.mustRatio ? `: must ${figure.mustRatio}, aim ${figure.aimRatio}: ${figure.ratioVerdict}` : ''}`);
  }
  for (const [name, s] of Object.entries(row.servers)) {
    const share = (value) => (value === undefined ? '-' : `${(value * 100).toFixed(0)} %`);
    if (s.good) lines.push(`  ${name.padEnd(12)} busy ${share(s.busy)}, user ${share(s.userShare)}, ${digits(s.perSecond)} packets/s, waits/packet ${digits(s.waitsPerPacket)}, lost ${s.loss === undefined ? '-' : `${(s.loss * 100).toFixed(4)} %`}, threads ${s.threads ?? '-'}`);
    if (s.faults.length) lines.push(`  ${name.padEnd(12)} FAULTS (${s.good} good runs): ${s.faults.join('; ')}`);
  }
  return lines.join('\n');
}

// One line for each figure, for documents.
export function markdown(rows) {
  const lines = ['| figure | Janus | Janus, one loop | roomshard | must (aim) | to the better Janus | |', '| --- | --- | --- | --- | --- | --- | --- |'];
  for (const row of Object.values(rows)) {
    for (const [i, figure] of row.figures.entries()) {
      const of = (name) => (figure.of[name] ? three(figure.of[name]) : row.servers[name]?.faults.length ? 'fault' : '');
      const ratio = figure.ratio ? `${three(figure.ratio)}${figure.mustRatio ? ` (must ${figure.mustRatio}, aim ${figure.aimRatio}): ${figure.ratioVerdict}` : ''}` : '';
      const wanted = figure.must === undefined ? '' : `${digits(figure.must)}${figure.aim === undefined ? '' : ` (${digits(figure.aim)})`}`;
      lines.push(`| ${i === 0 ? `**${row.title}**: ` : ''}${figure.unit} | ${of('janus')} | ${of('janus-1loop')} | ${of('roomshard')} | ${wanted} | ${ratio} | ${figure.verdict} |`);
    }
  }
  return lines.join('\n');
}

export const shown = { digits, three };
