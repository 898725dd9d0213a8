#!/usr/bin/env bash
# The simulated cluster: 1,000 nodes for 60 simulated seconds, and what an alive message costs to decode.
#
#   Benchmarks/sim.sh [NODES [SECONDS]]     GOSSIP_SIM names a gossip-sim that is built already (in release)
#
# One line each, the goal beside it. Allocations are counted by valgrind, if it is installed: the difference of two runs.
set -euo pipefail
cd "$(dirname "$0")/.."
nodes=${1:-1000}
seconds=${2:-60}
sim=${GOSSIP_SIM:-$(scripts/gossip-sim.sh)}

# Not every valgrind reads the debugging information of every compiler.
stripped=$(mktemp /tmp/stellar-bench-sim.XXXXXX)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$sim"

value() { awk -v name="$2" '$1 == name {print $2}' <<< "$1"; }
run=$("$sim" speed --nodes "$nodes" --seconds "$seconds")
printf '%-52s %8.1f s   goal %s s at 1000 x 60\n' "simulation: $nodes nodes x $seconds s, CPU" \
    "$(value "$run" cpu_seconds)" 60
printf '%-52s %8s\n' "simulation: messages decoded" "$(value "$run" messages)"
printf '%-52s %8s s\n' "simulation: all know all after" "$(value "$run" all_know_all_seconds)"
printf '%-52s %8s\n' "simulation: promises broken" "$(value "$run" violations)"
for metadata in 0 100; do
    decode=$("$sim" decode --metadata "$metadata")
    printf '%-52s %8s ns  goal 2000 ns\n' "decode: alive message, $metadata bytes of metadata" \
        "$(value "$decode" decode_nanoseconds)"
    command -v valgrind > /dev/null || continue
    # allocations COUNT
    allocations() {
        valgrind "$stripped" decode --metadata "$metadata" --count "$1" 2>&1 > /dev/null |
            awk '/total heap usage/ {gsub(",", ""); print $5}'
    }
    few=$(allocations 16000)
    many=$(allocations 48000)
    printf '%-52s %8s\n' "decode: allocations per message of six fields" \
        "$(awk -v a="$few" -v b="$many" 'BEGIN {printf "%.2f", (b - a) / 32000}')"
done
