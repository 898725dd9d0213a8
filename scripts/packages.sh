#!/usr/bin/env bash
# packages.sh SET...: installs the missing Debian packages of the sets (build, run, demo, test, bench).
#
# Does nothing, and does not run apt, if all of them are installed. Services of the packages (redis, a registry, Serf) do not
# start, neither now nor at the next boot: the demo and the tests start their own.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."

# First the packages that the Swift toolchain needs to start and to link, then the C libraries.
build="binutils ca-certificates git libc6-dev libncurses6 libstdc++-12-dev libuuid1 libxml2 zlib1g
    libcurl4-openssl-dev libnghttp2-dev libseccomp-dev libsqlite3-dev libssl-dev pkg-config"
run="ca-certificates containerd containernetworking-plugins iproute2 iptables procps runc"
demo="busybox-static curl dnsutils docker-registry nftables redis-server redis-tools"
test="$demo fish golang-github-hashicorp-memberlist-dev golang-go nghttp2-client openssl python3 python3-grpcio
    python3-grpc-tools python3-pkg-resources serf sqlite3 zsh zstd"
bench="$test iperf3"
# Packages that Debian starts as services.
services="docker-registry redis-server serf"

fail() { echo "packages: $*" >&2; exit 1; }

wanted=""
for set in "$@"; do
    case $set in
        # apt does not have Swift: report that first, not after everything else is installed.
        build) scripts/swift-version.sh --there; wanted+=" $build" ;;
        run) wanted+=" $run" ;;
        demo) wanted+=" $demo" ;;
        test) wanted+=" $test" ;;
        bench) wanted+=" $bench" ;;
        *) fail "unknown set '$set'; the sets are build, run, demo, test and bench" ;;
    esac
done

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

missing=""
for package in $(printf '%s\n' $wanted | sort -u); do
    is_installed "$package" || missing+=" $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get > /dev/null || fail "cannot install packages: this machine has no apt-get; install by hand:$missing"
[ "$(id -u)" = 0 ] || fail "needs root to install:$missing; run: sudo apt-get install$missing"

# Debian starts no services during an installation if policy-rc.d exits with 101.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi

echo "packages: installing$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# A run that was interrupted (Ctrl-C) leaves packages unpacked; on a new machine another apt may be running.
install() {
    dpkg --configure -a &&
        apt-get update -o Acquire::Retries=2 -o Acquire::http::Timeout=20 &&
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 $missing
}
if ! install > "$log" 2>&1; then
    if grep -qE 'Temporary failure resolving|Could not connect|Network is unreachable|[Cc]onnection (failed|timed out)' "$log"; then
        fail "cannot reach Debian's servers to install:$missing; check the network of this machine"
    fi
    grep -E '^(E|W|dpkg):' "$log" | sort -u | tail -n 10 >&2
    fail "apt-get failed to install:$missing; its output is in $log"
fi
rm -f "$log"
for service in $services; do
    case " $missing " in *" $service "*) systemctl disable "$service" > /dev/null 2>&1 || true ;; esac
done
