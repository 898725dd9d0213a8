#!/usr/bin/env bash
# test-embedding.sh: builds Examples/Embedding, a package of its own, and checks the output of its programs. Also checks
# that each block of Swift in the documentation is one of its snippets.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
failed=0

# The snippets of the programs: the lines between "// snippet: NAME" and "// snippet: end", without the indentation of
# the first line, each snippet ended by a line with a form feed.
snippets=$(awk '
    /^ *\/\/ snippet: end$/ {inside = 0; print "\f"; next}
    /^ *\/\/ snippet: / {inside = 1; match($0, /^ */); width = RLENGTH; next}
    inside {print substr($0, 1, width) ~ /^ *$/ ? substr($0, width + 1) : $0}
' Examples/Embedding/Sources/*/*.swift)
for document in Sources/StellarCore/StellarCore.docc/*.md README.md; do
    blocks=$(awk '/^```swift$/ {inside = 1; next} inside && /^```$/ {inside = 0; print "\f"; next} inside' "$document")
    number=0
    while IFS= read -r -d $'\f' block; do
        block=${block#$'\n'}
        number=$((number + 1))
        if [[ $'\n\f\n'$snippets == *$'\f\n'"$block"$'\f'* ]]; then
            echo "ok    Swift block $number of $document"
        else
            echo "FAIL  Swift block $number of $document is not a snippet of Examples/Embedding:"
            sed 's/^/    /' <<< "$block"
            failed=1
        fi
    done <<< "$blocks"
done

# A build folder of its own: two packages cannot share one.
build=.build-embedding
swift build --package-path Examples/Embedding --scratch-path $build

# expect NAME STATUS EXPECTED PROGRAM ARGUMENT...: runs a program of the example and compares status and output, with
# standard error.
expect() {
    local name=$1 status=$2 expected=$3 output got=0
    local program=../../$build/debug/$4
    shift 4
    output=$("$program" "$@" 2>&1) || got=$?
    if [ "$got" = "$status" ] && [ "$output" = "$expected" ]; then
        echo "ok    $name"
    else
        echo "FAIL  $name: status $got, expected $status"
        diff <(echo "$expected") <(echo "$output") | sed 's/^/    /' || true
        failed=1
    fi
}

cd Examples/Embedding

expect "the example of the README is placed and scaled" 0 "example.redis.0 runs on ctr-00
ctr-00: keep example.redis.0
ctr-01: create example.redis.1
ctr-02: create example.redis.2" Embedding ../example.conf

expect "a file with three mistakes" 1 'broken.conf:7:13: services[0].instances: is not a field of a service; use "replicas"
broken.conf:10:21: services[1].name: "Web" is not a DNS label (a-z, 0-9 and - inside); did you mean "web"?
broken.conf:13:64: services[1].endpoints[0].port: 70000 is not a port (1-65535)' Embedding broken.conf

expect "a missing file" 1 "cannot open missing.conf: No such file or directory" Embedding missing.conf

expect "an app in code" 0 '{
    "name": "shop",
    "services": [
        {
            "name": "web",
            "image": "registry.example.com/shop/web:1.4",
            "process": {
                "user": "nobody",
                "env": ["MODE=production"]
            },
            "endpoints": [
                {
                    "service": "www",
                    "protocol": "tcp",
                    "port": 8080
                }
            ],
            "replicas": 3,
            "placement_preference": {
                "max_replicas_per_node": 2
            },
            "restart": {
                "condition": "on-failure",
                "max_retries": 5,
                "delay": "1s",
                "max_delay": "1m0s"
            },
            "resources": {
                "cpu": "500m",
                "memory": 1073741824
            }
        }
    ]
}

ctr-01 runs 2 replicas
restart 1.2 seconds after the start' AppInCode

exit $failed
