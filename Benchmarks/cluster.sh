#!/usr/bin/env bash
# cluster.sh [PART...]: measures clusters of daemons (release) on this machine, each in a network namespace.
#
#   apps        three hosts with a containerd each: one app of nine containers, beside three loops of `ctr` at the same time
#               on the same containerds (ROUNDS=5)
#   a number    a cluster of that many nodes without containerd: how long lists take, how fast writes spread, and memory, CPU
#               and traffic at rest (SECONDS_AT_REST=60)
#
# Without a PART: apps, 3, 30 and 100. STELLAR_LAB: a built stellar-lab.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
bench_setup
lab=${STELLAR_LAB:-}
loops=()
directory=$work/lab prefix=slb$$
# At a failure or Ctrl-C, too: nothing of the cluster and of the loops stays.
trap 'clean_up' EXIT

clean_up() {
    local loop
    for loop in "${loops[@]}"; do kill "$loop" 2> /dev/null || true; done
    [ ${#loops[@]} = 0 ] || wait "${loops[@]}" 2> /dev/null || true
    lab_down
    bench_teardown
}

if [ -z "$lab" ]; then
    build=(swift build --package-path "$root" --product stellar-lab)
    quietly "${build[@]}" || fail "cannot build stellar-lab"
    lab=$("${build[@]}" --show-bin-path 2> /dev/null)/stellar-lab
fi

lab_up() {
    STELLAR_PROGRAMS=$bin "$lab" up --directory "$directory" --prefix "$prefix" "$@" > "$work/lab.log" 2>&1 ||
        { cat "$work/lab.log" >&2; fail "cannot start the cluster"; }
}
lab_down() { [ -z "$lab" ] || "$lab" clean --directory "$directory" --prefix "$prefix" > /dev/null || true; }
ours() { "$bin/sctl" --addr "unix://$directory/0/state/stellar.sock" "$@"; }
# checked ROUND COMMAND...: ends the benchmark with the output of the command if it fails.
checked() {
    local round=$1
    shift
    quietly "$@" || fail "round $round failed: ${*:2}"
}

# floor NODE up|down: one loop, in the network and on the containerd of that node.
floor() {
    local netns=${prefix}n$1 i
    local ctr=(ctr --address "$directory/$1/containerd/containerd.sock" --namespace "$prefix-$1")
    for i in 0 1 2; do
        case $2 in
            up) floor_up "$floors$1-$i" "$image" ;;
            down) floor_down "$floors$1-$i" ;;
        esac
    done
}
# all_floors up|down ROUND: the three loops at the same time.
all_floors() {
    local i loop failed=0
    loops=()
    for i in 0 1 2; do
        floor "$i" "$1" &
        loops+=($!)
    done
    for loop in "${loops[@]}"; do wait "$loop" || failed=1; done
    loops=()
    [ $failed = 0 ] || fail "round $2 failed: a loop of ctr ($1); its error is above"
}
# Whether all nine containers run, as node 0 lists them.
nine_run() { ours apps list | grep -qE '^nine +9 +running '; }

apps() {
    local rounds=${ROUNDS:-5} round t0 t1 t2 t3 t4 t5
    local floor_up=() ours_up=() floor_down=() ours_down=()
    image=docker.io/library/busybox:latest
    lab_up --nodes 3 --containerd each
    cat > "$work/nine.json" <<END
{"name": "nine", "services": [{"name": "main", "image": "$image", "replicas": 9, "network": true,
    "process": {"args": ["sleep", "1000"]}, "stop_grace_period": "1ms"}]}
END
    for ((round = 0; round <= rounds; round++)); do
        t0=$(now_ms); checked $round ours apps create -f "$work/nine.json"
        t1=$(now_ms)
        # A create that succeeds can still name replicas that wait for a node: such a round does not count.
        nine_run || { ours why nine >&2 || true; fail "round $round failed: not all nine containers run; the reasons are above"; }
        t2=$(now_ms); checked $round ours apps delete nine
        t3=$(now_ms); all_floors up $round
        t4=$(now_ms); all_floors down $round
        t5=$(now_ms)
        # The first round warms both up, and pulls the image on every node.
        [ $round = 0 ] && continue
        ours_up+=($((t1 - t0))) ours_down+=($((t3 - t2))) floor_up+=($((t4 - t3))) floor_down+=($((t5 - t4)))
    done
    report "nine containers on three hosts up" "$(median "${ours_up[@]}")" "$(median "${floor_up[@]}")"
    report "nine containers on three hosts down" "$(median "${ours_down[@]}")" "$(median "${floor_down[@]}")"
    lab_down
}

# size NODES: a cluster of that many nodes without containerd.
size() {
    local t0 t1
    t0=$(now_ms)
    lab_up --nodes "$1" --containerd none
    t1=$(now_ms)
    printf '%-52s %9s ms   (of it the namespaces)\n' "$1 nodes: until all respond" "$((t1 - t0))"
    /usr/bin/python3 "$root/Benchmarks/cluster_bench.py" lists "$directory" "$bin/sctl"
    /usr/bin/python3 "$root/Benchmarks/cluster_bench.py" rest "$directory" "${prefix}hub" "${SECONDS_AT_REST:-60}"
    /usr/bin/python3 "$root/Benchmarks/cluster_bench.py" writes "$directory" "$root/Protos" 9
    lab_down
}

[ $# -gt 0 ] || set -- apps 3 30 100
for part in "$@"; do
    case $part in
        apps) apps ;;
        [0-9]*) size "$part" ;;
        *) fail "unknown part '$part'; a part is apps, or a number of nodes" ;;
    esac
done
