#!/usr/bin/env bash
# format.sh [--lint]: formats every Swift file that people write, or only says what is not as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
files() {
    git ls-files --cached --others --exclude-standard -z '*.swift' | while IFS= read -r -d '' file; do
        case $file in
            */Generated/*) ;;
            *) [ ! -f "$file" ] || printf '%s\0' "$file" ;;
        esac
    done
}
if [ "${1:-}" = --lint ]; then
    files | xargs -0 swift format lint --strict --parallel
else
    files | xargs -0 swift format --in-place --parallel
fi
