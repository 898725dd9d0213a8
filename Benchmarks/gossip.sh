#!/usr/bin/env bash
# Clusters of real processes on this machine, of `gossip-node` (release, Swift's libraries linked in) and of Serf's agent
# in turn: the same number of nodes, the same profile (lan), the same namespace.
#
#   Benchmarks/gossip.sh [NODES[,NODES...] [ROUNDS [IDLE_SECONDS [BUSY_SECONDS]]]]     (64,100 1 60 60)
#
# Needs root (a network namespace, whose loopback counts the bytes) and serf. GOSSIP_NODE names a program that is built.
set -euo pipefail
cd "$(dirname "$0")/.."
source Benchmarks/lib.sh
[ "$(id -u)" = 0 ] || fail "needs root"
command -v serf > /dev/null || fail "no serf: scripts/packages.sh bench installs it"

program=${GOSSIP_NODE:-}
if [ -z "$program" ]; then
    build=(swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld --scratch-path .build-gossip --product gossip-node)
    "${build[@]}" > /dev/null
    program=$("${build[@]}" --show-bin-path)/gossip-node
fi
work=$(mktemp -d /tmp/stellar-bench.XXXXXX)
netns=stellar-bench-$$
trap 'ip netns delete "$netns" 2> /dev/null || true; rm -rf "$work"' EXIT
strip -o "$work/gossip-node" "$program"
ip netns add "$netns"
inside ip link set lo up
inside python3 Benchmarks/gossip_bench.py "$work/gossip-node" "${1:-64,100}" "${2:-1}" "${3:-60}" "${4:-60}"
