import StellarAPI
import StellarCore
import StellarRPC

/// `stellar.services.scheduler.v1.Scheduler`: placement as a pure function.
struct SchedulerService: Sendable {
    var service: RPCService {
        RPCService(
            name: StellarMethods.Scheduler.serviceName,
            methods: [
                .unary(StellarMethods.Scheduler.schedule) { (request: SchedulerScheduleRequest, _) in
                    let service = try Service(request.service)
                    let nodes = request.availableNodes.map { node in
                        Node(id: node.id, address: node.address, labels: Labels(node.labels))
                    }
                    var response = SchedulerScheduleResponse()
                    response.nodes = Placement.schedule(service, on: nodes).compactMap { chosen in
                        request.availableNodes.first { $0.id == chosen.id }
                    }
                    return response
                }
            ]
        )
    }
}
