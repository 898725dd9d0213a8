#!/usr/bin/env bash
# soak.sh [MINUTES [FILTER]]: the tests of faults (Tests/IntegrationTests/Lab) in their long version, each random one for so
# many minutes, one after the other. Their seeds are in the output.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "soak: needs root: network namespaces and containers are real here (try: sudo make soak)" >&2; exit 1; }
[[ ${1:-10} =~ ^[1-9][0-9]*$ ]] || { echo "soak: SOAK is minutes, not '$1'" >&2; exit 1; }
scripts/packages.sh build run test
scripts/swift-version.sh
export STELLAR_SOAK=${1:-10} STELLAR_REQUIRE=${STELLAR_REQUIRE-all}
exec swift test --no-parallel --filter "${2:-^IntegrationTests\.(Store|Join|Overlay|App[A-Za-z]*)FaultTests}"
