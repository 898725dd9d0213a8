import Logging
import StellarCore

/// What every area of the daemon is built with.
struct DaemonContext: Sendable {
    var configuration: DaemonConfiguration
    var problems = Problems()
    var resources = OpenResources()
    private let logger: Logger

    init(_ configuration: DaemonConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// This node.
    var node: Node {
        Node(
            id: configuration.nodeID,
            address: configuration.announcedAddress,
            labels: Labels(configuration.nodeLabels)
        )
    }

    /// A logger of the daemon's level for one area: `stellar.AREA`.
    func logger(_ area: String) -> Logger {
        let level = logger.logLevel
        return Logger(label: "stellar.\(area)") { label in StandardErrorLog(label: label, level: level) }
    }
}
