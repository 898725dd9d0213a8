#!/usr/bin/env bash
# Regenerates the committed Swift of every .proto file. Needs protoc (Debian: protobuf-compiler) and protoc-gen-swift
# (swift build --product protoc-gen-swift in a checkout of swift-protobuf, the version of Package.swift).
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in protoc protoc-gen-swift; do
    command -v "$tool" > /dev/null || { echo "$0: $tool is not installed" >&2; exit 1; }
done

# generate ROOT OUT FILE...: one Swift file per FILE (a path below ROOT).
generate() {
    local root=$1 out=$2
    shift 2
    mkdir -p "$out"
    protoc -I "$root" --swift_opt=Visibility="${visibility:-Public}" --swift_opt=UseAccessLevelOnImports=true \
        --swift_opt=FileNaming=PathToUnderscores --swift_out="$out" "$@"
}

files() { (cd "$1" && find "$2" -name '*.proto' | sort); }

generate Protos Sources/StellarAPI/Generated $(files Protos stellar)
if [ -d Protos/containerd ]; then
    visibility=Package generate Protos Sources/StellarRuntime/Generated $(files Protos containerd)
fi
