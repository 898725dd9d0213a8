public import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// The Stellar API of one daemon, typed: one method per RPC.
///
/// Any node answers for the whole cluster (`cluster`, `application`, `nameserver`) and for itself (`node`, `health`). Every
/// method throws `RPCError` with the code and the words of the daemon; a connection that cannot be made is
/// `RPCCode.unavailable`.
public struct StellarClient: Sendable {
    /// The connection. Its owner closes it.
    public let rpc: RPCClient
    /// What every call is made with.
    public var options: RPCCallOptions

    public init(_ rpc: RPCClient, options: RPCCallOptions = .init()) {
        self.rpc = rpc
        self.options = options
    }

    /// Apps.
    public var application: Application { .init(client: self) }
    /// All nodes.
    public var cluster: Cluster { .init(client: self) }
    /// The answering node's health.
    public var health: Health { .init(client: self) }
    /// DNS records.
    public var nameserver: Nameserver { .init(client: self) }
    /// Subnets, addresses, routes.
    public var network: Network { .init(client: self) }
    /// The answering node's containers and images.
    public var node: Node { .init(client: self) }
    /// Placement.
    public var scheduler: Scheduler { .init(client: self) }

    /// Versions of the daemon and of its containerd.
    public func version() async throws -> VersionVersionResponse {
        try await call(StellarMethods.Version.version, Google_Protobuf_Empty())
    }

    func call<Request: Message, Response: Message>(
        _ method: RPCMethod,
        _ request: Request
    ) async throws -> Response {
        try await rpc.unary(method, request, returning: Response.self, options: options)
    }

    /// A call whose answer holds nothing.
    func send(_ method: RPCMethod, _ request: some Message) async throws {
        _ = try await rpc.unary(method, request, returning: Google_Protobuf_Empty.self, options: options)
    }

    /// Runs a server streaming call and gives `body` each message in turn, as it comes.
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
