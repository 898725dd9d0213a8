public import Logging
package import StellarRPC
import StellarSystem
import SwiftProtobuf
import Synchronization

/// The containers, tasks and images of one containerd namespace.
///
/// One connection is shared by all calls; it is made by the first and remade when containerd restarts. Every operation
/// may be repeated after a crash: what is there already, or is gone already, is fine.
///
/// Errors are `RPCError` with the true gRPC code and a message that names the thing and the fix.
public final class ContainerRuntime: Sendable {
    /// The path of containerd's socket.
    public let address: String
    /// The containerd namespace that everything happens in.
    public let namespace: String

    package let client: RPCClient
    package let logger: Logger
    let prepared = PreparedSnapshots()
    let host: HostFacts

    /// For registries.
    let http = CurlClient()
    /// Leases of pulls under way here.
    let activeLeases = Mutex<Set<String>>([])
    /// One task at a time unpacks one layer.
    let unpacking = KeyedLock<String>()
    /// One task at a time writes one object into the content store.
    let writing = KeyedLock<String>()
    let storedImages = StoredImageCache()
    /// Of the containerd whose events are being read, until it ends; nil where that is not known.
    let subscribedVersion = Mutex<RuntimeVersion?>(nil)

    /// A runtime; nothing is connected before the first call.
    ///
    /// - Parameters:
    ///   - address: the unix socket, `/run/containerd/containerd.sock`, with or without `unix://`.
    ///   - namespace: the containerd namespace; containerd makes it with the first thing in it.
    public convenience init(address: String, namespace: String, logger: Logger) {
        self.init(address: address, namespace: namespace, host: .current(), logger: logger)
    }

    /// A runtime for a containerd that sees another node than this process does.
    package init(address: String, namespace: String, host: HostFacts, logger: Logger) {
        let address = address.hasPrefix("unix://") ? String(address.dropFirst(7)) : address
        self.address = address
        self.namespace = namespace
        self.logger = logger
        client = RPCClient(address: .unix(path: address), logger: logger)
        self.host = host
    }

    /// Which containerd answers. One whose events are being read (``events()``) need not be asked again: it cannot become
    /// another without their end.
    public func version() async throws -> RuntimeVersion {
        if let known = subscribedVersion.withLock({ $0 }) { return known }
        return try await askVersion()
    }

    func askVersion() async throws -> RuntimeVersion {
        let answer: ContainerdVersionVersionResponse = try await call(
            .version,
            Google_Protobuf_Empty(),
            timeout: Self.quickTimeout,
            naming: "containerd"
        )
        return RuntimeVersion(version: answer.version, revision: answer.revision)
    }

    /// Ends the connection. Calls under way end first.
    public func close() async {
        await client.close()
        await http.shutdown()
    }
}
