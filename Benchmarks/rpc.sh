#!/usr/bin/env bash
# rpc.sh [ROUNDS [CALLS]]: measures StellarRPC beside Python's grpcio (gRPC's C core), in one run and in turn: servers under
# h2load, clients against each of the servers, and a stream of 1 GB with its memory (5 rounds of 20000 calls).
#
# Needs h2load (nghttp2-client) and python3-grpcio. RPC_BENCH: a built rpc-bench. Each line has our figure, grpcio's, and the
# ratio of the two.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$root"
rounds=${1:-5}
calls=${2:-20000}
python=/usr/bin/python3

bench=${RPC_BENCH:-}
if [ -z "$bench" ]; then
    # Without the switch, SwiftPM uses an old plan when the package above has new files.
    build=(
        swift build --package-path Benchmarks --scratch-path .build-bench -c release --static-swift-stdlib
        --disable-build-manifest-caching
    )
    quietly "${build[@]}" || fail "cannot build rpc-bench"
    bench=$("${build[@]}" --show-bin-path 2> /dev/null)/rpc-bench
fi
work=$(mktemp -d /tmp/stellar-bench.XXXXXX)
servers=()
trap 'kill "${servers[@]}" 2> /dev/null || true; rm -rf "$work"' EXIT

# start NAME COMMAND...: starts a server; sets $port and $server (its process).
start() {
    local name=$1
    shift
    "$@" > "$work/$name.log" 2>&1 &
    server=$!
    servers+=("$server")
    wait_for 20 "$name" grep -q PORT "$work/$name.log"
    port=$(awk '/^PORT/ {print $2}' "$work/$name.log")
}
start ours "$bench" serve
ours=$port ours_pid=$server
start theirs "$python" Benchmarks/grpcio_peer.py serve
theirs=$port theirs_pid=$server

# An empty message: not compressed, length 0.
printf '\0\0\0\0\0' > "$work/body"

# load PORT STREAMS: calls per second, and median and p99 of a call in microseconds, of $calls calls over 8 connections
# with STREAMS calls open at a time on each.
load() {
    rm -f "$work/log"
    h2load -c 8 -m "$2" -t 1 -n "$calls" --data="$work/body" -H 'content-type: application/grpc' -H 'te: trailers' \
        --log-file="$work/log" "http://127.0.0.1:$1/bench.Bench/Empty" > "$work/out"
    # HTTP 200 does not show that the call succeeded (a grpc-status comes later); a failed call would show in the rates.
    grep -q "$calls succeeded, 0 failed" "$work/out" || { cat "$work/out" >&2; fail "calls failed"; }
    echo "$(awk '/^finished in/ {print int($4)}' "$work/out")" \
        "$(cut -f 3 "$work/log" | sort -n | awk '{a[NR] = $1} END {print a[int(NR * 0.5)], a[int(NR * 0.99)]}')"
}

# line WHAT UNIT OURS THEIRS
line() { printf '%-46s %9.0f %-5s grpcio %9.0f %-5s ratio %6s\n' "$1" "$3" "$2" "$4" "$2" "$(ratio "$3" "$4")"; }

# report TITLE NAME: prints the medians of the rounds, from $work/NAME.ours and $work/NAME.theirs.
report() {
    local column what unit
    for column in 1:calls:/s 2:p50:us 3:p99:us; do
        IFS=: read -r column what unit <<< "$column"
        line "$1: $what" "$unit" "$(median $(cut -d ' ' -f "$column" "$work/$2.ours"))" \
            "$(median $(cut -d ' ' -f "$column" "$work/$2.theirs"))"
    done
}

# unary WHO PORT CONCURRENCY
unary() {
    case $1 in
        ours) "$bench" unary "$2" "$calls" "$3" ;;
        theirs) "$python" Benchmarks/grpcio_peer.py unary "$2" "$calls" "$3" ;;
    esac
}

# Both warm up, then take turns.
load "$ours" 1 > /dev/null
load "$theirs" 1 > /dev/null
for ((round = 0; round < rounds; round++)); do
    load "$ours" 1 >> "$work/server.ours"
    load "$theirs" 1 >> "$work/server.theirs"
    load "$ours" 10 >> "$work/many.ours"
    load "$theirs" 10 >> "$work/many.theirs"
    for who in ours theirs; do
        unary $who "$ours" 8 >> "$work/client.$who"
        unary $who "$theirs" 8 >> "$work/cross.$who"
        unary $who "$ours" 1 >> "$work/alone.$who"
    done
done
report "server, 8 connections, 1 call each" server
report "server, 8 connections, 10 calls each" many
report "client, 8 calls at a time, our server" client
report "client, 8 calls at a time, grpcio's server" cross
report "client, 1 call at a time, our server" alone

# highest PID: the highest resident memory that the process had, in MB (proc(5), VmHWM).
highest() { awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$1/status" 2> /dev/null || true; }
# stream COMMAND...: runs a client; sets $rate (MB per second) and $memory (its highest resident memory).
stream() {
    local now client
    "$@" > "$work/stream" &
    client=$!
    memory=0
    while kill -0 "$client" 2> /dev/null; do
        now=$(highest "$client")
        memory=${now:-$memory}
        sleep 0.02
    done
    wait "$client"
    rate=$(cat "$work/stream")
}
before=$(highest "$ours_pid") before_theirs=$(highest "$theirs_pid")
stream "$bench" stream "$ours" 1000 1000000
ours_rate=$rate ours_memory=$memory
stream "$python" Benchmarks/grpcio_peer.py stream "$theirs" 1000 1000000
line "stream of 1000 messages of 1 MB" MB/s "$ours_rate" "$rate"
line "stream: the client's highest RSS" MB "$ours_memory" "$memory"
line "stream: the server's highest RSS" MB "$(highest "$ours_pid")" "$(highest "$theirs_pid")"
line "the server's highest RSS before the stream" MB "$before" "$before_theirs"
