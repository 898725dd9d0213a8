import Logging
import StellarAPI
import StellarCore
import StellarRPC

/// Connections to the APIs of other nodes: made at the first call, shared by the calls after it, closed when nobody has
/// called for a while.
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

    /// - Parameter tls: how other nodes are spoken to; nil is plaintext.
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
            throw RPCError(.unavailable, "it announces the address \"\(address)\", which is not host:port")
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

    /// A node did not answer in time: perhaps the connection is to one that is no more, so the next call makes another.
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
    /// A look into the memory of a node takes milliseconds, the way around the world and back a third of a second; and
    /// somebody waits at a prompt.
    static let answerLimit = Duration.seconds(3)

    /// Asks nodes at the same time. No node is waited for longer than the limit.
    ///
    /// - Returns: What each said, in the order of the nodes.
    nonisolated func ask<Answer: Sendable>(
        _ nodes: [NodeView],
        limit: Duration,
        _ question: @escaping @Sendable (StellarClient) async throws -> Answer
    ) async -> [(node: NodeView, answer: Result<Answer, RPCError>)] {
        let answers = await withTaskGroup(of: (Int, Result<Answer, RPCError>).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, await self.ask(node, limit: limit, question)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return nodes.enumerated().compactMap { index, node in answers[index].map { (node, $0) } }
    }

    private nonisolated func ask<Answer: Sendable>(
        _ node: NodeView,
        limit: Duration,
        _ question: @Sendable (StellarClient) async throws -> Answer
    ) async -> Result<Answer, RPCError> {
        do {
            return .success(try await question(try await client(node.address, limit: limit)))
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
