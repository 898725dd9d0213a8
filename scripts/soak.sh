#!/usr/bin/env bash
# soak.sh [MINUTES [FILTER]]: runs the fault tests (Tests/IntegrationTests) in their long form, one after the other. Each
# random test runs for MINUTES (10). FILTER is a regular expression for `swift test --filter`; without it, all fault tests run.
# The output has the seed of each test.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "soak: needs root for network namespaces and containers; run: sudo make soak" >&2; exit 1; }
[[ ${1:-10} =~ ^[1-9][0-9]*$ ]] || { echo "soak: SOAK must be a number of minutes, not '$1'" >&2; exit 1; }
scripts/packages.sh build run test
scripts/swift-version.sh
export STELLAR_SOAK=${1:-10} STELLAR_REQUIRE=${STELLAR_REQUIRE-all}
exec swift test --no-parallel --filter "${2:-^IntegrationTests\.((Store|Join|Overlay|App[A-Za-z]*)FaultTests|CrashTests|ClusterTests/aSplit)}"
