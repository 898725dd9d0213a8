import StellarAPI
import StellarRPC
import StellarRuntime
import SwiftProtobuf

/// `stellar.services.version.v1.Version`: the daemon's version and that of its containerd.
struct VersionService: Sendable {
    var runtime: ContainerRuntime

    var service: RPCService {
        RPCService(
            name: StellarMethods.Version.serviceName,
            methods: [
                .unary(StellarMethods.Version.version) { (_: Google_Protobuf_Empty, _) in await version() }
            ]
        )
    }

    /// The daemon's own version is an answer also where containerd gives none.
    private func version() async -> VersionVersionResponse {
        var answer = VersionVersionResponse()
        answer.version = StellarVersion.current
        answer.revision = StellarVersion.revision
        if let containerd = try? await runtime.version() {
            answer.containerdVersion = containerd.version
            answer.containerdRevision = containerd.revision
        }
        return answer
    }
}
