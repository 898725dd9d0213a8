#!/usr/bin/env bash
# packages.sh SET...: installs the Debian packages of the sets (build, run, demo, test, bench) that are missing.
#
# Nothing is done, and apt is not asked, when all of them are there. Services that a package would start by itself
# (a redis, a registry) are kept from starting: whoever needs one starts their own.
set -euo pipefail

build="pkg-config libcurl4-openssl-dev libnghttp2-dev libseccomp-dev libsqlite3-dev libssl-dev"
run="ca-certificates containerd containernetworking-plugins iproute2 iptables procps runc"
demo="busybox-static curl dnsutils docker-registry redis-server redis-tools"
test="$demo nghttp2-client openssl python3 python3-grpcio python3-grpc-tools sqlite3 zstd"
bench="$test"

fail() { echo "packages: $*" >&2; exit 1; }

wanted=""
for set in "$@"; do
    case $set in
        build) wanted+=" $build" ;;
        run) wanted+=" $run" ;;
        demo) wanted+=" $demo" ;;
        test) wanted+=" $test" ;;
        bench) wanted+=" $bench" ;;
        *) fail "no set '$set' (build, run, demo, test, bench)" ;;
    esac
done

missing=""
for package in $(tr ' ' '\n' <<< "$wanted" | sort -u); do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=" $package"
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
{ apt-get update && apt-get install -y --no-install-recommends $missing; } > "$log" 2>&1 ||
    { tail -n 20 "$log" >&2; fail "apt-get could not install:$missing (its whole output: $log)"; }
rm -f "$log"
