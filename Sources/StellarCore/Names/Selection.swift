/// The replicas that a delete or restart selects by a name: `app`, `app.service` or `app.service.replica`.
///
/// Whole parts are compared: `app.web` does not select `app.web2.0`, and `app.web.1` does not select `app.web.10`.
package struct Selection: Sendable, Hashable, LosslessStringConvertible {
    /// The app's name.
    package var app: String
    /// The service's name; nil is every service.
    package var service: String?
    /// The number of the replica; nil is every replica.
    package var replica: Int?

    /// Creates a selection.
    package init(app: String, service: String? = nil, replica: Int? = nil) {
        self.app = app
        self.service = service
        self.replica = replica
    }

    /// Reads `app`, `app.service` or `app.service.replica`; nil for any other text.
    package init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), parts.prefix(2).allSatisfy({ Name.problem(with: $0) == nil }) else {
            return nil
        }
        self.init(app: parts[0], service: parts.count > 1 ? parts[1] : nil)
        guard parts.count == 3 else { return }
        guard let replica = Int(parts[2]), replica >= 0, String(replica) == parts[2] else { return nil }
        self.replica = replica
    }

    /// Whether the selection includes the replica.
    package func contains(_ id: ContainerID) -> Bool {
        id.app == app && (service == nil || id.service == service) && (replica == nil || id.replica == replica)
    }

    /// The selection as text.
    package var description: String {
        ([app, service, replica.map(String.init)] as [String?]).compactMap { $0 }.joined(separator: ".")
    }
}
