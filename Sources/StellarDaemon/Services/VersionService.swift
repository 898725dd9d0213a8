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

    /// The daemon's own version is in the response even if containerd does not report one.
    private func version() async -> VersionVersionResponse {
        var response = VersionVersionResponse()
        response.version = StellarVersion.current
        response.revision = StellarVersion.revision
        if let containerd = try? await runtime.version() {
            response.containerdVersion = containerd.version
            response.containerdRevision = containerd.revision
        }
        return response
    }
}
