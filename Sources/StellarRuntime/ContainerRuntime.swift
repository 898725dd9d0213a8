public import Logging
package import StellarRPC
import StellarSystem
import SwiftProtobuf
import Synchronization

/// The containers, tasks and images of one containerd namespace.
///
/// All calls share one connection; the first call opens it, and it is reopened when containerd restarts. Every
/// operation may be repeated after a crash: an object that exists already, or is deleted already, is no error.
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
    /// The version of the containerd whose events are being read, until the stream ends; nil where it is not known.
    let subscribedVersion = Mutex<RuntimeVersion?>(nil)

    /// Makes a runtime; the first call connects it.
    ///
    /// - Parameters:
    ///   - address: the unix socket, `/run/containerd/containerd.sock`, with or without `unix://`.
    ///   - namespace: the containerd namespace; containerd makes it with its first object.
    public convenience init(address: String, namespace: String, logger: Logger) {
        self.init(address: address, namespace: namespace, host: .current(), logger: logger)
    }

    /// Makes a runtime for a containerd that runs on a node with other facts than this process sees.
    package init(address: String, namespace: String, host: HostFacts, logger: Logger) {
        let address = address.hasPrefix("unix://") ? String(address.dropFirst(7)) : address
        self.address = address
        self.namespace = namespace
        self.logger = logger
        client = RPCClient(address: .unix(path: address), logger: logger)
        self.host = host
    }

    /// The version of the running containerd. While ``events()`` is read the version is cached: containerd cannot be
    /// replaced without the end of that stream.
    public func version() async throws -> RuntimeVersion {
        if let known = subscribedVersion.withLock({ $0 }) { return known }
        return try await requestVersion()
    }

    func requestVersion() async throws -> RuntimeVersion {
        let response: ContainerdVersionVersionResponse = try await call(
            .version,
            Google_Protobuf_Empty(),
            timeout: Self.quickTimeout,
            naming: "containerd"
        )
        return RuntimeVersion(version: response.version, revision: response.revision)
    }

    /// Ends the connection. Calls under way end first.
    public func close() async {
        await client.close()
        await http.shutdown()
    }
}
