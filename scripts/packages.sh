#!/usr/bin/env bash
# packages.sh SET...: installs the Debian packages of the sets (build, run, demo, test, bench) that are missing.
#
# Nothing is done, and apt is not asked, when all of them are there. Services that a package would start by itself
# (a redis, a registry) are kept from it, now and at the next boot: whoever needs one starts their own.
set -euo pipefail
cd "$(dirname "$0")/.."

# First what the Swift toolchain itself needs to start and to link, then our C libraries.
build="binutils ca-certificates git libc6-dev libncurses6 libstdc++-12-dev libuuid1 libxml2 zlib1g
    libcurl4-openssl-dev libnghttp2-dev libseccomp-dev libsqlite3-dev libssl-dev pkg-config"
run="ca-certificates containerd containernetworking-plugins iproute2 iptables procps runc"
demo="busybox-static curl dnsutils docker-registry nftables redis-server redis-tools"
test="$demo fish golang-github-hashicorp-memberlist-dev golang-go nghttp2-client openssl python3 python3-grpcio
    python3-grpc-tools python3-pkg-resources serf sqlite3 zsh zstd"
bench="$test iperf3"
# Of these, the ones that Debian starts as services that nobody here asked for.
uninvited="docker-registry redis-server serf"

fail() { echo "packages: $*" >&2; exit 1; }

wanted=""
for set in "$@"; do
    case $set in
        # The one thing that apt does not have: said first, not after everything else was installed.
        build) scripts/swift-version.sh --there; wanted+=" $build" ;;
        run) wanted+=" $run" ;;
        demo) wanted+=" $demo" ;;
        test) wanted+=" $test" ;;
        bench) wanted+=" $bench" ;;
        *) fail "no set '$set' (build, run, demo, test, bench)" ;;
    esac
done

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

missing=""
for package in $(printf '%s\n' $wanted | sort -u); do
    is_installed "$package" || missing+=" $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get > /dev/null || fail "this is not Debian (no apt-get); install by hand:$missing"
[ "$(id -u)" = 0 ] || fail "root is needed to install:$missing (run: sudo apt-get install$missing)"

# policy-rc.d is how Debian is told not to start services while installing.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi

echo "packages: installing$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# A run that was stopped in the middle (Ctrl-C) leaves packages unpacked; on a new machine another apt may be at work.
install() {
    dpkg --configure -a &&
        apt-get update -o Acquire::Retries=2 -o Acquire::http::Timeout=20 &&
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 $missing
}
if ! install > "$log" 2>&1; then
    if grep -qE 'Temporary failure resolving|Could not connect|Network is unreachable|[Cc]onnection (failed|timed out)' "$log"; then
        fail "Debian's servers cannot be reached (is this machine connected?), and this is missing:$missing"
    fi
    grep -E '^(E|W|dpkg):' "$log" | sort -u | tail -n 10 >&2
    fail "apt-get could not install:$missing (its whole output: $log)"
fi
rm -f "$log"
for service in $uninvited; do
    case " $missing " in *" $service "*) systemctl disable "$service" > /dev/null 2>&1 || true ;; esac
done
