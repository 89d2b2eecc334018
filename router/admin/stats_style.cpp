#include "router/admin/stats_parts.hpp"

namespace roomgate::router::admin {

// Light and dark by what the reader's system says. Below 46rem a row is a card.
constexpr std::string_view kStatsStyle = R"css(
:root { color-scheme: light dark; --back: #f4f6f8; --card: #fff; --text: #19202a; --quiet: #5b6675; --line: #e2e7ed; --accent: #2458d3; --on-accent: #fff;
  --good: #0f6b37; --good-back: #e2f4e8; --warn: #865000; --warn-back: #fdf0d8; --bad: #b0241c; --bad-back: #fde9e7; --track: #e6eaef; --fill: #3f74e0; --fill-warn: #d98a12 }
@media (prefers-color-scheme: dark) { :root { --back: #11151a; --card: #1a2027; --text: #e6ebf1; --quiet: #98a5b4; --line: #2c343e; --accent: #7ea4ff; --on-accent: #0d1730;
  --good: #62cf90; --good-back: #143122; --warn: #ecb75c; --warn-back: #35280f; --bad: #ff8f86; --bad-back: #3d1a18; --track: #2c343e; --fill: #6f98f5; --fill-warn: #dd9a35 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.25rem 1.5rem 2rem; max-width: 78rem; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.45rem; margin: 0; letter-spacing: -.01em } h2 { font-size: 1.05rem; margin: 1.75rem 0 .6rem } h3 { font-size: .95rem; margin: 0; padding: .7rem 1rem .5rem; display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline }
h3 span { font-weight: 400; font-size: .875rem } h3 .sums { margin-left: auto; font-variant-numeric: tabular-nums }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center } header p { margin: 0 }
a { color: var(--accent) } code { font-size: .9em } small { display: block; color: var(--quiet); font-size: .8rem } i { font-style: normal }
.quiet { color: var(--quiet) } .good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) }
#live { font-size: .875rem } #live::before { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; margin-right: .4rem; background: var(--line) }
#live.on::before { background: var(--fill) } #live.off { color: var(--bad) } #live.off::before { background: var(--bad) }
.operator { margin-left: auto !important; display: flex; gap: .5rem; align-items: center; font-size: .9rem } .operator[hidden] { display: none }
.state { margin: .5rem 0 0; display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: center }
.pill { display: inline-block; padding: .05rem .55rem; margin-right: .3rem; border-radius: 1rem; font-size: .82rem; font-weight: 500; background: var(--track) }
.pill.good { background: var(--good-back) } .pill.warn { background: var(--warn-back) } .pill.bad { background: var(--bad-back) }
.tag { padding: 0 .35rem; border: 1px solid var(--line); border-radius: .3rem; font-size: .78rem; color: var(--quiet) }
.alerts { list-style: none; margin: .9rem 0 0; padding: 0; border-radius: .5rem; overflow: hidden } .alerts li { padding: .4rem .9rem; overflow-wrap: anywhere } .alerts .bad { background: var(--bad-back) } .alerts .warn { background: var(--warn-back) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.75rem, 1fr)); gap: .6rem; margin: .9rem 0 0; padding: 0 }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .8rem; display: flex; flex-direction: column }
.tiles dt { color: var(--quiet); font-size: .82rem } .tiles dd { margin: auto 0 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; letter-spacing: -.01em }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin: 0 0 .75rem; overflow: hidden }
.wide { overflow-x: auto } .wide:focus-visible { outline-offset: -2px }
table { border-collapse: collapse; width: 100% } th, td { padding: .4rem .5rem; text-align: left; vertical-align: top } th:first-child, td:first-child { padding-left: 1rem } th:last-child, td:last-child { padding-right: 1rem }
th { color: var(--quiet); font-weight: 500; font-size: .82rem; white-space: nowrap; padding-top: .1rem } td { border-top: 1px solid var(--line) } td:first-child { overflow-wrap: anywhere; min-width: 8rem } .nb { white-space: nowrap } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.shards { table-layout: fixed; min-width: 58rem } .shards th:nth-child(1) { width: 16% } .shards th:nth-child(2) { width: 12% } .shards th:nth-child(3) { width: 10rem } .shards th:nth-child(n+4) { width: 5rem } .shards th:nth-child(7) { width: 5.5rem } .shards th:nth-child(8) { width: auto } .shards .act { width: 6rem !important } .shards td { overflow-wrap: anywhere; vertical-align: middle }
.shards .pill { margin: .1rem .3rem .1rem 0 } .shards .load { white-space: nowrap } .shards .load span { font-variant-numeric: tabular-nums; display: inline-block; min-width: 2.6rem; text-align: right } .shards .note { font-size: .875rem; color: var(--quiet) }
.bar { width: 5rem; height: .5rem; border-radius: .25rem; vertical-align: middle } .track { fill: var(--track) } .fill { fill: var(--fill) } .bar.warn .fill { fill: var(--fill-warn) } .drain { color: var(--text) } .drain .bar { margin-right: .5rem }
.none { margin: 0; padding: .4rem 1rem .7rem } .filter { padding: .7rem 1rem .5rem; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center }
.more { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: .75rem; align-items: start; margin-top: 1.75rem } .more .card { margin: 0 }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .2rem .6rem } button { cursor: pointer } button:hover { border-color: var(--accent) } button:disabled { opacity: .5 }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent) } :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
.act { display: none } body.allowed .act { display: table-cell; text-align: right }
dialog { border: 1px solid var(--line); border-radius: .7rem; padding: 1.25rem 1.5rem; max-width: 28rem; background: var(--card); color: var(--text) } dialog::backdrop { background: rgb(0 0 0 / .45) } dialog h2 { margin: 0 0 .5rem } .choice { display: flex; justify-content: flex-end; gap: .5rem; margin: 1rem 0 0 }
#told { position: fixed; left: 50%; bottom: 1.25rem; transform: translateX(-50%); max-width: 90vw; margin: 0; padding: .6rem 1rem; border-radius: .5rem; background: var(--text); color: var(--back); overflow-wrap: anywhere } #told[hidden] { display: none }
footer { margin-top: 1.5rem; font-size: .875rem }
@media (max-width: 46rem) {
  body { padding: 1rem .75rem 2rem } h3 .sums { margin-left: 0; width: 100% } .operator { margin-left: 0 !important } .tiles { grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .4rem } .tiles div { padding: .4rem .6rem } .tiles dd { font-size: 1.2rem }
  .extra { display: none } .shards { min-width: 0 } .shards thead { display: none } .shards, .shards tbody { display: block } .shards tr { display: grid; grid-template-columns: repeat(4, 1fr); gap: .35rem .5rem; padding: .6rem 1rem; border-top: 1px solid var(--line) }
  .shards td { display: block; padding: 0 !important; border: 0; text-align: left } .shards td[data-label]::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .75rem } .shards td:empty { display: none }
  .shards .name { grid-column: 1 / 4; min-width: 0 !important } .shards .health { text-align: right } .shards .load { grid-column: 1 / 5; display: flex; gap: .5rem; align-items: center } .shards .load .bar { flex: 1; width: auto } .shards .load::before { min-width: 2rem } .shards .n small { display: inline; margin-left: .2rem } .shards .note { grid-column: 1 / 5; width: auto } .drain .bar { display: block; width: 100%; margin: .2rem 0 }
  body.allowed .shards .act { display: block; grid-column: 1 / 5 } .shards .act { width: auto !important } .shards .act button { width: 100%; padding: .4rem }
}
)css";

}  // namespace roomgate::router::admin
