#!/usr/bin/env bash
# leftovers.sh SOCKET NAMESPACE DATA_DIR STATE_DIR [BRIDGE]: lists everything on this host that a daemon could leave behind,
# one thing a line, sorted. Run it before and after, and compare: `diff before after` is empty if nothing leaked.
#
# Images and their content stay on purpose (they are the cache for the next create) and are not listed; unfinished downloads
# and leases are. The bridge and its address belong to the node and are not listed. Routes, tunnels and firewall rules are
# listed; they stay the same while the cluster has the same nodes.
set -uo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
[ $# -ge 4 ] || { echo "usage: $0 CONTAINERD_SOCKET NAMESPACE DATA_DIR STATE_DIR [BRIDGE]" >&2; exit 2; }
socket=$1 namespace=$2 data=$3 state=$4 bridge=${5:-stellar0}

ctr=(ctr --address "$socket" --namespace "$namespace")
each() { awk -v what="$1" 'NF {print what ": " $0}'; }

"${ctr[@]}" version > /dev/null 2>&1 || { echo "$0: no response from containerd at $socket" >&2; exit 1; }
{
    "${ctr[@]}" containers ls -q | each container
    "${ctr[@]}" tasks ls -q | each task
    # A committed snapshot is an image layer; an active one belongs to a container or to a pull that broke off.
    "${ctr[@]}" snapshots ls | awk 'NR > 1 && $NF != "Committed" {print $1}' | each snapshot
    "${ctr[@]}" leases ls -q | each lease
    "${ctr[@]}" content active 2> /dev/null | awk 'NR > 1 {print $1}' | each ingest
    pgrep -af -- "containerd-shim.* -namespace $namespace .*-address $socket" | awk '{print $1}' | each shim

    find "$state" -mindepth 1 \( -type f -o -type s \) 2> /dev/null | grep -vE '/(stellar\.sock|lock)$' | each file
    find "$data/containers" "$data/tmp" -mindepth 1 2> /dev/null | each file
    awk '{print $2}' /proc/mounts | grep -E "^($data|$state)(/|\$)" | each mount

    ip -o link show 2> /dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/' | grep -E '^veth' | each link
    ip -o -4 address show 2> /dev/null | awk '{print $2, $4}' | grep -vE "^(lo|$bridge) " | each address
    # The node's rules are in chains that are named after its bridge. Rules that the CNI bridge plugin made for a container
    # are in CNI-... chains.
    iptables-save 2> /dev/null | awk '/^\*/ {table = substr($0, 2)} /^[:-]/ {print table, $0}' |
        grep -E "CNI-|[ :]STELLAR-$bridge( |\$)" | sed -E 's/ \[[0-9]+:[0-9]+\]//' | each iptables

    # The daemon's routes have protocol 83 and the gateway as their source; the kernel removes them with that address.
    gateway=$(ip -o -4 address show dev "$bridge" 2> /dev/null | awk '{sub("/.*", "", $4); print $4; exit}')
    ip -4 route show proto 83 2> /dev/null | grep -F " src ${gateway:-none} " | each route
    # The tunnel is named after the bridge; an interface name has at most 15 bytes.
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
