import Logging
import StellarCore
import StellarRPC

/// Which of containerd's runtimes runs what a service asks for.
enum RuntimeName {
    /// Runs on containerd 1.x until 2.0 dropped it; kept as its own engine inside containerd ("runtime v1").
    static let linux = "io.containerd.runtime.v1.linux"
    /// The first shim of runtime v2, dropped by containerd 2.0.
    static let runcV1 = "io.containerd.runc.v1"
    /// The shim of every containerd since 1.3.
    static let runcV2 = "io.containerd.runc.v2"

    /// Whether ``resolve(_:hasLinux:major:)`` depends on the containerd at hand.
    static func isLegacy(_ name: String) -> Bool { name == linux || name == runcV1 }

    /// The runtime to use.
    ///
    /// - Parameters:
    ///   - name: what the service asks for; empty for the default.
    ///   - hasLinux: whether containerd has loaded its runtime v1 plugin.
    ///   - major: containerd's major version; nil if it has none.
    static func resolve(_ name: String, hasLinux: Bool, major: Int?) -> String {
        switch name {
        case "": Service.defaultRuntime
        case linux: hasLinux ? linux : runcV2
        case runcV1: (major ?? 1) < 2 ? runcV1 : runcV2
        default: name
        }
    }
}

extension ContainerRuntime {
    /// The runtime of this containerd for what a service asks for. Asks containerd only about the old ones.
    func runtimeName(_ wanted: String) async throws -> String {
        guard RuntimeName.isLegacy(wanted) else { return RuntimeName.resolve(wanted, hasLinux: false, major: nil) }
        let name: String
        if wanted == RuntimeName.linux {
            let plugins = try await plugins(filter: "type==io.containerd.runtime.v1,id==linux")
            name = RuntimeName.resolve(wanted, hasLinux: plugins.contains { !$0.hasInitErr }, major: nil)
        } else {
            name = RuntimeName.resolve(wanted, hasLinux: false, major: try await version().major)
        }
        if name != wanted { logger.debug("runtime replaced", metadata: ["wanted": "\(wanted)", "used": "\(name)"]) }
        return name
    }
}
