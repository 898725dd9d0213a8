import StellarAPI
import StellarCore
import StellarRPC

/// `stellar.services.scheduler.v1.Scheduler`: placement as a pure function.
struct SchedulerService: Sendable {
    var service: RPCService {
        RPCService(
            name: StellarMethods.Scheduler.serviceName,
            methods: [
                .unary(StellarMethods.Scheduler.schedule) { (question: SchedulerScheduleRequest, _) in
                    let service = try Service(question.service)
                    let nodes = question.availableNodes.map { node in
                        Node(id: node.id, address: node.address, labels: Labels(node.labels))
                    }
                    var answer = SchedulerScheduleResponse()
                    answer.nodes = Placement.schedule(service, on: nodes).compactMap { chosen in
                        question.availableNodes.first { $0.id == chosen.id }
                    }
                    return answer
                }
            ]
        )
    }
}
