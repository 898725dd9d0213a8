#!/usr/bin/env bash
# swift-version.sh: fails if Swift is not installed, does not start or is too old. Prints nothing otherwise.
# swift-version.sh --there: checks only that it is installed; packages.sh does so before it installs what Swift needs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
need=6.3
fail() { echo "$*" >&2; exit 1; }

if ! command -v swift > /dev/null; then
    hint=""
    # sudo replaces PATH by its own.
    if [ -n "${SUDO_USER:-}" ]; then hint=' (if it is in your own PATH: sudo env "PATH=$PATH" make …)'; fi
    fail "swift is not installed; install Swift $need or later: https://www.swift.org/install/linux$hint"
fi
[ "${1:-}" != --there ] || exit 0
output=$(swift --version 2>&1) || fail "swift does not start: $(tail -n 1 <<< "$output")
(run scripts/packages.sh build to install the packages that it needs)"
have=$(sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' <<< "$output" | head -n 1)
[ "$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)" = "$need" ] ||
    fail "Swift $have is too old; install Swift $need or later: https://www.swift.org/install/linux"
