#!/usr/bin/env bash
# gossip-sim.sh: builds gossip-sim in release and prints its path.
# gossip-sim.sh ARGUMENT...: builds it and runs it with the arguments; `gossip-sim.sh help` lists them.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
# A scratch path of its own: make release builds with other settings.
build=(swift build -c release --scratch-path .build-sim --product gossip-sim)
quietly "${build[@]}"
program=$("${build[@]}" --show-bin-path 2> /dev/null)/gossip-sim
if [ $# = 0 ]; then echo "$program"; else exec "$program" "$@"; fi
