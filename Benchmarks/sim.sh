#!/usr/bin/env bash
# sim.sh [NODES [SECONDS]]: measures the simulated cluster (1,000 nodes for 60 simulated seconds), and how long it takes to
# decode an alive message. Prints the goal beside each figure.
#
# GOSSIP_SIM: a built gossip-sim (release). valgrind, if it is installed, counts the allocations: the difference of two runs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$root"
nodes=${1:-1000}
seconds=${2:-60}
sim=${GOSSIP_SIM:-$(scripts/gossip-sim.sh)}

# Not every valgrind can read the debugging information of every compiler.
stripped=$(mktemp /tmp/stellar-bench-sim.XXXXXX)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$sim"

value() { awk -v name="$2" '$1 == name {print $2}' <<< "$1"; }
run=$("$sim" speed --nodes "$nodes" --seconds "$seconds")
printf '%-52s %8.1f s   goal %s s at 1000 x 60\n' "simulation: $nodes nodes x $seconds s, CPU" \
    "$(value "$run" cpu_seconds)" 60
printf '%-52s %8s\n' "simulation: messages decoded" "$(value "$run" messages)"
printf '%-52s %8s s\n' "simulation: every node knows all after" "$(value "$run" all_know_all_seconds)"
printf '%-52s %8s\n' "simulation: violations" "$(value "$run" violations)"
for metadata in 0 100; do
    decode=$("$sim" decode --metadata "$metadata")
    printf '%-52s %8s ns  goal 2000 ns\n' "decode: alive message, $metadata bytes of metadata" \
        "$(value "$decode" decode_nanoseconds)"
    command -v valgrind > /dev/null || continue
    # allocations COUNT: of a run that decodes that many messages.
    allocations() {
        valgrind "$stripped" decode --metadata "$metadata" --count "$1" 2>&1 > /dev/null |
            awk '/total heap usage/ {gsub(",", ""); print $5}'
    }
    few=$(allocations 16000)
    many=$(allocations 48000)
    printf '%-52s %8s\n' "decode: allocations per message of six fields" \
        "$(awk -v a="$few" -v b="$many" 'BEGIN {printf "%.2f", (b - a) / 32000}')"
done
