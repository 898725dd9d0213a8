#!/usr/bin/env bash
# tidy.sh: checks the house rules that the compiler and the formatter do not know. Prints every breach; exits with 1 if there
# is one.
set -uo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
bad=0
breach() { # breach RULE < lines
    local lines
    lines=$(cat)
    [ -z "$lines" ] && return
    printf 'tidy: %s\n%s\n' "$1" "$lines" >&2
    bad=1
}

mapfile -t sources < <(git ls-files 'Sources/*.swift' | grep -v /Generated/)
mapfile -t swift < <(git ls-files '*.swift' | grep -v /Generated/)

grep -nE '^(public |package |internal |@preconcurrency |@_exported )*import Foundation$' "${swift[@]}" |
    breach 'full Foundation puts 46 MB of ICU into the binary; import FoundationEssentials'
grep -nE 'try!|fatalError\(|preconditionFailure\(|nonisolated\(unsafe\)|@unchecked Sendable|[^a-z]as! ' "${sources[@]}" |
    grep -v '// why:' | breach 'traps and unchecked spots say why, beside them ("// why: …")'
grep -nE 'TODO|FIXME|\bXXX\b|HACK' "${swift[@]}" | breach 'finish it, or describe it in an issue'
grep -nE '(contents\(atPath|Data\(contentsOf|contentsOfFile).*"/(proc|sys)/' "${swift[@]}" |
    breach 'FoundationEssentials reads 4 KiB of what the kernel makes up; ProcFile of StellarSystem reads all of it'
mapfile -t tests < <(git ls-files 'Tests/*.swift')
grep -nE '\.now - [a-z]+ <|within: \.(milliseconds\([0-9]+|seconds\([0-2]?[0-9])\)|timeLimit\(\.minutes\([1-4]\)\)' "${tests[@]}" |
    breach 'no test depends on how fast the machine is (Docs/Testing.md); leave the limit to eventually, or make it long'
wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 700 {print $2 ": " $1 " lines"}' |
    breach 'no source file over 700 lines'

# StellarCore is for embedders and does no I/O. The imports of the other targets are checked below.
imports() { # imports TARGET MODULES-REGEX
    grep -nE "^(public |package |internal |private |@testable |@preconcurrency )*import ($2)\$" -r "Sources/$1" --include='*.swift'
}
imports StellarCore '[A-Z][A-Za-z]*' | grep -vE 'import (FoundationEssentials|Glibc|Musl)$' |
    breach 'StellarCore imports nothing but the standard library and FoundationEssentials'
imports StellarCore 'Dispatch' | breach 'StellarCore does no I/O'

grep -nE 'isSelf|== *own\.id' Sources/StellarDaemon/Apps/*.swift | grep -v 'func node(_ view: NodeView)' |
    grep -v 'shares.keys.contains' | breach 'Apps use AppNode for this node as for any other'

mapfile -t domain < <(ls Sources/StellarDaemon/{Apps,Reconcile,Reconcile/Slot,State,Network,Host,Model,Ports}/*.swift | grep -v /RemoteNode.swift)
grep -nE '\bRPCError\b|^import StellarRPC$' "${domain[@]}" |
    breach 'a domain throws a DaemonError of its own; RPCError belongs to the edge (Services, Cluster, RemoteNode)'

# Rules that need a parser are a small Swift program; it is built when its sources changed.
tool=.build/tidy
if [ ! -x "$tool" ] || [ -n "$(find scripts/tidy -newer "$tool" -name '*.swift')" ]; then
    mkdir -p .build
    swiftc -O -swift-version 6 scripts/tidy/*.swift -o "$tool" || exit 1
fi
git ls-files '*.swift' '*.md' '*.sh' '*.py' '*.proto' Makefile | "$tool" "$@" || bad=1

exit $bad
