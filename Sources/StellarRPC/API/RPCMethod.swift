/// A fully qualified gRPC method.
public struct RPCMethod: Sendable, Hashable {
    /// The service with its package, such as `containerd.services.version.v1.Version`.
    public let service: String
    /// The method's bare name, such as `Version`.
    public let name: String
    /// The value of `:path`: `/<service>/<name>`.
    public let path: String

    public init(_ service: String, _ name: String) {
        self.service = service
        self.name = name
        self.path = "/\(service)/\(name)"
    }

    /// Parses a `:path`; nil where it is not `/<service>/<name>`.
    package init?(path: String) {
        guard path.utf8.first == UInt8(ascii: "/"), let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            return nil
        }
        let service = path[path.index(after: path.startIndex)..<slash]
        let name = path[path.index(after: slash)...]
        guard !service.isEmpty, !name.isEmpty else { return nil }
        self.service = String(service)
        self.name = String(name)
        self.path = path
    }
}

extension RPCMethod: CustomStringConvertible {
    public var description: String { path }
}
