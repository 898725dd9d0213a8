import Logging
import NIOCore
import NIOPosix
import StellarTestKit
import Synchronization

@testable import StellarGossip

/// Nodes on loopback sockets.
enum NodeBench {
    /// A node on this machine, at a port that the kernel chooses.
    static func configuration(_ name: String, peers: [String] = []) -> GossipNodeConfiguration {
        var configuration = GossipNodeConfiguration(name: name)
        configuration.bind = GossipEndpoint(address: loopback, port: 0)
        configuration.gossip = .local
        configuration.peers = peers
        return configuration
    }

    static let loopback = WireAddress([127, 0, 0, 1]) ?? .none

    /// Runs a node as long as `body`; then it stops without a leave message.
    @discardableResult
    static func with<R: Sendable>(
        _ configuration: GossipNodeConfiguration,
        store: (any PeerStore)? = nil,
        log: CapturedLog = CapturedLog(),
        _ body: @Sendable @escaping (GossipNode, GossipEndpoint) async throws -> R
    ) async throws -> R {
        let node = try GossipNode(configuration, store: store, logger: log.logger)
        let endpoint = try await node.start()
        return try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask {
                try await node.run()
                return nil
            }
            group.addTask { try await body(node, endpoint) }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let result = ended { return result }
            }
            throw CancellationError()
        }
    }

    /// Waits until a node sees exactly these nodes as alive.
    static func sees(_ node: GossipNode, _ names: [String]) async throws {
        try await eventually("alive: \(names)") {
            await node.members().filter { $0.state == .alive }.map(\.name) == names ? true : nil
        }
    }

    static func state(_ name: String, on node: GossipNode) async -> NodeState? {
        await node.members().first { $0.name == name }?.state
    }

    /// Sends bytes as one datagram.
    static func send(_ bytes: [UInt8], to endpoint: GossipEndpoint) async throws {
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let target = try SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))
        try await channel.writeAndFlush(AddressedEnvelope(remoteAddress: target, data: ByteBuffer(bytes: bytes)))
        try await channel.close()
    }

    /// A connection that sends nothing.
    static func connect(to endpoint: GossipEndpoint) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: endpoint.address.description, port: Int(endpoint.port)).get()
    }
}

/// A log handler that keeps the lines.
final class CapturedLog: Sendable {
    private let kept = Mutex<[String]>([])

    /// The lines, each with level, message and metadata.
    var lines: [String] { kept.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .debug
        return logger
    }

    fileprivate func keep(_ line: String) {
        kept.withLock { $0.append(line) }
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            log.keep("\(event.level) \(event.message) \(details.joined(separator: " "))")
        }
    }
}
