import ArgumentParser
import Logging
import NIOCore
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
    ///
    /// - Parameter limit: for each call; nil for those that take as long as an image or a container takes.
    func withClient<Result>(
        limit: Duration? = Connection.answerLimit,
        _ body: (StellarClient) async throws -> Result
    ) async throws -> Result {
        let endpoint = try globals.endpoint()
        var configuration = RPCClientConfiguration(tls: endpoint.tls)
        configuration.userAgent = "sctl/\(BuildInformation.version)"
        configuration.connectTimeout = Connection.timeout
        configuration.keepalive = Connection.keepalive
        let rpc = RPCClient(
            address: endpoint.address,
            configuration: configuration,
            eventLoopGroup: Connection.eventLoop,
            logger: globals.debug ? Connection.debugLogger : Connection.silentLogger
        )
        do {
            let result = try await body(StellarClient(rpc, options: RPCCallOptions(timeout: limit)))
            await rpc.close()
            return result
        } catch {
            await rpc.close()
            throw error
        }
    }
}

extension CommandConfiguration {
    /// Of a command that is no program by itself: it is not asked for ArgumentParser's own `--generate-completion-script`,
    /// whose two hidden commands would take half of the time of a parse.
    static func verb(
        commandName: String,
        abstract: String,
        usage: String,
        discussion: String = ""
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: commandName,
            _superCommandName: "sctl",
            abstract: abstract,
            usage: usage,
            discussion: discussion
        )
    }
}

/// What the connections of the process share.
enum Connection {
    /// Someone waits at the prompt; a daemon two hops away answers in well under a second.
    fileprivate static let timeout = Duration.seconds(5)

    /// To look something up takes a busy daemon less; one that hangs must not hold a script for ever.
    static let answerLimit = Duration.seconds(30)

    /// Finds out that a daemon, or the way to it, is gone in the middle of a long call.
    fileprivate static let keepalive = RPCKeepalive(interval: .seconds(30), timeout: .seconds(20))

    /// The main thread's (``MainThread``); where there is none, as in tests, one thread that ends with the process.
    fileprivate static var eventLoop: any EventLoop { MainThread.eventLoop ?? spare.next() }

    private static let spare = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    fileprivate static let silentLogger = Logger(label: "sctl") { _ in SwiftLogNoOpLogHandler() }

    fileprivate static let debugLogger: Logger = {
        var logger = Logger(label: "sctl") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .trace
        return logger
    }()
}
