#!/usr/bin/env bash
# Says what is missing when Swift is not there or too old; silent otherwise.
set -euo pipefail
need=6.3
command -v swift > /dev/null ||
    { echo "swift is not installed: Swift $need or later, see https://www.swift.org/install/linux" >&2; exit 1; }
have=$(swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
[ "$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)" = "$need" ] ||
    { echo "Swift $have is too old: Swift $need or later is needed, see https://www.swift.org/install/linux" >&2; exit 1; }
