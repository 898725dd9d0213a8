#!/usr/bin/env bash
# leftovers.sh SOCKET NAMESPACE DATA_DIR STATE_DIR [BRIDGE]: everything on this host that a stellar could leave behind,
# one thing a line, sorted. Run it before and after, and compare: `diff before after` is empty when nothing leaked.
#
# Images and their content stay on purpose (they are the cache for the next create), so they are not listed; unfinished
# downloads and leases are. The bridge and its address are the node's own and not listed either; what leads from it to other
# nodes and the world is, and stays the same while the same nodes are there.
set -uo pipefail
[ $# -ge 4 ] || { echo "usage: $0 CONTAINERD_SOCKET NAMESPACE DATA_DIR STATE_DIR [BRIDGE]" >&2; exit 2; }
socket=$1 namespace=$2 data=$3 state=$4 bridge=${5:-stellar0}

ctr=(ctr --address "$socket" --namespace "$namespace")
each() { awk -v what="$1" 'NF {print what ": " $0}'; }

"${ctr[@]}" version > /dev/null 2>&1 || { echo "$0: no containerd answers at $socket" >&2; exit 1; }
{
    "${ctr[@]}" containers ls -q | each container
    "${ctr[@]}" tasks ls -q | each task
    # Committed snapshots are image layers; what is active belongs to a container or to a broken pull.
    "${ctr[@]}" snapshots ls | awk 'NR > 1 && $NF != "Committed" {print $1}' | each snapshot
    "${ctr[@]}" leases ls -q | each lease
    "${ctr[@]}" content active 2> /dev/null | awk 'NR > 1 {print $1}' | each ingest
    pgrep -af -- "containerd-shim.* -namespace $namespace .*-address $socket" | awk '{print $1}' | each shim

    find "$state" -mindepth 1 \( -type f -o -type s \) 2> /dev/null | grep -vE '/(stellar\.sock|lock)$' | each file
    find "$data/containers" "$data/tmp" -mindepth 1 2> /dev/null | each file
    awk '{print $2}' /proc/mounts | grep -E "^($data|$state)(/|\$)" | each mount

    ip -o link show 2> /dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/' | grep -E '^veth' | each link
    ip -o -4 address show 2> /dev/null | awk '{print $2, $4}' | grep -vE "^(lo|$bridge) " | each address
    # The node's rules are in chains of its bridge's name; where the CNI bridge plugin made some for a container, they are in
    # CNI-... chains.
    iptables-save 2> /dev/null | awk '/^\*/ {table = substr($0, 2)} /^[:-]/ {print table, $0}' |
        grep -E "CNI-|[ :]STELLAR-$bridge( |\$)" | sed -E 's/ \[[0-9]+:[0-9]+\]//' | each iptables

    # Ours have the number 83 and the gateway as their source; when that address goes, the kernel takes them along.
    gateway=$(ip -o -4 address show dev "$bridge" 2> /dev/null | awk '{sub("/.*", "", $4); print $4; exit}')
    ip -4 route show proto 83 2> /dev/null | grep -F " src ${gateway:-none} " | each route
    # Named after the bridge, in 15 bytes.
    tunnel=vx-${bridge:0:12}
    if ip link show "$tunnel" > /dev/null 2>&1; then
        echo "$tunnel" | each tunnel
        bridge fdb show dev "$tunnel" | grep -F " dst " | each forwarding
        ip -4 neighbour show dev "$tunnel" nud permanent | each neighbour
    fi

    if [ -f "$data/stellar.db" ] && command -v sqlite3 > /dev/null; then
        sqlite3 "$data/stellar.db" "select bucket || '/' || key from buckets where bucket = 'stellar.v1.services.network' and key like 'ips.%'" 2> /dev/null | each ip
        sqlite3 "$data/stellar.db" "select count(*) from journal having count(*) > 0" 2> /dev/null | each journal
    fi
} | sort
