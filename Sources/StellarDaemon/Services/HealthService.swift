import StellarAPI
import StellarRPC
import SwiftProtobuf

/// `stellar.services.health.v1.Health`: this node.
struct HealthService: Sendable {
    /// When the daemon started, in seconds since 1970.
    var startedAt: Int64
    /// What does not work on this node at the moment, each in one line.
    var problems: @Sendable () -> [String] = { [] }

    var service: RPCService {
        RPCService(
            name: StellarMethods.Health.serviceName,
            methods: [
                .answering(StellarMethods.Health.info) { (_: HealthInfoRequest) in
                    var answer = HealthInfoResponse()
                    answer.id = StellarMethods.Health.packageName
                    return answer
                },
                .answering(StellarMethods.Health.health) { (_: Google_Protobuf_Empty) in
                    var answer = HealthHealthResponse()
                    answer.health = health()
                    return answer
                },
            ]
        )
    }

    func health() -> HealthNodeHealth {
        let host = HostHealth.now()
        var health = HealthNodeHealth()
        health.osName = host.systemName
        health.osVersion = host.systemRelease
        health.startedAt.seconds = startedAt
        health.cpus = host.cpus
        health.memoryTotal = host.memoryTotal
        health.memoryFree = host.memoryFree
        health.memoryUsed = host.memoryUsed
        health.problems = problems()
        return health
    }
}
