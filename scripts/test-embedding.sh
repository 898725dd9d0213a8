#!/usr/bin/env bash
# test-embedding.sh: builds Examples/Embedding, a package of its own, and checks its output for a good file, for a broken one
# and without nodes.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."

# A build folder of its own: two packages cannot share one.
build=.build-embedding
swift build --package-path Examples/Embedding --scratch-path $build --product Embedding
example=$build/debug/Embedding

failed=0
# expect NAME STATUS EXPECTED ARGUMENT...: runs the example and compares its status and output (with standard error).
expect() {
    local name=$1 status=$2 expected=$3 output got=0
    shift 3
    output=$("$example" "$@" 2>&1) || got=$?
    if [ "$got" = "$status" ] && [ "$output" = "$expected" ]; then
        echo "ok    $name"
    else
        echo "FAIL  $name: status $got, expected $status"
        diff <(echo "$expected") <(echo "$output") | sed 's/^/    /' || true
        failed=1
    fi
}

cd Examples/Embedding
example=../../$example

expect "the example of the README" 0 "app example, 1 service
  redis  docker.io/library/redis:alpine
    example.redis.0  ctr-00  example.redis.0.stellar" ../example.conf ctr-00 ctr-01,zone=a

expect "a file with three mistakes" 1 'broken.conf:7: services[0].instances: is not a field of a service; the number of containers is "replicas"
broken.conf:10: services[1].name: "Web" is not a DNS label (a-z, 0-9 and - inside); did you mean "web"?
broken.conf:13: services[1].endpoints[0].port: 70000 is not a port (1-65535)' broken.conf ctr-00

expect "no node" 1 "service example.redis cannot be placed: there is no node to run it" ../example.conf

expect "no file" 1 "missing.conf: No such file or directory" missing.conf ctr-00

exit $failed
