import Logging
import StellarCore
import StellarRPC

/// Chooses the containerd runtime for the runtime that a service names.
enum RuntimeName {
    /// The engine inside containerd ("runtime v1"), dropped by containerd 2.0.
    static let linux = "io.containerd.runtime.v1.linux"
    /// The first shim of runtime v2, dropped by containerd 2.0.
    static let runcV1 = "io.containerd.runc.v1"
    /// The shim of every containerd since 1.3.
    static let runcV2 = "io.containerd.runc.v2"

    /// Whether ``resolve(_:hasLinux:major:)`` depends on the version of containerd.
    static func isLegacy(_ name: String) -> Bool { name == linux || name == runcV1 }

    /// The runtime to use.
    ///
    /// - Parameters:
    ///   - name: the runtime that the service names; empty for the default.
    ///   - hasLinux: whether containerd has loaded its runtime v1 plugin.
    ///   - major: containerd's major version; nil if it is not known.
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
    /// The runtime of this containerd for the one that a service names. Calls containerd only for the old names.
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
