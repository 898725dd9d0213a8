#!/usr/bin/env bash
# demo.sh: runs an app on this machine, from nothing (`make demo`). Installs missing packages, builds, starts a registry (and
# containerd, unless it runs), and runs the commands of the README. Leaves the app running; `make demo-clean` removes all of it.
#
# Can run again, also after it was interrupted: it uses what runs already, and replaces the daemon by the new build.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
. scripts/demo-lib.sh

show() { # show COMMAND...: prints the command as a person would type it, then its output
    local line="$*"
    printf '\n$> %s\n' "${line/#"$bin"\//}"
    "$@"
}

check_machine() {
    [ "$(uname -s)" = Linux ] || fail "needs Linux"
    [ "$(id -u)" = 0 ] || fail "needs root for containers; run: sudo make demo"
    command -v apt-get > /dev/null || fail "needs Debian 12: this machine has no apt-get"
}

# listeners PORT: `name (process id)` of each.
listeners() { ss -Hltnp "sport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | sort -u; }

# Fails if the port or the bridge belongs to something else than the demo.
check_free() {
    if running stellar > /dev/null; then return; fi
    local port=${api##*:}
    ! port_taken "$port" || fail "port $port is taken by $(listeners "$port" | grep . || echo 'another program'); stop it first"
    ! ip link show "$bridge" > /dev/null 2>&1 || [ -e "$demo/host/bridge" ] ||
        fail "the bridge $bridge exists already; if a stellar runs on this machine, stop it, then run: ip link delete $bridge"
}

get_programs() {
    step "Packages"
    if [ -n "${STELLAR_DEMO_BIN:-}" ]; then scripts/packages.sh run demo; else scripts/packages.sh build run demo; fi
    echo "all installed"
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
        echo "using the containerd of the demo, which runs already ($socket)"
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
    echo "started a containerd for the demo ($socket)"
}

# The demo always starts a registry: an image that it pushed to another registry would stay there.
start_registry() {
    registry_port=$(recall registry_port || true)
    if [ -n "$registry_port" ] && running registry > /dev/null && registry_answers "$registry_port"; then
        echo "using the registry of the demo, which runs already (127.0.0.1:$registry_port)"
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
    echo "started a registry for the demo (127.0.0.1:$registry_port)"
}

# Makes the registry on loopback a mirror of docker.io, so that the README's image needs no internet. The directory has the
# form of containerd's certs.d; only the daemon uses it.
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
    # Inside the container, resolv.conf has the nameserver.
    show ctr --address "$socket" --namespace "$namespace" tasks exec --exec-id "demo-$$" example.redis.0 \
        redis-cli -h example.redis.stellar get greeting
}

# At a failure or Ctrl-C: prints how to go on, if the demo has made anything.
stopped() {
    local status=$?
    [ $status != 0 ] && [ -d "$demo" ] || return 0
    echo "demo: interrupted; logs are in $demo/log. make demo continues; make demo-clean removes everything." >&2
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

The app keeps running. Try:
  $bin/sctl cluster containers
  $bin/sctl apps restart example
  kill -9 $(running stellar)     # kill the daemon: the app keeps running; make demo starts the daemon again
  $bin/sctl apps delete example
  make demo-clean           # removes everything
TEXT
