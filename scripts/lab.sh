#!/usr/bin/env bash
# lab.sh up [NODES] | clean: a cluster of several hosts on this machine, for hands-on use with sctl. `make lab N=3` builds
# what is needed, takes an earlier lab away and leaves the new one up; `make lab-clean` takes it away, from any state.
#
# LAB_FLAGS are given to every `stellar server`, LAB_CONTAINERD is each (one per host, the default), shared or none.
# STELLAR_PROGRAMS names a folder with the three programs to use instead of those of the debug build.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "lab: $*" >&2; exit 1; }
[ "$(uname -s)" = Linux ] || fail "this needs Linux"
[ "$(id -u)" = 0 ] || fail "network namespaces and containers need root; run: sudo make lab"

# One at a time: two would take each other's hosts away.
exec 8> /run/stellar-lab.lock
flock -n 8 || fail "another make lab or make lab-clean is at work"

case ${1:-} in
    up)
        [[ ${2:-3} =~ ^[0-9]+$ ]] || fail "N is the number of nodes, not '$2'"
        scripts/packages.sh build run demo
        scripts/swift-version.sh
        for product in stellar sctl stellar-cni-ipam stellar-lab; do
            [ "$product" = stellar-lab ] || [ -z "${STELLAR_PROGRAMS:-}" ] || continue
            swift build --product "$product" 8>&-
        done
        # shellcheck disable=SC2086
        .build/debug/stellar-lab up --nodes "${2:-3}" --containerd "${LAB_CONTAINERD:-each}" ${LAB_FLAGS:-} 8>&-
        printf '\nmake lab-clean takes all of it away.\n'
        ;;
    clean)
        [ -x .build/debug/stellar-lab ] || swift build --product stellar-lab 8>&-
        .build/debug/stellar-lab clean 8>&-
        rm -f /run/stellar-lab.lock
        ;;
    *) fail "usage: scripts/lab.sh up [NODES] | clean" ;;
esac
