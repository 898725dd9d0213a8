/// The replicas that a name given to delete or restart stands for: `app`, `app.service` or `app.service.replica`.
///
/// Parts are compared whole: `app.web` does not select `app.web2.0`, and `app.web.1` not `app.web.10`.
public struct Selection: Sendable, Hashable, LosslessStringConvertible {
    /// The app.
    public var app: String
    /// One service of it, or all.
    public var service: String?
    /// One replica of the service, or all.
    public var replica: Int?

    /// Makes a selection.
    public init(app: String, service: String? = nil, replica: Int? = nil) {
        self.app = app
        self.service = service
        self.replica = replica
    }

    /// Reads `app`, `app.service` or `app.service.replica`; nil for anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), parts.prefix(2).allSatisfy({ Name.problem(with: $0) == nil }) else {
            return nil
        }
        self.init(app: parts[0], service: parts.count > 1 ? parts[1] : nil)
        guard parts.count == 3 else { return }
        guard let replica = Int(parts[2]), replica >= 0, String(replica) == parts[2] else { return nil }
        self.replica = replica
    }

    /// Whether the replica is meant.
    public func contains(_ id: ContainerID) -> Bool {
        id.app == app && (service == nil || id.service == service) && (replica == nil || id.replica == replica)
    }

    /// The text form.
    public var description: String {
        ([app, service, replica.map(String.init)] as [String?]).compactMap { $0 }.joined(separator: ".")
    }
}
