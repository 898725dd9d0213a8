import ArgumentParser
import Logging
import NIOPosix
import StellarAPI
import StellarRPC

/// A command that does something: it has the global options and talks to one daemon.
protocol Verb: AsyncParsableCommand {
    var globals: GlobalOptions { get }
}

extension Verb {
    var console: Console { Console.current }

    /// Connects to the daemon for as long as `body` runs.
    func withClient<Result>(_ body: (StellarClient) async throws -> Result) async throws -> Result {
        let endpoint = try globals.endpoint()
        var configuration = RPCClientConfiguration(tls: endpoint.tls)
        configuration.userAgent = "sctl/\(BuildInformation.version)"
        configuration.connectTimeout = Connection.timeout
        let rpc = RPCClient(
            address: endpoint.address,
            configuration: configuration,
            eventLoopGroup: Connection.eventLoops,
            logger: globals.debug ? Connection.debugLogger : Connection.silentLogger
        )
        do {
            let result = try await body(StellarClient(rpc))
            await rpc.close()
            return result
        } catch {
            await rpc.close()
            throw error
        }
    }
}

/// What the connections of the process share.
private enum Connection {
    /// Someone waits at the prompt; a daemon two hops away answers in well under a second.
    static let timeout = Duration.seconds(5)

    /// One thread: there is one connection. It ends with the process.
    static let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    static let silentLogger = Logger(label: "sctl") { _ in SwiftLogNoOpLogHandler() }

    static let debugLogger: Logger = {
        var logger = Logger(label: "sctl") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .trace
        return logger
    }()
}
