import Logging
import StellarAPI
import StellarCore
import StellarRPC

/// Connections to the APIs of other nodes: the first call opens one, later calls share it, and it is closed after some time
/// without a call.
actor NodeClients {
    /// A person who looks at a cluster looks again; a connection costs each side some tens of kilobytes.
    static let idleLimit = Duration.seconds(60)

    private struct Entry {
        var client: RPCClient
        var lastUse: ContinuousClock.Instant
    }

    private var entries: [String: Entry] = [:]
    private var janitor: Task<Void, Never>?
    private let configuration: RPCClientConfiguration
    private let logger: Logger

    /// - Parameter tls: how to connect to other nodes; nil is plaintext.
    init(tls: RPCTLSConfiguration.Client?, logger: Logger) {
        configuration = RPCClientConfiguration(tls: tls)
        self.logger = logger
    }

    /// The API of a node.
    ///
    /// - Parameters:
    ///   - address: `host:port`. It comes from the network, so no other form of an address is taken.
    ///   - limit: for each call; nil is none.
    func client(_ address: String, limit: Duration?) throws -> StellarClient {
        guard let endpoint = HostPort(address) else {
            throw ClusterError(.unavailable, "it announces the address \"\(address)\", which is not host:port")
        }
        let entry =
            entries[address]
            ?? Entry(
                client: RPCClient(
                    address: .tcp(host: endpoint.host, port: endpoint.port),
                    configuration: configuration,
                    logger: logger
                ),
                lastUse: .now
            )
        entries[address] = Entry(client: entry.client, lastUse: .now)
        if janitor == nil { janitor = Task { [weak self] in await self?.tidy() } }
        return StellarClient(entry.client, options: RPCCallOptions(timeout: limit))
    }

    /// A node did not respond in time: the connection may be to a host that no longer runs, so the next call opens another.
    func drop(_ address: String) {
        guard let entry = entries.removeValue(forKey: address) else { return }
        Task { await entry.client.close() }
    }

    func close() async {
        janitor?.cancel()
        let clients = entries.values.map(\.client)
        entries = [:]
        for client in clients { await client.close() }
    }

    private func tidy() async {
        while !entries.isEmpty {
            guard (try? await Task.sleep(for: Self.idleLimit)) != nil else { return }
            let now = ContinuousClock.now
            for (address, entry) in entries where now - entry.lastUse >= Self.idleLimit { drop(address) }
        }
        janitor = nil
    }
}

extension NodeClients {
    /// A node responds from memory in milliseconds, a round trip around the world takes a third of a second, and a person
    /// waits at a prompt.
    static let responseLimit = Duration.seconds(3)

    /// Calls nodes at the same time, each for no longer than the limit.
    ///
    /// - Returns: What each returned, in the order of the nodes.
    nonisolated func call<Response: Sendable>(
        _ nodes: [NodeView],
        limit: Duration,
        _ body: @escaping @Sendable (StellarClient) async throws -> Response
    ) async -> [(node: NodeView, result: Result<Response, RPCError>)] {
        let results = await withTaskGroup(of: (Int, Result<Response, RPCError>).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, await self.call(node, limit: limit, body)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return nodes.enumerated().compactMap { index, node in results[index].map { (node, $0) } }
    }

    private nonisolated func call<Response: Sendable>(
        _ node: NodeView,
        limit: Duration,
        _ body: @Sendable (StellarClient) async throws -> Response
    ) async -> Result<Response, RPCError> {
        do {
            return .success(try await body(try await client(node.address, limit: limit)))
        } catch {
            var error = RPCError(of: error)
            if error.code == .deadlineExceeded {
                await drop(node.address)
                error.message = "no answer of \(node.address) within \(GoDuration.format(limit))"
            }
            return .failure(error)
        }
    }
}
