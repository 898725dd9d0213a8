#!/usr/bin/env bash
# swift-version.sh [--there]: says what is missing when Swift is not there, does not start or is too old; silent otherwise.
# With --there it looks no further than whether it is installed, for when what it needs is about to be installed.
set -euo pipefail
need=6.3
fail() { echo "$*" >&2; exit 1; }

if ! command -v swift > /dev/null; then
    hint=""
    # sudo replaces PATH by its own.
    if [ -n "${SUDO_USER:-}" ]; then hint=' (if it is in your own PATH: sudo env "PATH=$PATH" make …)'; fi
    fail "swift is not installed: Swift $need or later is needed, see https://www.swift.org/install/linux$hint"
fi
[ "${1:-}" != --there ] || exit 0
output=$(swift --version 2>&1) || fail "swift does not start: $(tail -n 1 <<< "$output")
(scripts/packages.sh build installs what it needs)"
have=$(sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' <<< "$output" | head -n 1)
[ "$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)" = "$need" ] ||
    fail "Swift $have is too old: Swift $need or later is needed, see https://www.swift.org/install/linux"
