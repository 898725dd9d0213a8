#!/usr/bin/env bash
# demo-clean.sh: removes everything that `make demo` made: app, daemon, containers, network, image, registry, containerd, files
# (`make demo-clean`). Works in any state of the demo, and twice. Installed packages and the build stay.
set -uo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
. scripts/demo-lib.sh
[ "$(id -u)" = 0 ] || fail "needs root; run: sudo make demo-clean"
lock
trap 'rm -f "$lock_file"' EXIT
if [ ! -d "$demo" ] && [ ! -d "$run" ]; then
    echo "demo-clean: nothing to remove"
    exit 0
fi

# Containers outlive their containerd, and only a containerd removes them properly: the demo's starts again for that.
socket=$system_socket
if [ -e "$demo/containerd.toml" ]; then
    socket=$demo_socket
    if ! running containerd > /dev/null; then
        launch containerd containerd --config "$demo/containerd.toml"
        for _ in $(seq 100); do
            ! containerd_answers "$socket" && running containerd > /dev/null || break
            sleep 0.2
        done
    fi
fi
ctr=(ctr --address "$socket" --connect-timeout 2s --namespace "$namespace")

delete_apps() {
    running stellar > /dev/null || return 0
    local app
    for app in $("$bin/sctl" --addr "$api" --output json apps list 2> /dev/null | sed -n 's/^    "name": "\(.*\)",\{0,1\}$/\1/p'); do
        "$bin/sctl" --addr "$api" apps delete "$app" || true
    done
}

# Removes what the daemon left because it was killed.
delete_containers() {
    "${ctr[@]}" version > /dev/null 2>&1 || return 0
    local id digest
    for id in $("${ctr[@]}" tasks ls -q); do
        "${ctr[@]}" tasks kill --signal SIGKILL "$id"
        "${ctr[@]}" tasks delete --force "$id"
    done > /dev/null 2>&1
    for id in $("${ctr[@]}" containers ls -q); do "${ctr[@]}" containers delete "$id"; done
    for id in $("${ctr[@]}" leases ls -q); do "${ctr[@]}" leases delete --sync "$id"; done > /dev/null
    for id in $("${ctr[@]}" images ls -q); do "${ctr[@]}" images delete --sync "$id"; done > /dev/null
    # A snapshot can be deleted only after its children: from the leaves to the root.
    while "${ctr[@]}" snapshots ls | awk 'NR > 1 {print $1}' | grep -q .; do
        local progress=0
        for id in $("${ctr[@]}" snapshots ls | awk 'NR > 1 {print $1}'); do
            "${ctr[@]}" snapshots delete "$id" > /dev/null 2>&1 && progress=1
        done
        [ $progress = 1 ] || break
    done
    for digest in $("${ctr[@]}" content ls -q); do "${ctr[@]}" content delete "$digest"; done > /dev/null
    ctr --address "$socket" namespaces remove "$namespace" > /dev/null 2>&1
}

# Kills what containerd did not remove: shims, and processes in the demo's cgroups.
kill_containers() {
    {
        pgrep -f -- "^[^ ]*containerd-shim[^ ]* .*-namespace $namespace .*-address $socket"
        find /sys/fs/cgroup -path "*/$namespace/*/cgroup.procs" -exec cat {} + 2> /dev/null
    } | sort -u | while read -r id; do kill -KILL "$id" 2> /dev/null; done
}

# Unmounts everything below a directory, the deepest first.
unmount_below() {
    awk '{print $2}' /proc/mounts | grep -E "^$1(/|\$)" | sort -r | while read -r place; do umount -l "$place"; done
}

delete_network() {
    unmount_below "$run"
    # The node's rules are in chains that are named after its bridge.
    local table
    for table in nat filter; do
        iptables-save -t "$table" 2> /dev/null | sed -n "s/^-A \(.* -j STELLAR-$bridge\)\$/\1/p" | while read -r rule; do
            iptables -t "$table" -D $rule
        done
        iptables -t "$table" -F "STELLAR-$bridge" 2> /dev/null && iptables -t "$table" -X "STELLAR-$bridge"
    done
    ip link delete "vx-$bridge" 2> /dev/null
    [ ! -e "$demo/host/bridge" ] || ! ip link show "$bridge" > /dev/null 2>&1 || ip link delete "$bridge"
    # iptables keeps the tables that it made, also empty ones.
    if [ "$(recall nat)" = absent ] && ! iptables-save -t nat 2> /dev/null | grep -q '^-A'; then
        nft delete table ip nat 2> /dev/null
    fi
    if [ "$(recall ip_forward)" = 0 ]; then echo 0 > /proc/sys/net/ipv4/ip_forward; fi
}

delete_apps
stop stellar
delete_containers
kill_containers
delete_network
stop containerd
stop registry
# Empty folders at fixed paths, of the demo's containerd and of the shims.
if [ -e "$demo/containerd.toml" ] && ! containerd_answers "$system_socket"; then
    rm -rf "/run/containerd/runc/$namespace"
    pgrep -f '^[^ ]*containerd-shim' > /dev/null || rm -rf /run/containerd/s
    rmdir /run/containerd/{runc,fifo,s} /run/containerd 2> /dev/null
fi
unmount_below "$demo"
find /sys/fs/cgroup -depth -type d \( -name "$namespace" -o -path "*/$namespace/*" \) -exec rmdir {} + 2> /dev/null
rm -rf "$run" "$demo"
[ ! -d "$run" ] && [ ! -d "$demo" ] || fail "$run or $demo could not be removed"
echo "demo-clean: removed the demo (packages and the build stay)"
