public import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// A typed client of a daemon's API, with one method for each RPC.
///
/// Any node serves the API of the whole cluster (`cluster`, `application`, `nameserver`) and of itself (`node`,
/// `health`). Every method throws `RPCError` with the daemon's code and message. If the daemon cannot be reached, the
/// code is `RPCCode.unavailable`.
public struct StellarClient: Sendable {
    /// The connection. Its owner must close it.
    public let rpc: RPCClient
    /// The options of every call.
    public var options: RPCCallOptions

    /// Creates a client that uses a connection.
    public init(_ rpc: RPCClient, options: RPCCallOptions = .init()) {
        self.rpc = rpc
        self.options = options
    }

    /// Apps: create, scale, list, restart, delete.
    public var application: Application { .init(client: self) }
    /// The nodes of the cluster, their containers and their health.
    public var cluster: Cluster { .init(client: self) }
    /// The health of the called node.
    public var health: Health { .init(client: self) }
    /// DNS records.
    public var nameserver: Nameserver { .init(client: self) }
    /// Subnets, addresses, routes.
    public var network: Network { .init(client: self) }
    /// The containers and images of the called node.
    public var node: Node { .init(client: self) }
    /// Placement without an app.
    public var scheduler: Scheduler { .init(client: self) }

    /// The versions of the daemon and of its containerd.
    public func version() async throws -> VersionVersionResponse {
        try await call(StellarMethods.Version.version, Google_Protobuf_Empty())
    }

    func call<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ request: Request
    ) async throws -> Response {
        try await rpc.unary(method, request, returning: Response.self, options: options)
    }

    /// Makes a call with an empty response.
    func send(_ method: RPCMethod, _ request: some Message) async throws {
        _ = try await rpc.unary(method, request, returning: Google_Protobuf_Empty.self, options: options)
    }

    /// Makes a server streaming call and passes each message to `body` on arrival.
    func stream<Response: Message & Sendable>(
        _ method: RPCMethod,
        _ request: some Message,
        _ body: (Response) async throws -> Void
    ) async throws {
        try await rpc.serverStreaming(method, request, returning: Response.self, options: options) { responses in
            for try await response in responses { try await body(response) }
        }
    }
}
