/// The id of one replica, `<app>.<service>.<replica>`: its containerd id, its host name, and the first part of its
/// DNS name.
public struct ContainerID: Sendable, Hashable, LosslessStringConvertible {
    /// The app's name.
    public var app: String
    /// The service's name.
    public var service: String
    /// The replica, from 0.
    public var replica: Int

    /// Linux's HOST_NAME_MAX: sethostname(2) refuses more. containerd's limit of 76 characters is the wider one.
    public static let maximumLength = 64
    /// The domain that the cluster answers for.
    public static let domain = "stellar"

    /// Makes an id.
    public init(app: String, service: String, replica: Int) {
        self.app = app
        self.service = service
        self.replica = replica
    }

    /// Reads `app.service.replica`. nil for anything else: another number of parts, names that are no DNS labels
    /// (see ``Name``), a replica that is not a number without leading zeros, more than 64 characters.
    public init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false)
        guard description.utf8.count <= Self.maximumLength, parts.count == 3,
            Name.problem(with: String(parts[0])) == nil, Name.problem(with: String(parts[1])) == nil,
            let replica = Int(parts[2]), replica >= 0, String(replica) == parts[2]
        else { return nil }
        self.init(app: String(parts[0]), service: String(parts[1]), replica: replica)
    }

    /// `example.redis.0`
    public var description: String { "\(app).\(service).\(replica)" }
    /// `example.redis.0.stellar`: the DNS name of this replica.
    public var dnsName: String { "\(self).\(Self.domain)" }
    /// `example.redis.stellar`: the DNS name of all replicas of the service.
    public var serviceDNSName: String { "\(app).\(service).\(Self.domain)" }
}

extension ContainerID: Comparable {
    /// By app, then service, then replica as a number: `a.b.2` stands before `a.b.10`.
    public static func < (a: Self, b: Self) -> Bool {
        (a.app, a.service, a.replica) < (b.app, b.service, b.replica)
    }
}

extension ContainerID: Codable {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value(of: "a container id") { Self($0) }
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        try description.encode(to: encoder)
    }
}
