#!/usr/bin/env bash
# create.sh [ROUNDS]: measures how long one networked container takes until its process runs, and ten at once (9 rounds):
# `sctl apps create` beside the raw floor, which is the same steps by hand (network namespace, CNI bridge plugin with
# host-local, `ctr run -d`). Both take turns, so that they see the same load of the machine.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
rounds=${1:-9}
bench_setup
start_containerd
start_registry
image=127.0.0.1:5000/bench/redis:latest
inside "$root/scripts/make-image.sh" "$image" > /dev/null
inside "${ctr[@]}" images pull --plain-http "$image" > /dev/null
start_stellar

app() { # app NAME SERVICES
    local i services=""
    for ((i = 0; i < $2; i++)); do
        services+="${services:+,}{\"name\":\"s$i\",\"image\":\"$image\",\"process\":{\"args\":[\"sleep\",\"1000\"]},\"network\":true,\"stop_grace_period\":\"1ms\"}"
    done
    echo "{\"name\":\"$1\",\"services\":[$services]}"
}
app one 1 > "$work/one.json"
app ten 10 > "$work/ten.json"

floor_one=() ours_one=() floor_ten=() ours_ten=() ours_down=() floor_downs=()
for ((round = 0; round <= rounds; round++)); do
    t0=$(now_ms); floor_up "${floors}f" "$image"; t1=$(now_ms)
    quietly inside "$bin/sctl" apps create -f "$work/one.json"; t2=$(now_ms)
    floor_down "${floors}f"; t3=$(now_ms)
    inside "$bin/sctl" apps delete one > /dev/null; t4=$(now_ms)
    # The first round warms both up.
    [ $round = 0 ] && continue
    floor_one+=($((t1 - t0))) ours_one+=($((t2 - t1))) floor_downs+=($((t3 - t2))) ours_down+=($((t4 - t3)))
done
for ((round = 0; round < (rounds + 1) / 2; round++)); do
    t0=$(now_ms)
    ups=()
    for i in $(seq 10); do floor_up "$floors$i" "$image" & ups+=($!); done
    wait "${ups[@]}"
    t1=$(now_ms)
    quietly inside "$bin/sctl" apps create -f "$work/ten.json"
    t2=$(now_ms)
    for i in $(seq 10); do floor_down "$floors$i"; done
    inside "$bin/sctl" apps delete ten > /dev/null
    floor_ten+=($((t1 - t0))) ours_ten+=($((t2 - t1)))
done

report "one networked container up" "$(median "${ours_one[@]}")" "$(median "${floor_one[@]}")"
report "one networked container down" "$(median "${ours_down[@]}")" "$(median "${floor_downs[@]}")"
report "ten services of one app up" "$(median "${ours_ten[@]}")" "$(median "${floor_ten[@]}")"
