#!/usr/bin/env bash
# gossip.sh [NODES[,NODES...] [ROUNDS [IDLE_SECONDS [BUSY_SECONDS]]]]     (64,100 1 60 60)
#
# Measures clusters of real processes on this machine, of `gossip-node` (release, Swift's libraries linked in) and of Serf's
# agent in turn: the same number of nodes, the same profile (lan), the same network namespace.
#
# Needs root (a network namespace, whose loopback counts the bytes) and serf. GOSSIP_NODE: a built gossip-node.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$root"
[ "$(id -u)" = 0 ] || fail "needs root for a network namespace"
command -v serf > /dev/null || fail "serf is not installed; run: scripts/packages.sh bench"

program=${GOSSIP_NODE:-}
if [ -z "$program" ]; then
    build=(swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld --scratch-path .build-gossip --product gossip-node)
    quietly "${build[@]}" || fail "cannot build gossip-node"
    program=$("${build[@]}" --show-bin-path 2> /dev/null)/gossip-node
fi
work=$(mktemp -d /tmp/stellar-bench.XXXXXX)
netns=stellar-bench-$$
trap 'ip netns delete "$netns" 2> /dev/null || true; rm -rf "$work"' EXIT
strip -o "$work/gossip-node" "$program"
ip netns add "$netns"
inside ip link set lo up
inside python3 Benchmarks/gossip_bench.py "$work/gossip-node" "${1:-64,100}" "${2:-1}" "${3:-60}" "${4:-60}"
