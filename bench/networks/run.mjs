// A call in Chromium on bad networks: `./dev bench networks [NAME ...] [--runs N] [--seed N]`. Prints a line a run, writes
// bench/results/networks.json and networks.html; ends with 1 when a demand was missed. Of N runs each has a seed of its own.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge } from './judge.mjs';
import { meet } from './meeting.mjs';
import { page } from './report.mjs';
import { scenarios } from './scenarios.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string', default: '1' }, runs: { type: 'string', default: '1' } } });
for (const name of positionals) {
  if (!scenarios.some((scenario) => scenario.name === name)) {
    console.error(`bench networks: no such scenario: ${name} (allowed: ${scenarios.map((scenario) => scenario.name).join(', ')})`);
    process.exit(2);
  }
}
const results = [];
console.log('scenario      audio gap  concealed  video stop  freezes  height            kbit/s  verdict');
const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const seeds = Array.from({ length: Number(values.runs) }, (_, run) => Number(values.seed) + run);
for (const [scenario, seed] of chosen.flatMap((each) => seeds.map((seed) => [each, seed]))) {
  const { rows, counts } = await meet(scenario, { seed });
  const seen = judge(scenario, rows);
  results.push({ scenario, seed, rows, counts, seen });
  const more = seen.fell === undefined ? '' : `  fell ${Math.round(seen.fell)} ms, back ${Math.round(seen.recovered)} ms`;
  console.log(`${scenario.name.padEnd(12)} ${`${Math.round(seen.audioGap)} ms`.padStart(10)} ${`${(seen.concealed * 100).toFixed(1)} %`.padStart(10)} ${`${Math.round(seen.videoStop)} ms`.padStart(11)} ${String(seen.freezes).padStart(8)}  ${seen.heights.join(' ').padEnd(16)} ${Math.round(seen.kbits).toString().padStart(7)}  ${seen.missed.join('; ') || 'holds'}${more}`);
}
const folder = fileURLToPath(new URL('../results/', import.meta.url));
const date = new Date().toISOString().slice(0, 16);
writeFileSync(`${folder}networks.json`, `${JSON.stringify({ date, results: results.map(({ scenario, seed, counts, seen }) => ({ name: scenario.name, title: scenario.title, seed, ...seen, counts })) }, null, 1)}\n`);
writeFileSync(`${folder}networks.html`, page(results, { date }));
process.exitCode = results.some(({ seen }) => seen.missed.length > 0) ? 1 : 0;
