#!/usr/bin/env bash
# run.sh [SECONDS [TARGET...]]: fuzzes each decoder for SECONDS (60); all TARGETs unless some are given. First runs all inputs
# again that failed before (FailCases/TARGET). Keeps a new failing input there; exits with 1 if an input fails.
#
# FUZZ_BIN: a built StellarFuzz.
set -euo pipefail
source "$(dirname "$0")/../scripts/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- appfile cni deframer dns headers http2 keyring lzw netlink packet protobuf registry store stream text timeout tls \
    values

# gold cannot link the coverage tables of the sanitizer; lld can.
if [ -z "${FUZZ_BIN:-}" ]; then
    build=(swift build --package-path . -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld)
    quietly "${build[@]}"
    FUZZ_BIN=$("${build[@]}" --show-bin-path 2> /dev/null)/StellarFuzz
fi
bin=$FUZZ_BIN
# Without this, Swift's runtime handles the signal of a crash before libFuzzer, which keeps the input.
export SWIFT_BACKTRACE=enable=no

FUZZ_TLS=$(mktemp -d)
export FUZZ_TLS
trap 'rm -rf "$FUZZ_TLS"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout "$FUZZ_TLS/c.key" -out "$FUZZ_TLS/c.pem" 2> /dev/null

failed=0
for target in "$@"; do
    export FUZZ_TARGET=$target
    mkdir -p ".corpus/$target" "FailCases/$target"
    cases=$(find "FailCases/$target" -type f ! -name .gitkeep)
    if [ -n "$cases" ] && ! "$bin" $cases > ".corpus/$target.log" 2>&1; then
        echo "$target: an input of Fuzz/FailCases/$target fails again; see Fuzz/.corpus/$target.log"
        failed=1
        continue
    fi
    if [ "$seconds" -gt 0 ]; then
        if ! "$bin" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="FailCases/$target/" \
            ".corpus/$target" $([ -d "Seeds/$target" ] && echo "Seeds/$target") > ".corpus/$target.log" 2>&1; then
            echo "$target: an input fails; it is in Fuzz/FailCases/$target; see Fuzz/.corpus/$target.log"
            failed=1
            continue
        fi
    fi
    echo "$target: $(grep -E '^Done' ".corpus/$target.log" | tail -1)"
done
exit $failed
