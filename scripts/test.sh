#!/usr/bin/env bash
# Everything that must be true of a change, on real parts: `make test`.
#
# Needs root (network namespaces, containerd). STELLAR_REQUIRE names the capabilities whose absence is a failure and
# not a skip; all of them unless it is set. Arguments go to `swift test`.
#
# A failure does not keep the rest from being told; all of them are told once more at the end, and the last line counts.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "make test needs root: network namespaces and containers are real here (try: sudo make test)" >&2; exit 1; }
scripts/packages.sh build run test
scripts/swift-version.sh

export STELLAR_REQUIRE=${STELLAR_REQUIRE-root,netns,containerd,cni,registry,grpcio,busybox,redis,h2load,cgroup2,serf,memberlist}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
stages=0
failed=()
# All stages together, in seconds: a machine on which everything hangs is told of within the hour and a half that a CI
# gives, with all that was found till then.
all_limit=$((80 * 60))

# stage MINUTES WHAT COMMAND...: the time is what no machine needs, so that a hang is told by us and not by a CI that cuts
# everything off. `timeout` ends all that the command started, which may hold the output open.
stage() {
    local limit=$(($1 * 60)) what=$2 id status=0
    shift 2
    [ $((all_limit - SECONDS)) -gt "$limit" ] || limit=$((all_limit - SECONDS))
    if [ "$limit" -le 0 ]; then
        failed+=("$what (not begun: $((all_limit / 60)) minutes are over)")
        return 1
    fi
    printf '\n== %s\n' "$what"
    stages=$((stages + 1))
    # Before `tail` looks for it.
    : > "$logs/$stages"
    # In the background for the trap; there a shell ignores Ctrl-C, which tests of it must not inherit.
    env --default-signal=INT,QUIT timeout --kill-after=30 "$limit" "$@" < /dev/null > "$logs/$stages" 2>&1 &
    id=$!
    trap 'kill "$id" 2> /dev/null; wait "$id"; exit 130' INT TERM
    tail -n +1 -f --pid="$id" "$logs/$stages"
    wait "$id" || status=$?
    trap - INT TERM
    [ $status != 0 ] || return 0
    [ $status != 124 ] || what+=" (not done after $((limit / 60)) minutes)"
    failed+=("$what")
    return 1
}

# What the logs say of single tests: those of Swift Testing and the `ok`/`FAIL` lines of the scripts.
passed_tests() { cat "$logs"/* | grep -E '^(✔ Test |ok  )' | grep -vcE '^✔ Test run with [0-9]+ tests?' || true; }
failed_tests() { cat "$logs"/* | grep -E '^(✘ Test .* failed after |FAIL )' | grep -vE '^✘ Test run with [0-9]+ tests?' || true; }
# With the lines that belong to them; a crash has none, so the tests that it cut off are named.
issues() {
    awk '/^(✘|FAIL|error:)/ {show = 1; print; next} show && /^(↳|    )/ {print; next} {show = 0}' "$logs"/* |
        grep -vE '^✘ (Test run with|Suite) ' || true
    local log
    for log in "$logs"/*; do
        comm -23 <(sed -nE 's/^◇ Test (.*) started\.$/\1/p' "$log" | grep -vE '^(run$|case passing )' | sort -u) \
            <(sed -nE 's/^[^ ]+ Test (.*)( with [0-9]+ test cases?)? (passed|failed) after .*/\1/p' "$log" |
                sed -E 's/ with [0-9]+ test cases?$//' | sort -u) | sed -n '1,40s/^/never ended: /p'
    done
}

summary() {
    local count
    count=$(failed_tests | wc -l)
    if [ ${#failed[@]} -gt 0 ]; then
        printf '\n== what failed\n'
        issues
        printf 'failed: %s\n' "${failed[@]}"
        [ "$count" -ge ${#failed[@]} ] || count=${#failed[@]}
    fi
    printf '\n%s passed, %s failed\n' "$(passed_tests)" "$count"
    [ ${#failed[@]} = 0 ]
}

stage 10 "format" scripts/format.sh --lint || true
stage 5 "house rules" scripts/tidy.sh || true
# Nothing can be told of what does not build.
stage 45 "build" swift build --build-tests || { summary; exit 1; }
stage 5 "no full Foundation" \
    scripts/check-foundation.sh .build/debug/stellar .build/debug/sctl .build/debug/stellar-cni-ipam || true
stage 20 "the embedding example" scripts/test-embedding.sh || true
stage 15 "the demo" scripts/test-demo.sh .build/debug || true
# One after the other: suites have containerd, Python or floods of connections beside them, and five hundred of them at
# once on two cores would measure how patient each is. No test may count on it: in parallel they pass too.
stage 30 "tests (required: ${STELLAR_REQUIRE:-nothing})" \
    swift test --skip-build --no-parallel --skip '^IntegrationTests\.' "$@" || true
stage 50 "tests of the whole" swift test --skip-build --no-parallel --filter '^IntegrationTests\.' "$@" || true
summary
