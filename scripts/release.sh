#!/usr/bin/env bash
# Builds stellar, sctl and stellar-cni-ipam in release, Swift's libraries linked in, stripped, into bin/.
#
# The C libraries (OpenSSL, nghttp2, libcurl, SQLite, libseccomp) stay dynamic: the distribution keeps them patched.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/packages.sh build
scripts/swift-version.sh
# libstdc++, which Swift's runtime is written with, goes in as well: to load and relocate it would be a sixth of what
# sctl takes to start. A folder that holds nothing else comes first when the linker looks for it.
static=$PWD/.build-release-static
mkdir -p "$static"
libstdcxx=$(printf '%s\n' /usr/lib/gcc/*/*/libstdc++.a | sort -V | tail -n 1)
[ -e "$libstdcxx" ] || { echo "release: there is no libstdc++.a; scripts/packages.sh build installs it" >&2; exit 1; }
ln -sf "$libstdcxx" "$static/libstdc++.a"
# Smaller and quicker to start: nothing exported, equal functions once, relocations packed (RELR: glibc 2.36, Debian 12).
link=(
    -Xswiftc -use-ld=lld -Xlinker --icf=safe -Xlinker -z -Xlinker pack-relative-relocs
    -Xlinker "--version-script=$PWD/scripts/exported-symbols.map"
    -Xswiftc "-L$static" -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
    -Xswiftc -Xfrontend -Xswiftc -function-sections
)
link+=(-Xlinker "-T$PWD/scripts/no-unwind-tables.ld")
# The daemon lives long: the functions that it uses stand beside each other, so that few pages hold them.
daemon=(-Xlinker "--symbol-ordering-file=$PWD/scripts/symbol-order/functions.txt" -Xlinker --no-warn-symbol-ordering)
# A command lives for milliseconds. It is made for its place in memory, so that nothing has to be relocated (the daemon,
# which listens to others, is put where nobody can guess).
command=(-Xlinker --no-pie)
# The build does not know that the list goes into the program.
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
