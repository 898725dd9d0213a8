#!/usr/bin/env bash
# check-foundation.sh BINARY...: fails when one of the (dynamically linked) binaries needs full Foundation or its ICU.
set -euo pipefail
for binary in "$@"; do
    [ -x "$binary" ] || { echo "check-foundation: there is no $binary" >&2; exit 1; }
    libraries=$(ldd "$binary")
    grep -q libswiftCore.so <<< "$libraries" ||
        { echo "check-foundation: $binary is not linked dynamically, so this check would prove nothing" >&2; exit 1; }
    if grep -E 'libFoundation\.so|FoundationInternationalization|FoundationICU' <<< "$libraries" >&2; then
        echo "check-foundation: $binary links full Foundation; some target imports it" >&2
        exit 1
    fi
done
