# Helpers of the benchmarks: a network namespace, a containerd, a registry and a stellar of their own, removed at exit.
# Source it; then call bench_setup and the start_* functions that are needed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/scripts/lib.sh"
pids=()

fail() { echo "bench: $*" >&2; exit 1; }

now_ms() { local t=$EPOCHREALTIME; echo $(((${t/[.,]/}) / 1000)); }

# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | awk '{a[NR] = $1} END {print (NR % 2) ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'; }

# ratio A B: A / B with two decimals.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

# wait_for SECONDS WHAT COMMAND...: runs the command until it succeeds; fails with the end of $work/WHAT.log.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { tail -n 20 "$work/$what.log" >&2; fail "$what is not ready; its last lines are above"; }
        sleep 0.05
    done
}

bench_setup() {
    [ "$(id -u)" = 0 ] || fail "needs root for network namespaces"
    bin=${STELLAR_BIN:-$root/bin}
    [ -x "$bin/stellar" ] || fail "$bin/stellar does not exist; run: make release"
    work=$(mktemp -d /tmp/stellar-bench.XXXXXX)
    netns=stellar-bench-$$
    ip netns add "$netns"
    inside ip link set lo up
    trap bench_teardown EXIT
}

# Runs a command in the benchmark's network namespace (not by `ip netns exec`, whose mount namespace hides others).
inside() { nsenter --net="/run/netns/$netns" -- "$@"; }

# background NAME COMMAND...: starts the command inside, with its output in $work/NAME.log; it ends at exit.
background() {
    local name=$1
    shift
    # exec, so that $! is the pid of the command and not of a shell.
    (exec nsenter --net="/run/netns/$netns" -- "$@") > "$work/$name.log" 2>&1 &
    pids+=($!)
    pid=$!
}

start_containerd() {
    mkdir -p "$work/certs.d"
    cat > "$work/containerd.toml" <<END
version = 2
root = "$work/containerd/root"
state = "$work/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/containerd.sock"
[ttrpc]
  address = "$work/containerd.sock.ttrpc"
END
    background containerd containerd --config "$work/containerd.toml"
    containerd_pid=$pid
    ctr=(ctr --address "$work/containerd.sock" --namespace "${1:-default}")
    wait_for 20 containerd ctr --address "$work/containerd.sock" version
}

start_registry() {
    cat > "$work/registry.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:5000"}
END
    background registry docker-registry serve "$work/registry.yml"
    wait_for 20 registry inside curl -sf http://127.0.0.1:5000/v2/
}

start_stellar() {
    background stellar env PATH="$bin:$PATH" "$bin/stellar" server --bind-addr 127.0.0.1 --advertise-addr 127.0.0.1 \
        --data-dir "$work/stellar" --state-dir "$work/state" --containerd-addr "$work/containerd.sock" "$@"
    stellar_pid=$pid
    wait_for 20 stellar inside "$bin/sctl" version
}

# The raw floor of one networked container: the same steps by hand, in the network namespace of `inside` and on the
# containerd of `ctr`: a network namespace, the CNI bridge plugin with host-local, `ctr run -d`. Names begin with $floors.
floors=bench-$$-
floor_cni() { # floor_cni ADD|DEL ID
    local plugins=/usr/lib/cni
    local netconf='{"cniVersion":"0.3.1","name":"floor","type":"bridge","bridge":"floor0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","dataDir":"'$work/ipam-$netns'","ranges":[[{"subnet":"10.99.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}}'
    echo "$netconf" | inside env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_NETNS="/run/netns/$2" CNI_IFNAME=eth0 \
        CNI_PATH=$plugins $plugins/bridge > /dev/null
}
floor_up() { # floor_up ID IMAGE
    ip netns add "$1"
    floor_cni ADD "$1"
    inside "${ctr[@]}" run -d --with-ns "network:/run/netns/$1" "$2" "$1" sleep 1000
}
floor_down() { # floor_down ID
    inside "${ctr[@]}" tasks kill -s KILL "$1" > /dev/null 2>&1 || true
    inside "${ctr[@]}" tasks rm --force "$1" > /dev/null 2>&1 || true
    inside "${ctr[@]}" containers rm "$1" > /dev/null
    floor_cni DEL "$1"
    ip netns delete "$1"
}

report() { # report WHAT OURS FLOOR
    printf '%-44s %6s ms   floor %6s ms   ratio %s\n' "$1" "$2" "$3" "$(ratio "$2" "$3")"
}

bench_teardown() {
    local pid task name
    set +e
    for task in $(ctr --address "$work/containerd.sock" --namespace default tasks ls -q 2> /dev/null); do
        ctr --address "$work/containerd.sock" --namespace default tasks rm --force "$task" > /dev/null 2>&1
    done
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2> /dev/null
        for _ in $(seq 100); do kill -0 "${pids[i]}" 2> /dev/null || break; sleep 0.05; done
        kill -9 "${pids[i]}" 2> /dev/null
    done
    # Only the mounts of this run: everything below its folder.
    awk -v w="$work/" 'index($2, w) == 1 {print $2}' /proc/mounts | sort -r | while read -r m; do umount -l "$m"; done
    # A floor that broke off leaves its network namespaces.
    for name in $(ip netns list | awk -v p="$floors" 'index($1, p) == 1 {print $1}'); do ip netns delete "$name"; done
    ip netns delete "$netns"
    rm -rf "$work"
}
