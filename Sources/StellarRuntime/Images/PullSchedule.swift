/// Decides when each layer is fetched and unpacked.
///
/// A pure machine. Several layers download at a time, in order. Each is unpacked once it is complete and the layer
/// below is unpacked, while others download.
package struct PullSchedule: Sendable {
    package enum Event: Sendable, Hashable {
        case downloaded(Int)
        case unpacked(Int)
    }

    package enum Action: Sendable, Hashable {
        case download(Int)
        case unpack(Int)
    }

    /// Concurrent downloads; containerd's own clients do three.
    package static let parallelDownloads = 3

    private let count: Int
    private let parallel: Int
    private var nextDownload = 0
    private var nextUnpack: Int
    private var downloading = 0
    private var isUnpacking = false
    private var downloaded: Set<Int> = []

    /// - Parameters:
    ///   - layers: the number of layers, bottom first.
    ///   - isUnpacked: the snapshotter has the image already, so no layer is unpacked.
    package init(layers: Int, isUnpacked: Bool, parallel: Int = PullSchedule.parallelDownloads) {
        count = layers
        self.parallel = parallel
        nextUnpack = isUnpacked ? layers : 0
    }

    package var isDone: Bool { downloaded.count == count && nextUnpack == count && !isUnpacking }

    /// The first actions.
    package mutating func start() -> [Action] { due() }

    /// The actions that `event` makes possible.
    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .downloaded(let layer):
            if downloaded.insert(layer).inserted { downloading -= 1 }
        case .unpacked:
            isUnpacking = false
        }
        return due()
    }

    private mutating func due() -> [Action] {
        var actions: [Action] = []
        while downloading < parallel, nextDownload < count {
            actions.append(.download(nextDownload))
            nextDownload += 1
            downloading += 1
        }
        if !isUnpacking, nextUnpack < count, downloaded.contains(nextUnpack) {
            actions.append(.unpack(nextUnpack))
            nextUnpack += 1
            isUnpacking = true
        }
        return actions
    }
}
