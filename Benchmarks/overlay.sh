#!/usr/bin/env bash
# overlay.sh [ROUNDS [SECONDS]]: measures TCP throughput from a container on one host to a container on another (5 rounds of 5
# seconds), through the overlays `routes` and `vxlan`, each in turn with the same network made by hand: static routes, or a
# VXLAN device between the two hosts.
#
# Hosts and containers are network namespaces on one bridge. The daemons run without containerd: the script makes all
# containers in the same way, so that only the route between the hosts differs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
rounds=${1:-5}
seconds=${2:-5}
command -v iperf3 > /dev/null || fail "iperf3 is not installed; run: scripts/packages.sh bench"
bench_setup
names=()

cleanup() {
    bench_teardown
    for name in "${names[@]}"; do ip netns delete "$name" 2> /dev/null; done
}
trap cleanup EXIT

# add_netns NAME: makes a network namespace, which is removed at exit.
add_netns() {
    ip netns add "$1"
    names+=("$1")
    ip -n "$1" link set lo up
}

# in_ns NAME COMMAND...
in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

p=slb$$
add_netns "$p-hub"
ip -n "$p-hub" link add hub type bridge
ip -n "$p-hub" link set hub up

# add_host NUMBER: makes a host at 10.79.0.NUMBER.
add_host() {
    local host=$p-h$1
    add_netns "$host"
    ip -n "$p-hub" link add "p$1" type veth peer eth0 netns "$host"
    ip -n "$p-hub" link set "p$1" master hub up
    ip -n "$host" address add "10.79.0.$1/24" dev eth0
    ip -n "$host" link set eth0 up
}

# add_container NUMBER SUBNET MTU: makes a container on the host's bridge, at the second address of the subnet.
add_container() {
    local host=$p-h$1 container=$p-c$1 base=${2%.*}
    add_netns "$container"
    ip -n "$host" link add c type veth peer eth0 netns "$container"
    ip -n "$host" link set c mtu "$3" master stellar0 up
    ip -n "$container" link set eth0 mtu "$3" up
    ip -n "$container" address add "$base.2/22" dev eth0
    ip -n "$container" route add default via "$base.1"
}

# by_hand NUMBER SUBNET PEER PEER_SUBNET KIND: sets up the host as an operator would.
by_hand() {
    local host=$p-h$1
    ip -n "$host" link add stellar0 type bridge
    ip -n "$host" address add "${2%.*}.1/22" dev stellar0
    ip -n "$host" link set stellar0 up
    in_ns "$host" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    in_ns "$host" iptables -t nat -A POSTROUTING -s "$2" ! -d 172.16.0.0/12 -j MASQUERADE
    if [ "$5" = routes ]; then
        ip -n "$host" route add "$4" via "10.79.0.$3"
    else
        ip -n "$host" link add vx type vxlan id 42 dstport 4789 local "10.79.0.$1" remote "10.79.0.$3" dev eth0
        ip -n "$host" address add "192.168.42.$1/24" dev vx
        ip -n "$host" link set vx up
        ip -n "$host" route add "$4" via "192.168.42.$3"
    fi
}

# ours NUMBER KIND FLAG...: starts a daemon on the host and stores its subnet in subnet_of[NUMBER].
declare -A subnet_of
ours() {
    local host=$p-h$1 kind=$2 dir=$work/$1
    shift 2
    mkdir -p "$dir"
    (exec nsenter --net="/run/netns/$host" -- env PATH="$bin:$PATH" "$bin/stellar" server --node-name "$host" \
        --bind-addr "10.79.0.${host##*h}" --overlay "$kind" --data-dir "$dir/data" --state-dir "$dir/state" \
        --containerd-addr "$dir/none.sock" "$@") > "$work/$host.log" 2>&1 &
    pids+=($!)
    local held=""
    for _ in $(seq 400); do
        held=$("$bin/sctl" --addr "unix://$dir/state/stellar.sock" network list 2> /dev/null |
            awk -v h="$host" '$2 == h && $3 == "held" {print $1}' || true)
        [ -n "$held" ] && ip -n "$host" address show stellar0 2> /dev/null | grep -q inet && break
        sleep 0.1
    done
    [ -n "$held" ] || { tail "$work/$host.log" >&2; fail "$host has no subnet; the end of its log is above"; }
    subnet_of[${host##*h}]=$held
}

# throughput FROM TO: Gbit/s between the containers of two hosts.
throughput() {
    local address server
    address=$(ip -n "$p-c$2" -4 -o address show dev eth0 | awk '{split($4, a, "/"); print a[1]}')
    in_ns "$p-c$2" iperf3 --server --one-off > /dev/null 2>&1 &
    server=$!
    for _ in $(seq 100); do in_ns "$p-c$2" ss -Hltn 'sport = :5201' | grep -q . && break; sleep 0.05; done
    in_ns "$p-c$1" iperf3 --client "$address" --time "$seconds" --omit 1 --json |
        awk -F: '/"sum_received"/ {seen = 1} seen && /"bits_per_second"/ {printf "%.3f\n", $2 / 1e9; exit}'
    wait $server 2> /dev/null || true
}

next=1
for kind in routes vxlan; do
    a=$next b=$((next + 1)) c=$((next + 2)) d=$((next + 3))
    next=$((next + 4))
    mtu=1500
    [ $kind = routes ] || mtu=1450
    for number in $a $b $c $d; do add_host "$number"; done
    ours "$a" $kind
    ours "$b" $kind --peer "10.79.0.$a"
    by_hand "$c" 172.16.100.0/22 "$d" 172.16.104.0/22 $kind
    by_hand "$d" 172.16.104.0/22 "$c" 172.16.100.0/22 $kind
    add_container "$a" "${subnet_of[$a]}" $mtu
    add_container "$b" "${subnet_of[$b]}" $mtu
    add_container "$c" 172.16.100.0/22 $mtu
    add_container "$d" 172.16.104.0/22 $mtu
    for number in $b $d; do
        from=$([ "$number" = "$b" ] && echo "$a" || echo "$c")
        address=$(ip -n "$p-c$number" -4 -o address show dev eth0 | awk '{split($4, a, "/"); print a[1]}')
        for _ in $(seq 100); do in_ns "$p-c$from" busybox ping -c 1 -W 1 "$address" > /dev/null && break; sleep 0.2; done
    done
    mine=() hand=()
    throughput "$a" "$b" > /dev/null
    throughput "$c" "$d" > /dev/null
    for _ in $(seq "$rounds"); do
        mine+=("$(throughput "$a" "$b")")
        hand+=("$(throughput "$c" "$d")")
    done
    m=$(median "${mine[@]}") h=$(median "${hand[@]}")
    printf '%-44s %8.2f Gbit/s  by hand %.2f   ratio %s (goal: at least 0.98)\n' "overlay $kind, container to container" \
        "$m" "$h" "$(ratio "$m" "$h")"
done
