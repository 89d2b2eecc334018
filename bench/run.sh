#!/usr/bin/env bash
# Side-by-side measurements; `./dev bench [name] [options]` builds first and calls this. Each prints a table and writes
# bench/results/NAME.json. Names: proxy (options in bench/proxy/run.mjs), floods, shard, sfu (options in
# bench/sfu/run.mjs), placement, peers (options in bench/peers/run.mjs), agreement (two gates in one process; prints only),
# networks (a call in Chromium on bad networks; options in bench/networks/run.mjs).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bench/results
name=${1:-all}
[ $# = 0 ] || shift
case $name in
  proxy | gate) node bench/proxy/run.mjs "$@" ;;
  floods) node bench/proxy/floods.mjs "$@" ;;
  shard) build/release/bin/forward_bench bench/results/shard.json ;;
  placement) build/release/bin/placement_sim bench/results/placement.json ;;
  peers) node bench/peers/run.mjs "$@" ;;
  networks) ROOMGATE_BIN=$PWD/build/release/bin node bench/networks/run.mjs "$@" ;;
  sfu) node bench/sfu/run.mjs "$@" ;;
  agreement) build/release/bin/peers_bench "$@" ;;
  all)
    node bench/proxy/run.mjs
    node bench/proxy/floods.mjs
    build/release/bin/forward_bench bench/results/shard.json
    build/release/bin/placement_sim bench/results/placement.json
    node bench/sfu/run.mjs
    node bench/peers/run.mjs
    ROOMGATE_BIN=$PWD/build/release/bin node bench/networks/run.mjs ;;
  *) echo "bench: no such benchmark: $name (allowed: proxy, floods, shard, sfu, placement, peers, agreement, networks)" >&2; exit 2 ;;
esac
