import StellarSystem

/// Pulls each image once, however many slots wait for it.
final class ImagePuller: Sendable {
    private struct Key: Hashable, Sendable {
        var image: String
        var snapshotter: String
    }

    private let runtime: any RuntimePort
    private let turn = KeyedLock<Key>()

    init(runtime: any RuntimePort) {
        self.runtime = runtime
    }

    /// Pulls an image unless this node has it, complete and unpacked.
    ///
    /// The first caller pulls; the others wait for it and find the image there.
    func ensure(
        _ image: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws {
        let runtime = runtime
        if try await runtime.hasImage(image, snapshotter: snapshotter) { return }
        try await turn.withLock(Key(image: image, snapshotter: snapshotter)) {
            if try await runtime.hasImage(image, snapshotter: snapshotter) { return }
            progress(PullStep(layer: "", status: .known(.resolving)))
            try await runtime.pull(image, snapshotter: snapshotter, progress: progress)
        }
    }
}
