#!/usr/bin/env bash
# check-foundation.sh BINARY...: fails if one of the (dynamically linked) binaries needs full Foundation or its ICU.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
for binary in "$@"; do
    [ -x "$binary" ] || { echo "check-foundation: $binary does not exist; run: swift build" >&2; exit 1; }
    libraries=$(ldd "$binary")
    grep -q libswiftCore.so <<< "$libraries" ||
        { echo "check-foundation: cannot check $binary: it is not linked dynamically; name a debug build" >&2; exit 1; }
    if grep -E 'libFoundation\.so|FoundationInternationalization|FoundationICU' <<< "$libraries" >&2; then
        echo "check-foundation: $binary links full Foundation; a target imports Foundation instead of FoundationEssentials" >&2
        exit 1
    fi
done
