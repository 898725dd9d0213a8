/// The id of one replica, `<app>.<service>.<replica>`.
///
/// It is the id of the container in containerd, its host name, and the first part of its DNS name.
public struct ContainerID: Sendable, Hashable, LosslessStringConvertible {
    /// The app's name.
    public var app: String
    /// The service's name.
    public var service: String
    /// The number of the replica, from 0.
    public var replica: Int

    /// The most characters of an id: HOST_NAME_MAX of Linux (sethostname(2)). containerd allows more, 76.
    public static let maximumLength = 64
    /// The DNS domain of the cluster.
    public static let domain = "stellar"

    /// Creates an id without checking its parts.
    public init(app: String, service: String, replica: Int) {
        self.app = app
        self.service = service
        self.replica = replica
    }

    /// Reads `app.service.replica`. nil for any other text: another number of parts, a name that is not a DNS label
    /// (see ``Name``), a replica that is not a number or has leading zeros, more than ``maximumLength`` characters.
    public init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false)
        guard description.utf8.count <= Self.maximumLength, parts.count == 3,
            Name.problem(with: String(parts[0])) == nil, Name.problem(with: String(parts[1])) == nil,
            let replica = Int(parts[2]), replica >= 0, String(replica) == parts[2]
        else { return nil }
        self.init(app: String(parts[0]), service: String(parts[1]), replica: replica)
    }

    /// The id as text: `example.redis.0`.
    public var description: String { "\(app).\(service).\(replica)" }
    /// The DNS name of this replica: `example.redis.0.stellar`.
    public var dnsName: String { "\(self).\(Self.domain)" }
    /// The DNS name of all replicas of the service: `example.redis.stellar`.
    public var serviceDNSName: String { "\(app).\(service).\(Self.domain)" }
}

extension ContainerID: Comparable {
    /// Orders by app, then service, then replica as a number: `a.b.2` before `a.b.10`.
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
