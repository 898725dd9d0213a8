# Helpers of the scripts. Sourced, not run.

# help_if_requested "$@": on -h or --help, prints the comment at the top of the calling script and exits with 0. A script
# calls it before it does anything, and before it changes its directory.
help_if_requested() {
    case ${1:-} in -h | --help) ;; *) return 0 ;; esac
    awk 'NR == 1 {next} !/^#/ {exit} {sub(/^# ?/, ""); print}' "$0"
    exit 0
}

# quietly COMMAND...: shows the output of the command only if it fails. Returns its status.
quietly() {
    local output status=0
    output=$("$@" 2>&1) || status=$?
    [ $status = 0 ] || printf '%s\n' "$output" >&2
    return $status
}
