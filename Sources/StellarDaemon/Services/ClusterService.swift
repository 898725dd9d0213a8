import StellarAPI
import StellarCore
import StellarRPC
import StellarRuntime
import SwiftProtobuf

/// `stellar.services.cluster.v1.Cluster`: what all nodes have; so far this node is all there is.
struct ClusterService: Sendable {
    var node: Node
    var health: HealthService
    var runtime: ContainerRuntime

    var service: RPCService {
        RPCService(
            name: StellarMethods.Cluster.serviceName,
            methods: [
                .answering(StellarMethods.Cluster.info) { (_: ClusterInfoRequest) in
                    var answer = ClusterInfoResponse()
                    answer.id = StellarMethods.Cluster.packageName
                    return answer
                },
                .answering(StellarMethods.Cluster.nodes) { (_: ClusterNodesRequest) in
                    var answer = ClusterNodesResponse()
                    answer.nodes = [nodeMessage()]
                    return answer
                },
                .answering(StellarMethods.Cluster.health) { (_: ClusterHealthRequest) in
                    var item = ClusterNodeHealth()
                    item.node = nodeMessage()
                    item.health = health.health()
                    var answer = ClusterHealthResponse()
                    answer.nodes = [item]
                    return answer
                },
                .answering(StellarMethods.Cluster.containers) { (question: ClusterContainersRequest) in
                    var answer = ClusterContainersResponse()
                    answer.containers = try await runtime.containers(filters: question.filters).map { info in
                        var item = ClusterContainer()
                        item.container = RuntimeContainer(info)
                        item.node.id = node.id
                        item.node.address = node.address
                        return item
                    }
                    return answer
                },
                .answering(StellarMethods.Cluster.images) { (_: ClusterImagesRequest) in
                    var answer = ClusterImagesResponse()
                    answer.images = try await runtime.images().map(RuntimeImage.init)
                    return answer
                },
            ]
        )
    }

    private func nodeMessage() -> ClusterNode {
        var message = ClusterNode()
        message.id = node.id
        message.address = node.address
        message.labels = node.labels.dictionary
        message.status = "alive"
        message.lastSeen.seconds = WallClock.now()
        return message
    }
}
