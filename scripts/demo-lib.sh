# Names and helpers of demo.sh and demo-clean.sh. Sourced, not run.
#
# The demo keeps all its files in two directories:
#   /var/lib/stellar-demo   data of containerd and the daemon, the registry, logs, process ids, former settings of the host
#   /run/stellar-demo       sockets and network namespaces
#
# For the test of the demo: STELLAR_DEMO_NAME replaces `stellar-demo` in these two and in containerd. STELLAR_DEMO_BIN is a
# folder with the three programs, to use instead of building them.

namespace=${STELLAR_DEMO_NAME:-stellar-demo}
bin=${STELLAR_DEMO_BIN:-bin}
demo=/var/lib/$namespace
run=/run/$namespace
bridge=stellar0
node=127.0.0.1
api=$node:9000
system_socket=/run/containerd/containerd.sock
demo_socket=$run/containerd/containerd.sock

fail() { echo "demo: $*" >&2; exit 1; }

step() { printf '\n== %s\n' "$*"; }

# remember NAME VALUE / recall NAME: a setting of the host before the demo, for demo-clean.
remember() { [ -e "$demo/host/$1" ] || printf '%s\n' "$2" > "$demo/host/$1"; }
recall() { cat "$demo/host/$1" 2> /dev/null; }

# start_time ID: identifies a process together with its id, which another process can have after a reboot. A zombie has no
# start time.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | awk '$1 != "Z" {print $20}'; }

# running NAME: prints the id of the process that `launch` started, if it still runs.
running() {
    local id start
    read -r id start 2> /dev/null < "$demo/pids/$1" || return 1
    [ -n "$start" ] && [ "$(start_time "$id")" = "$start" ] && echo "$id"
}

# One demo or demo-clean at a time: two would stop each other's daemon. demo-clean removes the file.
lock_file=$run.lock
lock() {
    exec 8> "$lock_file"
    flock -n 8 || fail "another make demo or make demo-clean is running; wait until it ends"
}

# launch NAME COMMAND...: runs the command in the background, with its output in log/NAME. Ctrl-C does not end it.
launch() {
    local name=$1 id
    shift
    setsid "$@" > "$demo/log/$name" 2>&1 < /dev/null 8>&- &
    id=$!
    echo "$id $(start_time "$id")" > "$demo/pids/$name"
}

# stop NAME: SIGTERM, ten seconds, SIGKILL.
stop() {
    local id
    if id=$(running "$1"); then
        kill "$id" 2> /dev/null || true
        for _ in $(seq 100); do
            running "$1" > /dev/null || break
            sleep 0.1
        done
        if running "$1" > /dev/null; then kill -KILL "$id" 2> /dev/null || true; fi
    fi
    rm -f "$demo/pids/$1"
}

# await NAME COMMAND...: runs the command until it succeeds, which shows that the process NAME of `launch` is up. The limit
# of a minute is for a busy machine.
await() {
    local name=$1 deadline=$((SECONDS + 60))
    shift
    while [ $SECONDS -lt $deadline ]; do
        if "$@" > /dev/null 2>&1; then return 0; fi
        running "$name" > /dev/null || fail_with_log "$name" "$name ended"
        sleep 0.2
    done
    fail_with_log "$name" "$name did not start within a minute"
}

fail_with_log() { # fail_with_log NAME MESSAGE
    tail -n 10 "$demo/log/$1" >&2
    fail "$2; its last lines are above, all of them in $demo/log/$1"
}

containerd_answers() { ctr --address "$1" --connect-timeout 2s version > /dev/null 2>&1; }
registry_answers() { curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$1/v2/"; }
port_taken() { ss -Hltn "sport = :$1" 2> /dev/null | grep -q .; }
