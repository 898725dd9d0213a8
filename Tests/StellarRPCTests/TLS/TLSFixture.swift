import Logging
import NIOCore
import StellarTestKit
import Synchronization

@testable import StellarRPC

/// The certificate files of a server and a client of one authority.
struct TLSFixture {
    let directory: String
    let authority: TestAuthority
    let server: TestAuthority.Issued
    let client: TestAuthority.Issued

    static func with<R>(_ body: (TLSFixture) async throws -> R) async throws -> R {
        try await TemporaryDirectory.with { directory in
            let authority = try await TestAuthority(directory: directory)
            let server = try await authority.issue(
                "server",
                names: ["DNS:localhost", "DNS:*.example.test", "IP:127.0.0.1", "IP:::1"],
                for: .server
            )
            let client = try await authority.issue(
                "node1",
                names: [
                    "DNS:node1", "IP:10.0.0.1", "IP:fd00::1", "URI:spiffe://stellar/node1", "email:a@example.test",
                ],
                for: .client
            )
            return try await body(
                TLSFixture(directory: directory, authority: authority, server: server, client: client)
            )
        }
    }

    var serverConfiguration: RPCTLSConfiguration.Server {
        RPCTLSConfiguration.Server(identity: identity(server))
    }

    var mutualServerConfiguration: RPCTLSConfiguration.Server {
        RPCTLSConfiguration.Server(
            identity: identity(server),
            clientCertificates: .require(.file(authority.certificate))
        )
    }

    var clientConfiguration: RPCTLSConfiguration.Client {
        RPCTLSConfiguration.Client(trustRoots: .file(authority.certificate))
    }

    var mutualClientConfiguration: RPCTLSConfiguration.Client {
        var configuration = clientConfiguration
        configuration.identity = identity(client)
        return configuration
    }

    func identity(_ issued: TestAuthority.Issued) -> RPCTLSConfiguration.Identity {
        RPCTLSConfiguration.Identity(certificateChainFile: issued.certificate, privateKeyFile: issued.key)
    }
}

/// The effects that one side of a connection had.
struct TLSOutcome {
    var established: TLSEstablished?
    var plaintext: [UInt8] = []
    var ended = false
    var error: RPCTLSError?
    var bytesForPeer: [UInt8] = []

    mutating func add(_ effects: [TLSEngine.Effect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes): bytesForPeer += bytes.readableBytesView
            case .established(let session): established = session
            case .deliver(let bytes): plaintext += bytes.readableBytesView
            case .ended: ended = true
            case .failed(let failure): error = failure
            }
        }
    }

    mutating func takeBytes() -> [UInt8] {
        defer { bytesForPeer = [] }
        return bytesForPeer
    }
}

/// A client's and a server's engine, connected in memory.
struct TLSPair: ~Copyable {
    var client: TLSEngine
    var server: TLSEngine
    var atClient = TLSOutcome()
    var atServer = TLSOutcome()

    init(client: consuming TLSEngine, server: consuming TLSEngine) {
        self.client = client
        self.server = server
    }

    init(
        _ client: RPCTLSConfiguration.Client,
        _ server: RPCTLSConfiguration.Server,
        host: String? = "localhost"
    ) throws {
        self.init(
            client: try TLSContextSource(client: client, logger: .silent).makeEngine(host: host),
            server: try TLSContextSource(server: server, logger: .silent).makeEngine()
        )
    }

    /// Moves bytes both ways, `piece` at a time, until neither side has output.
    mutating func exchange(piece: Int = .max) {
        atClient.add(client.start())
        atServer.add(server.start())
        while !atClient.bytesForPeer.isEmpty || !atServer.bytesForPeer.isEmpty {
            for bytes in Self.cut(atClient.takeBytes(), piece) { atServer.add(server.receive(bytes)) }
            for bytes in Self.cut(atServer.takeBytes(), piece) { atClient.add(client.receive(bytes)) }
        }
    }

    static func cut(_ bytes: [UInt8], _ piece: Int) -> [ByteBuffer] {
        stride(from: 0, to: bytes.count, by: min(piece, max(1, bytes.count))).map {
            ByteBuffer(bytes: bytes[$0..<min(bytes.count, $0 + min(piece, bytes.count))])
        }
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Records log lines.
final class LogRecorder: Sendable {
    private let lines = Mutex<[String]>([])

    var recorded: [String] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let values = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            recorder.lines.withLock { $0.append("\(event.level) \(event.message) \(values)") }
        }
    }
}
