#!/usr/bin/env bash
# pull.sh [ROUNDS]: measures a pull of 100 MB in four layers from a registry on loopback (5 rounds): `sctl images pull` beside
# `ctr images pull`, in turn, with the image and its content removed in between. And by how much the daemon's memory grows.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
rounds=${1:-5}
bench_setup
start_containerd
start_registry
image=127.0.0.1:5000/bench/pull:latest
base=http://127.0.0.1:5000/v2/bench/pull

# put FILE: uploads a blob; prints the digest and size of its descriptor.
put() {
    local digest location
    digest=sha256:$(sha256sum "$1" | cut -d' ' -f1)
    location=$(inside curl -sf -X POST -D - -o /dev/null "$base/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p')
    case $location in /*) location=http://127.0.0.1:5000$location ;; esac
    case $location in *\?*) location=$location\&digest=$digest ;; *) location=$location?digest=$digest ;; esac
    inside curl -sf -o /dev/null --upload-file "$1" -H 'Content-Type: application/octet-stream' "$location"
    echo "\"digest\":\"$digest\",\"size\":$(stat -c %s "$1")"
}

# Each layer has 25 MB compressed, of text that gzip makes a quarter smaller.
layers="" diff_ids=""
for number in 1 2 3 4; do
    mkdir -p "$work/image/data"
    for part in 1 2 3 4 5; do
        head -c 5000000 /dev/urandom | base64 > "$work/image/data/$number.$part"
    done
    tar -C "$work/image" -cf "$work/layer.tar" data
    diff_ids+=${diff_ids:+,}\"sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)\"
    gzip -1 -f "$work/layer.tar"
    layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",$(put "$work/layer.tar.gz")}"
    rm -rf "$work/image" "$work/layer.tar.gz"
done
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
printf '{"os":"linux","architecture":"%s","config":{"Cmd":["/x"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$arch" "$diff_ids" > "$work/config"
printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s",%s},"layers":[%s]}' \
    application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json "$(put "$work/config")" \
    "$layers" > "$work/manifest"
inside curl -sf -o /dev/null --upload-file "$work/manifest" \
    -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' "$base/manifests/latest"

start_stellar
rss() { awk '/^VmRSS/ {print $2}' "/proc/$stellar_pid/status"; }
peak() { awk '/^VmHWM/ {print $2}' "/proc/$stellar_pid/status"; }
remove() { inside "${ctr[@]}" images rm --sync "$image" > /dev/null; }
timed() { # timed VARIABLE COMMAND...
    local -n list=$1
    local start
    shift
    sync
    start=$(now_ms)
    "$@" > /dev/null 2> "$work/last.log" || fail "$*: $(tail -1 "$work/last.log")"
    list+=($(($(now_ms) - start)))
}

before=$(rss)
ours=() theirs=() again_ours=() again_theirs=()
for ((round = 0; round < rounds; round++)); do
    timed theirs inside "${ctr[@]}" images pull --plain-http "$image"
    timed again_theirs inside "${ctr[@]}" images pull --plain-http "$image"
    remove
    timed ours inside "$bin/sctl" images pull "$image"
    timed again_ours inside "$bin/sctl" images pull "$image"
    inside "${ctr[@]}" images check "name==$image" | grep -q 'complete (5/5).*true' || fail "ctr does not accept the image"
    remove
done
a=$(median "${ours[@]}") b=$(median "${theirs[@]}")
echo "pull of 100 MB in 4 layers: sctl $a ms (${ours[*]}), ctr $b ms (${theirs[*]}): ratio $(ratio "$a" "$b")"
a=$(median "${again_ours[@]}") b=$(median "${again_theirs[@]}")
echo "the same, all present:      sctl $a ms, ctr $b ms: ratio $(ratio "$a" "$b")"
echo "daemon memory: $before kB before, $(rss) kB after, $(($(peak) - before)) kB more at the highest"
