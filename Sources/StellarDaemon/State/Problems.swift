import Synchronization

/// What does not work on this node: every part of the daemon registers what it has to say.
final class Problems: Sendable {
    /// What a problem affects.
    enum Area: Sendable, Hashable {
        /// Containers that run, or are about to: who creates an app is warned.
        case containers
        case node
    }

    typealias Source = @Sendable () async -> [String]

    private let sources = Mutex<[(area: Area, source: Source)]>([])

    /// - Parameter source: The problems at the moment it is called, each in one line.
    func register(_ area: Area, _ source: @escaping Source) {
        sources.withLock { $0.append((area, source)) }
    }

    /// All problems of an area, or of all, in the order in which their parts were registered.
    func current(_ area: Area? = nil) async -> [String] {
        var problems: [String] = []
        for source in sources.withLock({ $0 }) where area == nil || source.area == area {
            problems += await source.source()
        }
        return problems
    }
}
