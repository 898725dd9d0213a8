#!/usr/bin/env bash
# record.sh: records the functions that `stellar` calls when it idles, alone and with peers, and runs the common commands. Writes
# them to scripts/symbol-order/functions.txt.
#
# The release links these functions next to each other. The kernel maps sixteen pages around each page that is touched, so
# a few thousand functions scattered over the program keep nearly all of it in memory: 13 MB of code instead of 7.
# A name that the program no longer has does no harm, and a new function is only missing in the list: record now and then.
#
# Run as root, after `make release` (which leaves the program with its symbols in .build-release).
set -euo pipefail
source "$(dirname "$0")/../lib.sh"
help_if_requested "$@"
source "$(dirname "$0")/../../Benchmarks/lib.sh"
here=$root/scripts/symbol-order release=$root/.build-release/release
[ "$(uname -m)" = x86_64 ] || fail "needs x86-64, not $(uname -m)"
[ -x "$release/stellar" ] || fail "$release/stellar does not exist; run: make release"
bench_setup

export FUNCTIONS=$work/functions
gcc -O2 -o "$work/record-functions" "$here/record-functions.c"
peers=()
cleanup() {
    bench_teardown
    for peer in "${peers[@]}"; do ip netns delete "$peer" 2> /dev/null; done
}
trap cleanup EXIT

# The link to other hosts.
address=10.98.0.1
inside ip link add wire type bridge
inside ip address add "$address/24" dev wire
inside ip link set wire up

# start_peer NUMBER: starts the daemon of that host.
start_peer() {
    (exec nsenter --net="/run/netns/$netns-$1" -- "$bin/stellar" server --node-name "$netns-$1" --bind-addr "10.98.0.$1" \
        --peer "$address" --data-dir "$work/$1/data" --state-dir "$work/$1/state" \
        --containerd-addr "$work/none.sock") > "$work/$netns-$1.log" 2>&1 &
    pids+=($!)
    pid=$!
}

# add_peer NUMBER: makes another host, at 10.98.0.NUMBER, with a daemon without containerd.
add_peer() {
    local peer=$netns-$1
    ip netns add "$peer"
    peers+=("$peer")
    ip -n "$netns" link add "port$1" type veth peer eth0 netns "$peer"
    ip -n "$netns" link set "port$1" master wire up
    ip -n "$peer" link set lo up
    ip -n "$peer" link set eth0 up
    ip -n "$peer" address add "10.98.0.$1/24" dev eth0
    start_peer "$1"
}

# sees COUNT STATUS: whether the recorded daemon lists COUNT nodes with that status.
sees() { [ "$(sctl cluster nodes | grep -c " $2 ")" = "$1" ]; }

nm --defined-only "$release/stellar" | awk '$2 ~ /^[tTwW]$/ {print $1, $3}' > "$work/symbols"
start_containerd
start_registry
inside "$root/scripts/make-image.sh" 127.0.0.1:5000/library/redis:alpine > /dev/null
# A shell writes standard output, the list, to a file; the log is on standard error. Each first call of a function is slow.
background stellar sh -c 'exec "$0" "$@" > "$FUNCTIONS"' "$work/record-functions" "$work/symbols" "$release/stellar" \
    server --node-name recorded --bind-addr "$address" --data-dir "$work/stellar" --state-dir "$work/state" \
    --containerd-addr "$work/containerd.sock"
recorder_pid=$pid
sctl() { inside "$bin/sctl" --addr "$address:9000" "$@"; }
wait_for 120 stellar sctl version
sleep 20
for number in 2 3 4; do add_peer "$number"; done
last_peer=$pid
wait_for 120 stellar sees 4 alive
sleep 20
cat > "$work/app.json" <<END
{"name": "order", "services": [
    {"name": "redis", "image": "127.0.0.1:5000/library/redis:alpine", "process": {"args": ["redis-server"]},
     "endpoints": [{"service": "redis", "protocol": "tcp", "port": 6379}]}
]}
END
for line in version "cluster nodes" "cluster health" "cluster status" "network list" "cluster containers" "apps create -f $work/app.json" "apps list" \
    "apps inspect order" "nameserver list" "images list" "apps restart order" "apps delete order"; do
    # shellcheck disable=SC2086
    sctl $line > /dev/null || [ "$line" = "cluster health" ]
done
# A peer dies and comes back.
kill -9 "$last_peer"
wait_for 60 stellar sees 1 dead
sleep 5
start_peer 4
wait_for 60 stellar sees 4 alive
sleep 20
# The list is complete when the recorder ends, with the daemon.
kill "$(pgrep -P "$recorder_pid")"
while kill -0 "$recorder_pid" 2> /dev/null; do sleep 0.1; done
{
    echo '# Functions that stellar calls when it starts, idles and runs common commands, in the order of their first calls.'
    echo '# Made by scripts/symbol-order/record.sh; do not edit.'
    cat "$work/functions"
} > "$here/functions.txt"
wc -l "$here/functions.txt"
