#!/usr/bin/env bash
# Builds gossip-sim in release, and prints its path; with arguments runs it with them instead.
set -euo pipefail
cd "$(dirname "$0")/.."
# A scratch path of its own: make release builds with other settings.
build=(swift build -c release --scratch-path .build-sim --product gossip-sim)
"${build[@]}" >&2
program=$("${build[@]}" --show-bin-path)/gossip-sim
if [ $# = 0 ]; then echo "$program"; else exec "$program" "$@"; fi
