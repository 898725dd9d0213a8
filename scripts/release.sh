#!/usr/bin/env bash
# release.sh: builds stellar, sctl and stellar-cni-ipam in release into bin/: Swift's libraries linked in, stripped.
#
# The C libraries (OpenSSL, nghttp2, libcurl, SQLite, libseccomp) stay dynamic: the distribution patches them.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
scripts/packages.sh build
scripts/swift-version.sh
# libstdc++ (Swift's runtime is written in C++) is linked in, too: loading and relocating it would take a sixth of the time
# that sctl needs to start. The linker searches a folder first that has only this library.
static=$PWD/.build-release-static
mkdir -p "$static"
libstdcxx=$(printf '%s\n' /usr/lib/gcc/*/*/libstdc++.a | sort -V | tail -n 1)
[ -e "$libstdcxx" ] || { echo "release: found no /usr/lib/gcc/*/*/libstdc++.a; install it with: scripts/packages.sh build" >&2; exit 1; }
ln -sf "$libstdcxx" "$static/libstdc++.a"
# Smaller, and faster to start: no exported symbols, equal functions merged, relocations packed (RELR: glibc 2.36, Debian 12).
link=(
    -Xswiftc -use-ld=lld -Xlinker --icf=safe -Xlinker -z -Xlinker pack-relative-relocs
    -Xlinker "--version-script=$PWD/scripts/exported-symbols.map"
    -Xswiftc "-L$static" -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
    -Xswiftc -Xfrontend -Xswiftc -function-sections
)
link+=(-Xlinker "-T$PWD/scripts/no-unwind-tables.ld")
# The daemon runs for long: the functions that it uses are linked next to each other, so that few pages hold them.
daemon=(-Xlinker "--symbol-ordering-file=$PWD/scripts/symbol-order/functions.txt" -Xlinker --no-warn-symbol-ordering)
# A command runs for milliseconds. It has a fixed address in memory, so that it needs no relocation. The daemon listens on
# the network and keeps its random address (PIE).
command=(-Xlinker --no-pie)
# The build does not know that the program depends on the list.
[ scripts/symbol-order/functions.txt -nt .build-release/release/stellar ] && rm -f .build-release/release/stellar
for product in stellar sctl stellar-cni-ipam; do
    if [ "$product" = stellar ]; then own=("${daemon[@]}"); else own=("${command[@]}"); fi
    swift build -c release --static-swift-stdlib "${link[@]}" "${own[@]}" --scratch-path .build-release --product "$product"
done
mkdir -p bin
for product in stellar sctl stellar-cni-ipam; do
    install -m 755 ".build-release/release/$product" "bin/$product.new"
    strip "bin/$product.new"
    mv "bin/$product.new" "bin/$product"
done
ls -l bin
