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
                    var answer = HealthInfoResponse()
                    answer.id = StellarMethods.Health.packageName
                    return answer
                },
                .unary(StellarMethods.Health.health) { (_: Google_Protobuf_Empty, _) in
                    var answer = HealthHealthResponse()
                    answer.health = await health()
                    return answer
                },
            ]
        )
    }

    func health(withPeers: Bool = true, withProblems: Bool = true) async -> HealthNodeHealth {
        let host = HostHealth.now()
        var health = HealthNodeHealth()
        health.osName = host.systemName
        health.osVersion = host.systemRelease
        health.startedAt.seconds = startedAt
        health.cpus = host.cpus
        health.memoryTotal = host.memoryTotal
        health.memoryFree = host.memoryFree
        health.memoryUsed = host.memoryUsed
        if withProblems { health.problems = await problems() }
        guard withPeers else { return health }
        health.peers = await peers().map { node in
            var peer = HealthPeer()
            peer.id = node.id
            peer.address = node.address
            peer.labels = node.labels.dictionary
            return peer
        }
        return health
    }
}
