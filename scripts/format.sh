#!/usr/bin/env bash
# format.sh: formats every Swift file, except generated ones.
# format.sh --lint: changes nothing; prints each line that is not formatted, and fails if there is one.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
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
