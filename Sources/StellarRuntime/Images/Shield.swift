/// Runs `body` to its end even when the calling task has been cancelled: for cleaning up, which has to happen then
/// most of all. `body` must bound its own time.
func shielded<R: Sendable>(_ body: @escaping @Sendable () async -> R) async -> R {
    // A task of its own does not inherit the cancellation; it is awaited here, so it is not left running.
    await Task { await body() }.value
}
