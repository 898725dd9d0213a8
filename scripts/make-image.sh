#!/usr/bin/env bash
# make-image.sh HOST:PORT/NAME[:TAG]: builds a container image from this machine's redis-server and pushes it to a registry.
#
#   scripts/make-image.sh 127.0.0.1:5000/redis:latest
#
# The image has the program, its libraries, a busybox shell and users. It needs no internet and no other image.
# Needs redis-server, busybox-static, tar, gzip, sha256sum and curl. A registry on loopback is reached without TLS, any other
# with TLS. REGISTRY_USER="name:password" sends credentials.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"

fail() { echo "make-image: $*" >&2; exit 1; }
usage="usage: scripts/make-image.sh HOST:PORT/NAME[:TAG]   (for example 127.0.0.1:5000/redis:latest)"

[ $# = 1 ] || fail "$usage"
case $1 in
    */*) ;;
    *) fail "'$1' has no registry; $usage" ;;
esac
registry=${1%%/*} name=${1#*/} tag=latest
case $name in *:*) tag=${name##*:} name=${name%:*} ;; esac
case $registry in
    localhost | localhost:* | 127.*) url=http://$registry ;;
    *) url=https://$registry ;;
esac

for program in redis-server busybox tar gzip sha256sum curl ldd; do
    command -v "$program" > /dev/null || fail "cannot find $program; run: apt install redis-server busybox-static curl"
done
busybox=$(command -v busybox)
if ldd "$busybox" > /dev/null 2>&1; then fail "$busybox is not static; run: apt install busybox-static"; fi
[ "$(id -u)" = 0 ] || fail "needs root: the files in the image belong to root"

curl=(curl --silent --show-error --fail)
[ -z "${REGISTRY_USER:-}" ] || curl+=(--user "$REGISTRY_USER")
"${curl[@]}" --output /dev/null "$url/v2/" || fail "no response from a registry at $url/v2/; start one first"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,etc,lib,usr,tmp,data,root,var/run}
chmod 1777 "$root/tmp"

# The program, and every library it names, at the path where the loader looks for it. libnss_* are opened at run time.
redis=$(readlink -f "$(command -v redis-server)")
install -D -m 755 "$redis" "$root/usr/bin/redis-server"
cli=$(command -v redis-cli || true)
[ -z "$cli" ] || install -D -m 755 "$(readlink -f "$cli")" "$root/usr/bin/redis-cli"
libraries=$({ ldd "$redis"; [ -z "$cli" ] || ldd "$cli"; } | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
[ -n "$libraries" ] || fail "ldd lists no libraries of $redis"
libc=$(echo "$libraries" | grep -m1 '/libc\.so') || fail "$redis is not linked with glibc"
for library in $libraries "$(dirname "$libc")"/libnss_{files,dns}.so.2 "$(dirname "$libc")/libresolv.so.2"; do
    [ ! -e "$library" ] || install -D -m 755 "$(readlink -f "$library")" "$root$library"
done

# Debian's redis serves other hosts only with --protected-mode no; the official image always serves them. An app that sets
# the command to a bare "redis-server", as the README's example does, expects the behaviour of the official image.
mkdir -p "$root/usr/local/bin"
cat > "$root/usr/local/bin/redis-server" <<'SH'
#!/bin/sh
case "${1:-}" in
    "" | -*) exec /usr/bin/redis-server --protected-mode no "$@" ;;
    *) exec /usr/bin/redis-server "$@" --protected-mode no ;;
esac
SH
chmod 755 "$root/usr/local/bin/redis-server"

install -m 755 "$busybox" "$root/bin/busybox"
"$busybox" --list | grep -vx busybox | while read -r tool; do ln -s busybox "$root/bin/$tool"; done
printf 'root:x:0:0:root:/root:/bin/sh\nredis:x:999:999:redis:/data:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' > "$root/etc/passwd"
printf 'root:x:0:\nredis:x:999:\nnogroup:x:65534:\n' > "$root/etc/group"
printf 'hosts: files dns\npasswd: files\ngroup: files\n' > "$root/etc/nsswitch.conf"
chown 999:999 "$root/data"

layer=$work/layer.tar
tar -C "$root" --sort=name --mtime=@0 --numeric-owner -cf "$layer" .
diff_id=sha256:$(sha256sum "$layer" | cut -d' ' -f1)
gzip -n -1 "$layer"
layer=$layer.gz

case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    armv7*) arch=arm ;;
    *) arch=$(uname -m) ;;
esac
version=$(redis-server --version | grep -oE 'v=[^ ]+' | cut -d= -f2)
cat > "$work/config" <<JSON
{"created":"$(date -u -r "$redis" +%Y-%m-%dT%H:%M:%SZ)","os":"linux","architecture":"$arch",
"config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","REDIS_VERSION=$version"],
"Cmd":["redis-server"],"WorkingDir":"/data","ExposedPorts":{"6379/tcp":{}}},
"rootfs":{"type":"layers","diff_ids":["$diff_id"]}}
JSON

size() { stat -c %s "$1"; }
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }

push_blob() {
    local file=$1 digest location
    digest=$(digest "$file")
    ! "${curl[@]}" --head --output /dev/null "$url/v2/$name/blobs/$digest" 2> /dev/null || return 0
    location=$("${curl[@]}" --request POST --dump-header - --output /dev/null "$url/v2/$name/blobs/uploads/" \
        | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p')
    [ -n "$location" ] || fail "registry $registry does not accept uploads"
    case $location in /*) location=$url$location ;; esac
    case $location in *\?*) location=$location\&digest=$digest ;; *) location=$location?digest=$digest ;; esac
    "${curl[@]}" --upload-file "$file" --header 'Content-Type: application/octet-stream' "$location" \
        || fail "registry $registry does not accept the blob $digest"
}

push_blob "$layer"
push_blob "$work/config"
type=application/vnd.oci.image
cat > "$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"$type.manifest.v1+json",
"config":{"mediaType":"$type.config.v1+json","digest":"$(digest "$work/config")","size":$(size "$work/config")},
"layers":[{"mediaType":"$type.layer.v1.tar+gzip","digest":"$(digest "$layer")","size":$(size "$layer")}]}
JSON
"${curl[@]}" --upload-file "$work/manifest" --header "Content-Type: $type.manifest.v1+json" \
    "$url/v2/$name/manifests/$tag" || fail "registry $registry does not accept the manifest of $name:$tag"
echo "pushed $registry/$name:$tag ($(digest "$work/manifest"), redis $version, $(size "$layer") bytes)"
