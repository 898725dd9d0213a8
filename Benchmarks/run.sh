#!/usr/bin/env bash
# `make bench`: everything we claim about speed and size, measured beside a peer or the raw floor in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes containers and network namespaces" >&2; exit 1; }
scripts/packages.sh build run bench
scripts/release.sh > /dev/null
for script in create cluster pull rpc gossip sim overlay idle; do
    [ -x "Benchmarks/$script.sh" ] || continue
    printf '\n== %s\n' "$script"
    "Benchmarks/$script.sh"
done
