#!/usr/bin/env bash
# Clusters of daemons on this machine (release), each in a network namespace:
#
#   Benchmarks/cluster.sh [PART...]                 (all: apps, and 3, 30 and 100 for clusters of that many nodes)
#
# apps: three hosts with a containerd each, one app of nine containers, beside three loops of `ctr` at the same time on the
# same containerds. A number: so many nodes without containerd, how long lists take, how fast writes arrive, what all of it
# costs at rest. ROUNDS=5, SECONDS_AT_REST=60.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
bench_setup
lab=${STELLAR_LAB:-}
if [ -z "$lab" ]; then
    build=(swift build --package-path "$root" --product stellar-lab)
    "${build[@]}" > /dev/null
    lab=$("${build[@]}" --show-bin-path)/stellar-lab
fi
directory=$work/lab prefix=slb$$
trap 'lab_down; bench_teardown' EXIT

lab_up() { STELLAR_PROGRAMS=$bin "$lab" up --directory "$directory" --prefix "$prefix" "$@" > "$work/lab.log" || { cat "$work/lab.log" >&2; fail "no cluster"; }; }
lab_down() { "$lab" clean --directory "$directory" --prefix "$prefix" > /dev/null || true; }
ours() { "$bin/sctl" --addr "unix://$directory/0/state/stellar.sock" "$@"; }

# floor NODE up|down: what one of the loops does, in the network and on the containerd of that node.
floor() {
    local netns=${prefix}n$1 i
    local ctr=(ctr --address "$directory/$1/containerd/containerd.sock" --namespace "$prefix-$1")
    for i in 0 1 2; do
        case $2 in
            up) floor_up "bench-$$-$1-$i" "$image" ;;
            down) floor_down "bench-$$-$1-$i" ;;
        esac
    done
}
floors() {
    local i loops=()
    for i in 0 1 2; do
        floor "$i" "$1" &
        loops+=($!)
    done
    wait "${loops[@]}"
}

apps() {
    local rounds=${ROUNDS:-5} round t0 t1 t2 t3 t4
    local floor_up=() ours_up=() floor_down=() ours_down=()
    image=docker.io/library/busybox:latest
    lab_up --nodes 3 --containerd each
    cat > "$work/nine.json" <<END
{"name": "nine", "services": [{"name": "main", "image": "$image", "replicas": 9, "network": true,
    "process": {"args": ["sleep", "1000"]}, "stop_grace_period": "1ms"}]}
END
    for ((round = 0; round <= rounds; round++)); do
        t0=$(now_ms); ours apps create -f "$work/nine.json" 2> /dev/null
        t1=$(now_ms); ours apps delete nine > /dev/null 2>&1
        t2=$(now_ms); floors up
        t3=$(now_ms); floors down
        t4=$(now_ms)
        # The first round brings the image to every node and warms both up.
        [ $round = 0 ] && continue
        ours_up+=($((t1 - t0))) ours_down+=($((t2 - t1))) floor_up+=($((t3 - t2))) floor_down+=($((t4 - t3)))
    done
    report "nine containers on three hosts up" "$(median "${ours_up[@]}")" "$(median "${floor_up[@]}")"
    report "nine containers on three hosts down" "$(median "${ours_down[@]}")" "$(median "${floor_down[@]}")"
    lab_down
}

# size NODES
size() {
    local t0 t1
    t0=$(now_ms)
    lab_up --nodes "$1" --containerd none
    t1=$(now_ms)
    printf '%-52s %9s ms   (of it the namespaces)\n' "$1 nodes: until all answer" "$((t1 - t0))"
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
        *) fail "no part '$part' (apps, or a number of nodes)" ;;
    esac
done
