#!/usr/bin/env bash
# Everything that must be true of a change, on real parts: `make test`.
#
# Needs root (network namespaces, containerd). STELLAR_REQUIRE names the capabilities whose absence is a failure and
# not a skip; all of them unless it is set.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

scripts/swift-version.sh
[ "$(id -u)" = 0 ] || { echo "make test needs root: network namespaces and containers are real here (try: sudo make test)" >&2; exit 1; }
scripts/packages.sh build run test

export STELLAR_REQUIRE=${STELLAR_REQUIRE-root,netns,containerd,cni,registry,grpcio,busybox,redis,h2load}

step "format and house rules"
scripts/format.sh --lint
scripts/tidy.sh

step "build"
swift build --build-tests
scripts/check-foundation.sh .build/debug/stellar .build/debug/sctl .build/debug/stellar-cni-ipam

step "the embedding example"
scripts/test-embedding.sh

# One after the other: suites have containerd, Python or floods of connections beside them, and five hundred of them at
# once on two cores would measure how patient each is. No test may count on it: in parallel they pass too.
step "tests (required: ${STELLAR_REQUIRE:-nothing})"
swift test --skip-build --no-parallel --skip '^IntegrationTests\.' "$@" < /dev/null

step "tests of the whole"
swift test --skip-build --no-parallel --filter '^IntegrationTests\.' "$@" < /dev/null
