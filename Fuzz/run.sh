#!/usr/bin/env bash
# run.sh [SECONDS] [TARGET...]: fuzzes each decoder for SECONDS (60). First, every input that ever failed (FailCases/TARGET)
# is tried again. A new failure is kept there and ends the run with status 1.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- appfile cni deframer dns headers http2 keyring lzw netlink packet protobuf registry store stream text timeout tls \
    values

# lld: gold does not link the sanitizer's coverage tables.
if [ -z "${FUZZ_BIN:-}" ]; then
    build=(swift build --package-path . -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld)
    "${build[@]}" > /dev/null
    FUZZ_BIN=$("${build[@]}" --show-bin-path)/StellarFuzz
fi
bin=$FUZZ_BIN
# Swift's runtime would take the signal of a crash before libFuzzer, which keeps the input.
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
        echo "$target: a case of FailCases/$target fails again; see Fuzz/.corpus/$target.log"
        failed=1
        continue
    fi
    if [ "$seconds" -gt 0 ]; then
        if ! "$bin" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="FailCases/$target/" \
            ".corpus/$target" $([ -d "Seeds/$target" ] && echo "Seeds/$target") > ".corpus/$target.log" 2>&1; then
            echo "$target: FAILED; input kept in Fuzz/FailCases/$target, see Fuzz/.corpus/$target.log"
            failed=1
            continue
        fi
    fi
    echo "$target: $(grep -E '^Done' ".corpus/$target.log" | tail -1)"
done
exit $failed
