#!/usr/bin/env bash
# test-demo.sh [FOLDER]: tests the demo with the programs of the folder (.build/debug): checks its output, runs it again, kills
# its daemon, cleans up, and compares the host with its state before.
#
# Runs in namespaces of its own (network, processes, mounts) and under a name of its own: it neither sees nor touches a demo or
# a daemon of this machine.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "test-demo: needs root; run: sudo scripts/test-demo.sh" >&2; exit 1; }

if [ "${1:-}" != --inside ]; then
    export STELLAR_DEMO_NAME=stellar-demo-test-$$ STELLAR_DEMO_BIN=${1:-.build/debug}
    # An interrupted run leaves this folder; its processes and mounts end with the namespaces.
    trap 'rm -rf "/var/lib/$STELLAR_DEMO_NAME"' EXIT
    unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc "$0" --inside
    exit
fi

name=$STELLAR_DEMO_NAME
# Hides the sockets of the machine, with its containerd's.
mount -t tmpfs tmpfs /run
mkdir /run/mount # mount(8) keeps a file there
ip link set lo up
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# check WHAT COMMAND...: prints one line; if the command fails, its output, too.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok    demo: $what"
    else
        echo "FAIL  demo: $what"
        sed 's/^/    /' <<< "$output"
        failures=$((failures + 1))
    fi
}

# Everything that a demo could leave behind, one thing a line.
state() (
    set +e
    for process in /proc/[0-9]*; do
        # Skips the shells of this script, and processes that end at this moment.
        process=$(tr '\0' ' ' < "$process/cmdline" 2> /dev/null) || continue
        case $process in "" | *test-demo.sh* | tr\ *) ;; *) echo "process $process" ;; esac
    done
    awk '{print "mount", $2}' /proc/mounts
    find /run -mindepth 1 | sed 's/^/file /'
    find /var/lib /var/log /tmp /etc/cni -maxdepth 1 -name '*stellar-demo*' 2> /dev/null | grep -vxF "$work" | sed 's/^/file /'
    find /sys/fs/cgroup -name "*$name*" | sed 's/^/cgroup /'
    ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/link \1/'
    ip -o -4 address | awk '{print "address", $2, $4}'
    ip route | sed 's/^/route /'
    nft list ruleset | sed 's/^/nft /'
    sysctl -a 2> /dev/null | grep -E '^net\.(ipv4|bridge)\.' | grep -vE '\.(neigh|tcp_(fastopen_key|.*mem))' | sed 's/^/sysctl /'
)

# demo NAME: runs the demo, with its output in $work/NAME; at a failure, prints it.
demo() {
    local status=0
    scripts/demo.sh > "$work/$1" 2>&1 < /dev/null || status=$?
    [ $status = 0 ] || { cat "$work/$1"; tail -n 50 /var/lib/"$name"/log/*; }
    return $status
}
shows() { grep -qE -- "$2" "$work/$1" || { echo "no line matches: $2"; cat "$work/$1"; return 1; }; }
daemon() { cut -d' ' -f1 "/var/lib/$name/pids/stellar"; }
task() { ctr --address "/run/$name/containerd/containerd.sock" --namespace "$name" tasks ls | awk '$1 == "example.redis.0" {print $2, $3}'; }
clean() { scripts/demo-clean.sh > "$work/clean" 2>&1 || { cat "$work/clean"; return 1; }; }
same() { diff "$1" "$2"; }
# The kernel needs a moment to end killed processes and to remove the links of a network namespace.
leaves_nothing() {
    local end=$((SECONDS + 60))
    while state | sort > "$work/after"; ! same "$work/before" "$work/after" > /dev/null; do
        [ $SECONDS -lt $end ] || { same "$work/before" "$work/after"; return; }
        sleep 0.5
    done
}

state | sort > "$work/before"
check "runs" demo first
check "shows the node" shows first '^NAME +ADDR +OS +UPTIME +CPUS +MEMORY \(USED\)'
check "shows the app" shows first '^example {13}1 '
check "inspects the app" shows first '^  Name: example\.redis$'
check "shows the record" shows first '^example\.redis\.stellar +A +172\.16\.0\.[0-9]+ +nil$'
check "queries the nameserver" shows first '^172\.16\.0\.[0-9]+$'
check "gets the value from redis" shows first "^hello from $(hostname)\$"
check "says how to go on" shows first 'make demo-clean'
task > "$work/task"
check "runs again" demo second
check "is the same container" same "$work/task" <(task)
kill -KILL "$(daemon)"
check "runs again after kill -9 of the daemon" demo third
check "is still the same container" same "$work/task" <(task)
check "keeps the data of redis" shows third "^hello from $(hostname)\$"
check "cleans up" clean
check "cleans up twice" clean
check "says that nothing is left" shows clean 'nothing to remove'
check "leaves nothing" leaves_nothing
[ $failures = 0 ]
