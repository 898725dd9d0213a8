#!/usr/bin/env bash
# lab.sh up [NODES]: builds the programs (debug) and starts a cluster of several hosts on this machine, for hands-on use with
# sctl (`make lab N=3`). Removes an earlier lab first.
# lab.sh clean: removes the lab, whatever state it is in (`make lab-clean`).
#
# LAB_FLAGS: flags of every `stellar server`
# LAB_CONTAINERD: each (one containerd per host, the default), shared or none
# STELLAR_PROGRAMS: a folder with the three programs, to use instead of the debug build
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."

fail() { echo "lab: $*" >&2; exit 1; }
[ "$(uname -s)" = Linux ] || fail "this needs Linux"
[ "$(id -u)" = 0 ] || fail "network namespaces and containers need root; run: sudo make lab"

# One at a time: two would remove each other's hosts.
exec 8> /run/stellar-lab.lock
flock -n 8 || fail "another make lab or make lab-clean is running; wait until it ends"

case ${1:-} in
    up)
        [[ ${2:-3} =~ ^[0-9]+$ ]] || fail "N must be a number of nodes, not '$2'"
        scripts/packages.sh build run demo
        scripts/swift-version.sh
        for product in stellar sctl stellar-cni-ipam stellar-lab; do
            [ "$product" = stellar-lab ] || [ -z "${STELLAR_PROGRAMS:-}" ] || continue
            swift build --product "$product" 8>&-
        done
        # shellcheck disable=SC2086
        .build/debug/stellar-lab up --nodes "${2:-3}" --containerd "${LAB_CONTAINERD:-each}" ${LAB_FLAGS:-} 8>&-
        printf '\nmake lab-clean removes the lab.\n'
        ;;
    clean)
        [ -x .build/debug/stellar-lab ] || swift build --product stellar-lab 8>&-
        .build/debug/stellar-lab clean 8>&-
        rm -f /run/stellar-lab.lock
        ;;
    *) fail "usage: scripts/lab.sh up [NODES] | clean" ;;
esac
