#!/usr/bin/env bash
# idle.sh [SECONDS]: measures memory and CPU of an idle daemon (10 seconds), the size of the binaries, and how long `sctl`
# takes. Prints the project's limits beside the figures.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
bench_setup
start_containerd
start_stellar
seconds=${1:-10}

# ticks PID: CPU time so far, in ms (proc(5), utime and stime of /proc/PID/stat).
ticks() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}' "/proc/$1/stat"; }

sleep 2
before=$(ticks "$stellar_pid")
sleep "$seconds"
after=$(ticks "$stellar_pid")
rss=$(awk '/^VmRSS/ {print $2 / 1024}' "/proc/$stellar_pid/status")
anon=$(awk '/^RssAnon/ {print $2 / 1024}' "/proc/$stellar_pid/status")
printf '%-44s %8.1f MB       limit 25 (anonymous: %.1f)\n' "idle daemon: RSS" "$rss" "$anon"
printf '%-44s %8.2f ms/s     limit 2\n' "idle daemon: CPU" "$(awk -v a="$before" -v b="$after" -v s="$seconds" 'BEGIN {print (b - a) / s}')"

for binary in "stellar:limit 30" "sctl:limit 20" "stellar-cni-ipam:"; do
    size=$(stat -c %s "$bin/${binary%:*}")
    printf '%-44s %8.1f MB       %s\n' "size of ${binary%:*}" "$(awk -v s="$size" 'BEGIN {print s / 1e6}')" "${binary#*:}"
done

# median_of COMMAND...: the median of 21 runs, in ms.
median_of() {
    local i t0 t1 times=()
    for ((i = 0; i < 21; i++)); do
        t0=${EPOCHREALTIME/[.,]/}
        "$@" > /dev/null
        t1=${EPOCHREALTIME/[.,]/}
        times+=($((t1 - t0)))
    done
    awk -v m="$(median "${times[@]}")" 'BEGIN {printf "%.1f", m / 1000}'
}
floor=$(median_of inside /bin/true)
for line in "version:10" "cluster nodes:12"; do
    # shellcheck disable=SC2086
    took=$(median_of inside "$bin/sctl" ${line%:*})
    printf '%-44s %8s ms       limit %s (%s of it to start any program)\n' "sctl ${line%:*}" "$took" "${line#*:}" "$floor"
done
