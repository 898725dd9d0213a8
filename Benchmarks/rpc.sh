#!/usr/bin/env bash
# StellarRPC beside Python's grpcio (gRPC's C core), in one run: servers under h2load, clients against one server, and the
# memory of a stream of 1 GB. Needs h2load (nghttp2-client) and python3-grpcio. RPC_BENCH names
# an rpc-bench that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
source Benchmarks/lib.sh
rounds=${1:-3}
calls=${2:-20000}
python=/usr/bin/python3

bench=${RPC_BENCH:-}
if [ -z "$bench" ]; then
    build=(swift build --package-path Benchmarks -c release --static-swift-stdlib)
    "${build[@]}" > /dev/null
    bench=$("${build[@]}" --show-bin-path)/rpc-bench
fi
work=$(mktemp -d /tmp/stellar-bench.XXXXXX)
servers=()
trap 'kill "${servers[@]}" 2> /dev/null || true; rm -rf "$work"' EXIT

# start NAME COMMAND...: a server; its port in $port and its process in $server.
start() {
    local name=$1
    shift
    "$@" > "$work/$name" 2>&1 &
    server=$!
    servers+=("$server")
    wait_for 20 "$name" grep -q PORT "$work/$name"
    port=$(awk '/^PORT/ {print $2}' "$work/$name")
}
start ours "$bench" serve
ours=$port ours_pid=$server
start theirs "$python" Benchmarks/grpcio_peer.py serve
theirs=$port

# An empty message: not compressed, length 0.
printf '\0\0\0\0\0' > "$work/body"

# load PORT: requests per second and p99 in microseconds of $calls calls over 8 connections.
load() {
    rm -f "$work/log"
    h2load -c 8 -t 1 -n "$calls" --data="$work/body" -H 'content-type: application/grpc' -H 'te: trailers' \
        --log-file="$work/log" "http://127.0.0.1:$1/bench.Bench/Empty" > "$work/out"
    # HTTP 200 is not yet success; but a call of an unknown method would be far from any of these rates' servers.
    grep -q "$calls succeeded, 0 failed" "$work/out" || { cat "$work/out" >&2; fail "calls failed"; }
    echo "$(awk '/^finished in/ {print int($4)}' "$work/out")" \
        "$(cut -f 3 "$work/log" | sort -n | awk '{a[NR] = $1} END {print a[int(NR * 0.99)]}')"
}

# row NAME OURS... : medians of "rate p99" lines.
report() { # report TITLE OURS_FILE THEIRS_FILE PERCENTILE_COLUMN
    local a b p q
    a=$(median $(awk '{print $1}' "$2")) b=$(median $(awk '{print $1}' "$3"))
    p=$(median $(awk -v c="$4" '{print $c}' "$2")) q=$(median $(awk -v c="$4" '{print $c}' "$3"))
    printf '%-44s %8.0f /s  grpcio %8.0f /s  ratio %s\n' "$1: calls" "$a" "$b" "$(ratio "$a" "$b")"
    printf '%-44s %8.0f us  grpcio %8.0f us  ratio %s\n' "$1: p99" "$p" "$q" "$(ratio "$p" "$q")"
}

# Both warm up, then take turns.
load "$ours" > /dev/null
load "$theirs" > /dev/null
for ((round = 0; round < rounds; round++)); do
    load "$ours" >> "$work/server.ours"
    load "$theirs" >> "$work/server.theirs"
    "$bench" unary "$ours" "$calls" 8 >> "$work/client.ours"
    "$python" Benchmarks/grpcio_peer.py unary "$ours" "$calls" 8 >> "$work/client.theirs"
    "$bench" unary "$theirs" "$calls" 8 >> "$work/cross.ours"
    "$python" Benchmarks/grpcio_peer.py unary "$theirs" "$calls" 8 >> "$work/cross.theirs"
done
report "server, h2load -c 8, empty unary" "$work/server.ours" "$work/server.theirs" 2
report "client, 8 calls at a time, our server" "$work/client.ours" "$work/client.theirs" 3
report "client, 8 calls at a time, grpcio's server" "$work/cross.ours" "$work/cross.theirs" 3

# peak PID: peak resident memory in MB (proc(5), VmHWM).
peak() { awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$1/status"; }
before=$(peak "$ours_pid")
"$bench" stream "$ours" 1000 1000000 > "$work/stream" &
client=$!
client_peak=0
while kill -0 "$client" 2> /dev/null; do
    now=$(peak "$client" 2> /dev/null || true)
    client_peak=${now:-$client_peak}
    sleep 0.02
done
wait "$client"
printf '%-44s %8s MB    before %s MB\n' "server's peak RSS, stream of 1000 x 1 MB" "$(peak "$ours_pid")" "$before"
printf '%-44s %8s MB    at %s\n' "client's peak RSS, stream of 1000 x 1 MB" "$client_peak" "$(cat "$work/stream")"
