#!/usr/bin/env bash
# From nothing to a running app on this machine: installs what is missing, builds, starts containerd and a registry if none
# is there, and runs the commands of the README. Leaves the app running; `make demo-clean` takes all of it away.
#
# May be run again: what runs is used, the daemon is replaced by the newly built one.
set -eEuo pipefail
cd "$(dirname "$0")/.."
. scripts/demo-lib.sh

show() { # show COMMAND...: as a person would type it, then what it prints
    local line="$*"
    printf '\n$> %s\n' "${line/#bin\//}"
    "$@"
}

check_machine() {
    [ "$(uname -s)" = Linux ] || fail "this needs Linux"
    [ "$(id -u)" = 0 ] || fail "containers need root; run: sudo make demo"
    command -v apt-get > /dev/null || fail "this is made for Debian 12 (no apt-get here)"
    scripts/swift-version.sh
    if ! running stellar > /dev/null; then
        ! port_taken "${api##*:}" ||
            fail "port ${api##*:} is taken by $(ss -Hltnp "sport = :${api##*:}" | grep -o 'users:.*' || echo 'a program'); stop it first"
        ! ip link show "$bridge" > /dev/null 2>&1 || [ -e "$demo/host/bridge" ] ||
            fail "a bridge $bridge is here already: does a stellar run on this machine? stop it, then: ip link delete $bridge"
    fi
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
    await 20 containerd containerd_answers "$socket"
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
    await 20 "the registry" registry_answers "$registry_port"
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
    local server=(bin/stellar -D server --bind-addr "$node" --advertise-addr "$node")
    printf '\n$> %s\n' "${server[*]#bin/}"
    launch stellar "${server[@]}" --namespace "$namespace" --containerd-addr "$socket" \
        --data-dir "$demo/data" --state-dir "$run/state" --bridge "$bridge" --registry-hosts-dir "$demo/certs.d"
    await 20 "the daemon (its last words: $(tail -n 3 "$demo/log/stellar" 2> /dev/null))" bin/sctl --addr "$api" cluster nodes
    echo "(runs in the background; its output is in $demo/log/stellar)"
}

talk_to_redis() {
    local gateway address
    gateway=$(ip -4 -o address show dev "$bridge" | awk '{sub("/.*", "", $4); print $4; exit}')
    [ -n "$gateway" ] || fail "the bridge $bridge has no address (log: $demo/log/stellar)"
    show dig +short "@$gateway" example.redis.stellar
    address=$(dig +short +time=2 +tries=2 "@$gateway" example.redis.stellar | head -n 1)
    [ -n "$address" ] || fail "the nameserver at $gateway does not know example.redis.stellar"
    show redis-cli -h "$address" set greeting "hello from $(hostname)"
    # Inside the container the name itself is enough: its resolv.conf points to the nameserver.
    show ctr --address "$socket" --namespace "$namespace" tasks exec --exec-id "demo-$$" example.redis.0 \
        redis-cli -h example.redis.stellar get greeting
}

check_machine
step "Packages"
scripts/packages.sh build run demo
echo "all there"
step "Build (the first one takes some minutes)"
scripts/release.sh
prepare_directories
trap 'echo "demo: stopped early; logs are in '"$demo"'/log, make demo-clean takes away what is there" >&2' ERR
step "containerd, registry, image"
start_containerd
start_registry
provide_image
step "The first node"
start_daemon
show bin/sctl --addr "$api" cluster nodes
step "Deploying an application"
show cat ./Examples/example.conf
show bin/sctl --addr "$api" apps create -f ./Examples/example.conf
show bin/sctl --addr "$api" apps list
show bin/sctl --addr "$api" apps inspect example
show bin/sctl --addr "$api" nameserver list
step "Talking to it by its name"
talk_to_redis
trap - ERR

cat <<TEXT

== Done

The app runs on. Try:
  bin/sctl cluster containers
  bin/sctl apps restart example
  kill -9 $(running stellar)     # the daemon; the app does not mind, and make demo starts it again
  bin/sctl apps delete example
  make demo-clean           # takes everything away
TEXT
