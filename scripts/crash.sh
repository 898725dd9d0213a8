#!/usr/bin/env bash
# crash.sh BIN CONTAINERD_SOCKET NAMESPACE IMAGE [ROUNDS]: kills the daemon with SIGKILL at random instants of creates and
# deletes, starts it again, and checks that afterwards nothing is left that was not there before.
#
# Needs root and a network namespace of its own (port 9100, bridge crash0). BIN is the directory of stellar, sctl and
# stellar-cni-ipam; IMAGE must be pullable. SEED makes a run repeatable as far as timing allows.
set -uo pipefail
[ $# -ge 4 ] || { echo "usage: $0 BIN CONTAINERD_SOCKET NAMESPACE IMAGE [ROUNDS]" >&2; exit 2; }
bin=$1 socket=$2 namespace=$3 image=$4 rounds=${5:-50}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/stellar-crash-XXXXXX)
data=$work/data state=$work/state bridge=crash0 address=127.0.0.1:9100
RANDOM=${SEED:=$$}
echo "crash: seed $SEED, $rounds rounds, in $work"
daemon=

start() {
    "$bin/stellar" -D server --bind-addr 127.0.0.1 -p 9100 -n crash -c "$socket" --namespace "$namespace" \
        -d "$data" -s "$state" --bridge "$bridge" >> "$work/log" 2>&1 &
    daemon=$!
    for _ in $(seq 200); do
        "$bin/sctl" -a "$address" apps list > /dev/null 2>&1 && return
        kill -0 $daemon 2> /dev/null || break
        sleep 0.05
    done
    echo "crash: the daemon does not start" >&2
    tail -5 "$work/log" >&2
    exit 1
}
crash() {
    kill -9 $daemon
    wait $daemon 2> /dev/null
}
sctl() { timeout 60 "$bin/sctl" -a "$address" "$@"; }
things() { "$here/leftovers.sh" "$socket" "$namespace" "$data" "$state" "$bridge"; }
finish() {
    sctl apps delete crashapp > /dev/null 2>&1
    kill $daemon 2> /dev/null
    wait $daemon 2> /dev/null
    ip link delete "$bridge" 2> /dev/null
    umount "$state/ns" 2> /dev/null
    [ "${failed:-1}" = 0 ] && rm -rf "$work"
}
trap finish EXIT

cat > "$work/app.json" <<JSON
{"name": "crashapp", "services": [
  {"name": "net", "image": "$image", "process": {"args": ["sleep", "1000"]}, "replicas": 2, "stop_grace_period": "200ms"},
  {"name": "lone", "image": "$image", "process": {"args": ["sleep", "1000"]}, "network": false, "stop_grace_period": "200ms"}
]}
JSON

start
# Once undisturbed: the image is there then, and what a first create makes for good.
sctl apps create -f "$work/app.json" > /dev/null 2> "$work/first" || { cat "$work/first" >&2; exit 1; }
sctl apps delete crashapp > /dev/null || exit 1
things > "$work/before"

failed=0
for ((round = 1; round <= rounds; round++)); do
    # A create takes some hundred milliseconds, a delete too: the instants cover both whole.
    sctl apps create -f "$work/app.json" > "$work/create.log" 2>&1 &
    client=$!
    sleep "0.$(printf '%03d' $((RANDOM % 600)))"
    if ((round % 2)); then
        crash
        wait $client
        start
    else
        wait $client
    fi
    sctl apps delete crashapp > "$work/delete.log" 2>&1 &
    client=$!
    if ((round % 2 == 0)); then
        sleep "0.$(printf '%03d' $((RANDOM % 450)))"
        crash
        wait $client
        start
        # The delete may not have been accepted.
        sctl apps delete crashapp > /dev/null 2>&1
    fi
    wait $client 2> /dev/null
    for _ in $(seq 300); do
        things > "$work/after"
        diff "$work/before" "$work/after" > "$work/diff" && break
        sleep 0.1
    done
    if [ -s "$work/diff" ]; then
        echo "crash: round $round left something:"
        cat "$work/diff"
        failed=1
        break
    fi
    echo "crash: round $round: nothing left"
done
exit $failed
