# Names and helpers that demo.sh and demo-clean.sh share. Sourced, not run.
#
# Everything of the demo is in two directories, so that nothing of it can be mistaken for somebody else's:
#   /var/lib/stellar-demo   containerd's and the daemon's data, the registry, logs, process ids, what the host was like
#   /run/stellar-demo       sockets and network namespaces

demo=/var/lib/stellar-demo
run=/run/stellar-demo
namespace=stellar-demo
bridge=stellar0
node=127.0.0.1
api=$node:9000
system_socket=/run/containerd/containerd.sock
demo_socket=$run/containerd/containerd.sock

fail() { echo "demo: $*" >&2; exit 1; }

step() { printf '\n== %s\n' "$*"; }

# remember NAME VALUE / recall NAME: what the host was like, for demo-clean.
remember() { [ -e "$demo/host/$1" ] || printf '%s\n' "$2" > "$demo/host/$1"; }
recall() { cat "$demo/host/$1" 2> /dev/null; }

# A process is known by its id and its start time: the id alone may be somebody else's after a reboot. One that has ended
# and that nobody waited for has none.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | awk '$1 != "Z" {print $20}'; }

# running NAME: prints the id of a process that `launch` started, if it still runs.
running() {
    local id start
    read -r id start 2> /dev/null < "$demo/pids/$1" || return 1
    [ -n "$start" ] && [ "$(start_time "$id")" = "$start" ] && echo "$id"
}

# launch NAME COMMAND...: runs it in the background, out of reach of this terminal's Ctrl-C, its output in log/NAME.
launch() {
    local name=$1 id
    shift
    setsid "$@" > "$demo/log/$name" 2>&1 < /dev/null &
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

# await SECONDS WHAT COMMAND...: until it succeeds.
await() {
    local seconds=$1 what=$2
    shift 2
    for _ in $(seq $((seconds * 5))); do
        if "$@" > /dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    fail "$what did not come up within $seconds s (logs: $demo/log/)"
}

containerd_answers() { ctr --address "$1" --connect-timeout 2s version > /dev/null 2>&1; }
registry_answers() { curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$1/v2/"; }
port_taken() { ss -Hltn "sport = :$1" | grep -q .; }
