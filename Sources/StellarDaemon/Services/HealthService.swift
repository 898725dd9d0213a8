import StellarAPI
import StellarCore
import StellarRPC
import SwiftProtobuf

/// `stellar.services.health.v1.Health`: this node.
struct HealthService: Sendable {
    /// When the daemon started, in seconds since 1970.
    var startedAt: Int64
    /// What does not work on this node at the moment, each in one line.
    var problems: @Sendable () async -> [String] = { [] }
    /// The other live nodes that this one sees.
    var peers: @Sendable () async -> [NodeView] = { [] }

    var service: RPCService {
        RPCService(
            name: StellarMethods.Health.serviceName,
            methods: [
                .unary(StellarMethods.Health.info) { (_: HealthInfoRequest, _) in
                    var response = HealthInfoResponse()
                    response.id = StellarMethods.Health.packageName
                    return response
                },
                .unary(StellarMethods.Health.health) { (_: Google_Protobuf_Empty, _) in
                    var response = HealthHealthResponse()
                    response.health = await health()
                    return response
                },
            ]
        )
    }

    func health(_ detail: ClusterHealthRequest.Detail = .all) async -> HealthNodeHealth {
        let host = HostHealth.now()
        var health = HealthNodeHealth()
        health.osName = host.systemName
        health.osVersion = host.systemRelease
        health.startedAt.seconds = startedAt
        health.cpus = host.cpus
        health.memoryTotal = host.memoryTotal
        health.memoryFree = host.memoryFree
        health.memoryUsed = host.memoryUsed
        switch detail {
        case .host: break
        case .problems: health.problems = await problems()
        case .all, .UNRECOGNIZED:
            (health.problems, health.peers) = (await problems(), await peers().map(HealthPeer.init))
        }
        return health
    }
}

extension HealthPeer {
    fileprivate init(_ node: NodeView) {
        self.init()
        (id, address, labels) = (node.id, node.address, node.labels.dictionary)
    }
}
