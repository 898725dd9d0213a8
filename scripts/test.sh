#!/usr/bin/env bash
# test.sh [ARGUMENT...]: runs every check and every test, on real parts (`make test`). Passes its arguments to `swift test`.
#
# Needs root (network namespaces, containerd). STELLAR_REQUIRE lists the capabilities that must be there: a suite fails
# without one of them instead of being skipped. Unless it is set, the list has all of them.
#
# All stages run, also after a failure. The end lists all failures again; the last line counts them.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "test: needs root for network namespaces and containers; run: sudo make test" >&2; exit 1; }
scripts/packages.sh build run test
scripts/swift-version.sh

export STELLAR_REQUIRE=${STELLAR_REQUIRE-root,netns,containerd,cni,registry,grpcio,busybox,redis,h2load,cgroup2,serf,memberlist}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
stages=0
failed=()
# Limit of all stages together, in seconds. A CI job has an hour and a half: this limit ends a run that hangs before the CI
# does, with a report of all results so far.
all_limit=$((80 * 60))

# stage MINUTES WHAT COMMAND...: runs the command with a limit that is longer than any machine needs, so that this script
# reports a hang. `timeout` also ends the processes that the command started: they may hold the output open.
stage() {
    local limit=$(($1 * 60)) what=$2 id status=0
    shift 2
    [ $((all_limit - SECONDS)) -gt "$limit" ] || limit=$((all_limit - SECONDS))
    if [ "$limit" -le 0 ]; then
        failed+=("$what (not started: the limit of $((all_limit / 60)) minutes is over)")
        return 1
    fi
    printf '\n== %s\n' "$what"
    stages=$((stages + 1))
    # `tail` needs the file.
    : > "$logs/$stages"
    # In the background, so that the trap can end it. A shell ignores Ctrl-C for background commands; the tests that send
    # it must not inherit that.
    env --default-signal=INT,QUIT timeout --kill-after=30 "$limit" "$@" < /dev/null > "$logs/$stages" 2>&1 &
    id=$!
    trap 'kill "$id" 2> /dev/null; wait "$id"; exit 130' INT TERM
    tail -n +1 -f --pid="$id" "$logs/$stages"
    wait "$id" || status=$?
    trap - INT TERM
    [ $status != 0 ] || return 0
    [ $status != 124 ] || what+=" (stopped after $((limit / 60)) minutes)"
    failed+=("$what")
    return 1
}

# The logs, one event a line. An event of Swift Testing can follow other text on its line: a test case whose argument has a
# NUL is cut off there, with its line end. `LC_ALL=C`, because arguments can be invalid UTF-8.
events() { cat "$logs"/* | tr -d '\0' | LC_ALL=C sed -E 's/(◇|✔|✘|➜) (Test|Suite) /\n&/g'; }
# Single tests: events of Swift Testing, and the `ok`/`FAIL` lines of the scripts.
passed_tests() { events | grep -aE '^(✔ Test |ok  )' | grep -avcE '^✔ Test run with [0-9]+ tests?' || true; }
failed_tests() { events | grep -aE '^(✘ Test .* failed after |FAIL )' | grep -avE '^✘ Test run with [0-9]+ tests?' || true; }
# Tests that started and did not end: a crash or a limit cut them off, and they have no issue.
unfinished_tests() {
    LC_ALL=C comm -23 \
        <(events | LC_ALL=C sed -nE 's/^◇ Test (.*) started\.$/\1/p' | grep -avE '^(run$|case passing )' | LC_ALL=C sort -u) \
        <(events | LC_ALL=C sed -nE 's/^(✔|✘) Test (.*) (passed|failed) after .*/\2/p' |
            LC_ALL=C sed -E 's/ with [0-9]+ test cases?$//' | LC_ALL=C sort -u)
}
# All failures, with the lines that belong to them.
issues() {
    events | awk '/^(✘|FAIL|error:)/ {show = 1; print; next} show && /^(↳|    )/ {print; next} {show = 0}' |
        grep -avE '^✘ (Test run with|Suite) ' || true
    unfinished_tests | sed -n '1,40s/^/did not end: /p'
}

summary() {
    local count
    count=$(failed_tests | wc -l)
    if [ ${#failed[@]} -gt 0 ]; then
        printf '\n== failures\n'
        issues
        printf 'failed: %s\n' "${failed[@]}"
        [ "$count" -ge ${#failed[@]} ] || count=${#failed[@]}
    fi
    printf '\n%s passed, %s failed\n' "$(passed_tests)" "$count"
    [ ${#failed[@]} = 0 ]
}

stage 10 "format" scripts/format.sh --lint || true
stage 5 "house rules" scripts/tidy.sh || true
# No later stage can run without the build.
stage 45 "build" swift build --build-tests || { summary; exit 1; }
stage 5 "no full Foundation" \
    scripts/check-foundation.sh .build/debug/stellar .build/debug/sctl .build/debug/stellar-cni-ipam || true
stage 20 "the embedding example" scripts/test-embedding.sh || true
stage 10 "documentation" scripts/docs.sh || true
stage 15 "the demo" scripts/test-demo.sh .build/debug || true
# One test at a time: suites start containerd, Python or thousands of connections, and on two cores five hundred tests at
# once would run into their time limits. No test may rely on it: they pass in parallel, too.
stage 30 "tests (required: ${STELLAR_REQUIRE:-nothing})" \
    swift test --skip-build --no-parallel --skip '^IntegrationTests\.' "$@" || true
stage 50 "integration tests" swift test --skip-build --no-parallel --filter '^IntegrationTests\.' "$@" || true
summary
