#!/usr/bin/env bash
# docs.sh: builds the documentation of StellarCore into .build/docs. A warning is an error, e.g. a link to no symbol.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."

out=.build/docs
rm -rf "$out"
mkdir -p "$out/symbols"

# StellarCore imports no other module, so the compiler alone is enough: no packages to fetch.
mapfile -t sources < <(find Sources/StellarCore -name '*.swift' | sort)
swiftc -emit-module -o "$out/StellarCore.swiftmodule" -module-name StellarCore -package-name stellar \
    -parse-as-library -swift-version 6 -enable-upcoming-feature ExistentialAny \
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature MemberImportVisibility \
    -emit-symbol-graph -emit-symbol-graph-dir "$out/symbols" "${sources[@]}"

# docc is beside the compiler of the toolchain.
docc=$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')")/../bin/docc
[ -x "$docc" ] || docc=docc
"$docc" convert Sources/StellarCore/StellarCore.docc --warnings-as-errors \
    --fallback-display-name StellarCore --fallback-bundle-identifier io.stellar.StellarCore \
    --additional-symbol-graph-dir "$out/symbols" --output-path "$out/StellarCore.doccarchive"
echo "documentation: $out/StellarCore.doccarchive"
