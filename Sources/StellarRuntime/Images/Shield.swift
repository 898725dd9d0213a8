/// Runs `body` to its end even if the calling task is cancelled: for clean-up. `body` must bound its own time.
func shielded<R: Sendable>(_ body: @escaping @Sendable () async -> R) async -> R {
    // An unstructured task does not inherit the cancellation; it is awaited here, so it does not outlive the call.
    await Task { await body() }.value
}
