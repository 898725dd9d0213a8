#!/usr/bin/env bash
# From nothing to a running app on this machine: installs what is missing, builds, starts containerd and a registry if none
# is there, and runs the commands of the README. Leaves the app running; `make demo-clean` takes all of it away.
#
# May be run again, also after it was stopped in the middle: what runs is used, the daemon is replaced by the newly built
# one.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/demo-lib.sh

show() { # show COMMAND...: as a person would type it, then what it prints
    local line="$*"
    printf '\n$> %s\n' "${line/#"$bin"\//}"
    "$@"
}

check_machine() {
    [ "$(uname -s)" = Linux ] || fail "this needs Linux"
    [ "$(id -u)" = 0 ] || fail "containers need root; run: sudo make demo"
    command -v apt-get > /dev/null || fail "this is made for Debian 12 (no apt-get here)"
}

# listeners PORT: `name (process id)` of each.
listeners() { ss -Hltnp "sport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | sort -u; }

# What is ours already is replaced or used; what is somebody else's is not touched.
check_free() {
    if running stellar > /dev/null; then return; fi
    local port=${api##*:}
    ! port_taken "$port" || fail "port $port is taken by $(listeners "$port" | grep . || echo 'a program'); stop it first"
    ! ip link show "$bridge" > /dev/null 2>&1 || [ -e "$demo/host/bridge" ] ||
        fail "a bridge $bridge is here already: does a stellar run on this machine? stop it, then: ip link delete $bridge"
}

get_programs() {
    step "Packages"
    if [ -n "${STELLAR_DEMO_BIN:-}" ]; then scripts/packages.sh run demo; else scripts/packages.sh build run demo; fi
    echo "all there"
    check_free
    [ -z "${STELLAR_DEMO_BIN:-}" ] || return 0
    step "Build (the first one takes some minutes)"
    scripts/release.sh
}

prepare_directories() {
    mkdir -p "$demo"/{host,pids,log,data,registry} "$run"
    remember ip_forward "$(cat /proc/sys/net/ipv4/ip_forward)"
    remember bridge absent
    iptables-save 2> /dev/null | grep -q '^\*nat' || remember nat absent
}

start_containerd() {
    if containerd_answers "$system_socket"; then
        echo "using the containerd of this machine ($system_socket), namespace $namespace"
        socket=$system_socket
        return
    fi
    socket=$demo_socket
    if running containerd > /dev/null && containerd_answers "$socket"; then
        echo "containerd of the demo runs"
        return
    fi
    mkdir -p "$demo/containerd"
    cat > "$demo/containerd.toml" <<TOML
version = 2
root = "$demo/containerd/root"
state = "$run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$socket"
[ttrpc]
  address = "$socket.ttrpc"
TOML
    launch containerd containerd --config "$demo/containerd.toml"
    await containerd containerd_answers "$socket"
    echo "started a containerd of the demo's own ($socket)"
}

# Always one of its own, also where another is there: what is pushed to somebody's registry stays in it.
start_registry() {
    registry_port=$(recall registry_port || true)
    if [ -n "$registry_port" ] && running registry > /dev/null && registry_answers "$registry_port"; then
        echo "the registry of the demo runs (127.0.0.1:$registry_port)"
        return
    fi
    for registry_port in $(seq 5000 5020); do
        port_taken "$registry_port" || break
    done
    echo "$registry_port" > "$demo/host/registry_port"
    cat > "$demo/registry.yml" <<YAML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $demo/registry}
http:
  addr: 127.0.0.1:$registry_port
YAML
    launch registry docker-registry serve "$demo/registry.yml"
    await registry registry_answers "$registry_port"
    echo "started a registry of the demo's own (127.0.0.1:$registry_port)"
}

# docker.io is looked for at the registry on loopback, so that the README's image needs no internet: the directory has the
# form of containerd's certs.d and is the daemon's alone.
provide_image() {
    scripts/make-image.sh "127.0.0.1:$registry_port/library/redis:alpine"
    mkdir -p "$demo/certs.d/docker.io"
    cat > "$demo/certs.d/docker.io/hosts.toml" <<TOML
server = "http://127.0.0.1:$registry_port"
[host."http://127.0.0.1:$registry_port"]
  capabilities = ["pull", "resolve"]
TOML
}

start_daemon() {
    stop stellar
    local server=("$bin/stellar" -D server --bind-addr "$node" --advertise-addr "$node")
    printf '\n$> %s\n' "${server[*]#"$bin"/}"
    launch stellar "${server[@]}" --namespace "$namespace" --containerd-addr "$socket" \
        --data-dir "$demo/data" --state-dir "$run/state" --bridge "$bridge" --registry-hosts-dir "$demo/certs.d"
    await stellar "$bin/sctl" --addr "$api" cluster nodes
    echo "(runs in the background; its output is in $demo/log/stellar)"
}

talk_to_redis() {
    local gateway address
    gateway=$(ip -4 -o address show dev "$bridge" | awk '{sub("/.*", "", $4); print $4; exit}')
    [ -n "$gateway" ] || fail "the bridge $bridge has no address (log: $demo/log/stellar)"
    show dig +short "@$gateway" example.redis.stellar
    address=$(dig +short +time=2 +tries=5 "@$gateway" example.redis.stellar | head -n 1)
    [ -n "$address" ] || fail "the nameserver at $gateway does not know example.redis.stellar"
    show redis-cli -h "$address" set greeting "hello from $(hostname)"
    # Inside the container the name itself is enough: its resolv.conf points to the nameserver.
    show ctr --address "$socket" --namespace "$namespace" tasks exec --exec-id "demo-$$" example.redis.0 \
        redis-cli -h example.redis.stellar get greeting
}

# Whatever ended it, Ctrl-C too: how to go on, if there is something to go on with or to take away.
stopped() {
    local status=$?
    [ $status != 0 ] && [ -d "$demo" ] || return 0
    echo "demo: stopped early. Logs are in $demo/log; make demo goes on from here, make demo-clean takes all of it away." >&2
}

check_machine
lock
check_free
trap stopped EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
get_programs
prepare_directories
step "containerd, registry, image"
start_containerd
start_registry
provide_image
step "The first node"
start_daemon
show "$bin/sctl" --addr "$api" cluster nodes
step "Deploying an application"
show cat ./Examples/example.conf
show "$bin/sctl" --addr "$api" apps create -f ./Examples/example.conf
show "$bin/sctl" --addr "$api" apps list
show "$bin/sctl" --addr "$api" apps inspect example
show "$bin/sctl" --addr "$api" nameserver list
step "Talking to it by its name"
talk_to_redis

cat <<TEXT

== Done

The app runs on. Try:
  $bin/sctl cluster containers
  $bin/sctl apps restart example
  kill -9 $(running stellar)     # the daemon; the app does not mind, and make demo starts it again
  $bin/sctl apps delete example
  make demo-clean           # takes everything away
TEXT
