#!/usr/bin/env bash
# run.sh: runs all benchmarks (`make bench`). They measure the project's claims about speed and size beside a peer or the raw
# floor, in the same run.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$root"
[ "$(id -u)" = 0 ] || fail "needs root for containers and network namespaces; run: sudo make bench"
scripts/packages.sh build run bench
quietly scripts/release.sh || fail "cannot build the release"
for script in create cluster pull rpc gossip sim overlay idle; do
    [ -x "Benchmarks/$script.sh" ] || continue
    printf '\n== %s\n' "$script"
    "Benchmarks/$script.sh"
done
