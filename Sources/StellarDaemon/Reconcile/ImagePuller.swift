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

    /// Returns when the image is here, complete and unpacked.
    ///
    /// The first to ask pulls; the others have their turn after it and find the image there.
    func ensure(
        _ image: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws {
        let runtime = runtime
        if try await runtime.hasImage(image, snapshotter: snapshotter) { return }
        try await turn.withLock(Key(image: image, snapshotter: snapshotter)) {
            if try await runtime.hasImage(image, snapshotter: snapshotter) { return }
            progress(PullStep(layer: "", status: .resolving))
            try await runtime.pull(image, snapshotter: snapshotter, progress: progress)
        }
    }
}
