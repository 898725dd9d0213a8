import StellarCore
import StellarStore

/// What should run in the cluster, as one node knows it: the newest record of each app.
///
/// A record replaces an older one whole; one that is not newer changes nothing. A record that cannot be decoded (a later
/// release wrote it) leaves the app as it was, and counts as the newest all the same, so that nothing older replaces it.
struct AppBook: Sendable {
    /// The apps that are not deleted.
    private(set) var apps: [String: DesiredApp] = [:]
    /// The newest write about each app, also of those that were deleted.
    private(set) var versions: [String: AppVersion] = [:]
    /// When the newest write arrived, in seconds since 1970; missing where the disk had it at the start.
    private(set) var arrivals: [String: Int64] = [:]
    /// Why the newest record of an app cannot be decoded.
    private(set) var undecodable: [String: String] = [:]

    /// What came of a record.
    enum Outcome: Sendable, Hashable {
        /// The book has this record already, or a newer one.
        case stale
        case applied
        /// It is the newest, and for this reason nobody knows what it says.
        case undecodable(String)
    }

    /// Applies a record of the store.
    ///
    /// - Parameter arrival: Now, in seconds since 1970; nil for what the disk has at the start.
    @discardableResult
    mutating func apply(_ entry: StoreEntry, arrival: Int64?) -> Outcome {
        let (name, version) = (entry.key.key, AppVersion(entry))
        guard let value = entry.value else { return apply(name, nil, version, arrival: arrival) }
        guard isNews(name, version) else { return .stale }
        do {
            return apply(name, try DesiredApp(encoded: value), version, arrival: arrival)
        } catch {
            versions[name] = version
            undecodable[name] = "\(error)"
            return .undecodable("\(error)")
        }
    }

    /// Applies a record whose content is known.
    ///
    /// - Parameter desired: nil where the app is deleted.
    @discardableResult
    mutating func apply(_ name: String, _ desired: DesiredApp?, _ version: AppVersion, arrival: Int64?) -> Outcome {
        // What leaves the store leaves the book: a purge reports the removed record's own version.
        let isPurged = desired == nil && versions[name] == version && apps[name] != nil
        let isExplained = versions[name] == version && undecodable[name] != nil
        guard isPurged || isExplained || isNews(name, version) else { return .stale }
        versions[name] = version
        arrivals[name] = arrival
        undecodable[name] = nil
        apps[name] = desired
        return .applied
    }

    /// Forgets an app of which the store has nothing any more, not even that it was deleted.
    mutating func remove(_ name: String) {
        (apps[name], versions[name], arrivals[name], undecodable[name]) = (nil, nil, nil, nil)
    }

    private func isNews(_ name: String, _ version: AppVersion) -> Bool {
        versions[name].map { $0 < version } ?? true
    }
}

extension AppBook {
    /// What the apps promise to each node.
    ///
    /// - Parameter app: One that does not count: it is about to be placed.
    func load(without app: String?) -> [String: NodeLoad] {
        var load: [String: NodeLoad] = [:]
        for (name, desired) in apps where name != app {
            let services = Dictionary(
                desired.app.services.map { ($0.name, $0) },
                uniquingKeysWith: { first, _ in first }
            )
            for (slot, node) in desired.assignment.entries {
                if let service = services[slot.service] { load[node, default: NodeLoad()].add(service) }
            }
        }
        return load
    }
}
