#!/usr/bin/env bash
# Side-by-side measurements; `./dev bench [name]` builds first and calls this. Each prints a table and writes
# bench/results/NAME.json. Names: gate, shard.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
case ${1:-all} in
  gate) node bench/gate.mjs ;;
  shard) build/release/bin/forward_bench bench/results/shard.json ;;
  all) node bench/gate.mjs; build/release/bin/forward_bench bench/results/shard.json ;;
  *) echo "bench: no such benchmark: $1 (allowed: gate, shard)" >&2; exit 2 ;;
esac
