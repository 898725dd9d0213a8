import Logging
import StellarCore

/// Joins containers to the network, and removes them from it.
extension ContainerNetwork {
    /// Makes the container's namespace, with loopback up, and returns its path. Keeps an existing one.
    ///
    /// ``attach(_:loopbackOnly:)`` does this first; called before it, a task can be created while CNI works.
    @discardableResult
    public func makeNamespace(_ id: String) async throws -> String {
        try Self.checkID(id)
        let path = namespacePath(id)
        let result = resultPath(id)
        if !isPrepared { try await noting { try await self.prepareHost() } }
        try await BlockingThreads.run {
            // A result without its namespace is from before a reboot.
            if try !NetworkNamespace.existsNow(at: path) { try FileSystem.remove(result) }
            try NetworkNamespace.createNow(at: path)
        }
        return path
    }

    /// Joins the container to the network; called again, it returns the same attachment.
    ///
    /// - Parameter loopbackOnly: a namespace with nothing but loopback.
    /// - Throws: ``NetworkError``; what was done is then undone by ``detach(_:)``, or finished by another attach.
    public func attach(_ id: String, loopbackOnly: Bool = false) async throws -> NetworkAttachment {
        let path = try await makeNamespace(id)
        let networks = try await noting { try await self.foundNetworks() }
        if loopbackOnly {
            let (_, text) = try await networks.loopback.add(id, namespace: path, interface: "lo")
            try await keep(text, of: id)
            return NetworkAttachment(id: id, namespacePath: path)
        }
        switch try await state(id) {
        case .attached(let result):
            if let address = result.address(of: Self.interface), try await isWhole(id) {
                return attachment(id, address)
            }
            if let failure = try await undo(id) { throw failure }
        case .partial:
            if let failure = try await undo(id) { throw failure }
        case .missing, .empty:
            break
        }
        let bridge = bridge(try requireSubnet())
        // The bridge or its address may have been removed since the last attach.
        try await noting { try await bridge.ensure() }
        // They change different interfaces, so they run side by side.
        async let loopback = networks.loopback.add(id, namespace: path, interface: "lo")
        let (result, text) = try await networks.bridge.add(id, namespace: path, interface: Self.interface)
        _ = try await loopback
        guard let address = result.address(of: Self.interface) else {
            throw NetworkError(
                .internalError,
                "no ips returned from cni: plugin \(networks.bridge.plugin.path) gave \(Self.interface) of \(id) no IPv4 "
                    + "address; \(CNIPluginPaths.remedy(networks.bridge.plugin.name))"
            )
        }
        try await keep(text, of: id)
        return attachment(id, address)
    }

    /// Whether CNI's CHECK finds the attachment as ADD left it. It takes as long as ADD, so it runs only before another ADD.
    private func isWhole(_ id: String) async throws -> Bool {
        do {
            try await verify(id)
            return true
        } catch let error as NetworkError {
            logger.warning(
                "container is not joined as before; joining it again",
                metadata: ["stellar.id": "\(id)", "reason": "\(error.message)"]
            )
            return false
        }
    }

    /// Whether the container's namespace exists and `eth0` in it has its address, or the attachment is loopback only. False
    /// after a reboot, where the file exists and the namespace does not.
    public func check(_ id: String) async throws -> Bool {
        guard case .attached = try await state(id) else { return false }
        return true
    }

    /// The attachment that ``attach(_:loopbackOnly:)`` made; nil when it is not whole.
    public func attachment(_ id: String) async throws -> NetworkAttachment? {
        guard case .attached(let result) = try await state(id) else { return nil }
        guard let address = result.address(of: Self.interface) else {
            return NetworkAttachment(id: id, namespacePath: namespacePath(id))
        }
        return attachment(id, address)
    }

    /// Runs CNI's CHECK: the bridge plugin compares addresses, routes and interfaces with the result of ADD.
    public func verify(_ id: String) async throws {
        guard case .attached = try await state(id) else {
            throw NetworkError(.failedPrecondition, "\(id) is not attached to the network")
        }
        let resultPath = resultPath(id)
        let previous = try await BlockingThreads.run { Array(try FileSystem.read(resultPath).utf8) }
        let bridge = try await foundNetworks().bridge
        try await bridge.check(id, namespace: namespacePath(id), interface: Self.interface, previous: previous)
    }

    /// Removes the container from the network, and its namespace; missing parts are fine. Its processes must have ended.
    ///
    /// A plugin that fails is logged, and the rest is removed without it: the interfaces go with the namespace. Then only the
    /// address stays allocated, which the caller frees in any case.
    public func detach(_ id: String) async throws {
        try Self.checkID(id)
        var failure: (any Error)?
        do {
            if let reason = try await undo(id) {
                logger.warning(
                    "CNI plugin failed; the container was removed from the network without it",
                    metadata: ["stellar.id": "\(id)", "reason": "\(reason)"]
                )
            }
        } catch {
            failure = error
        }
        let directory = directory(id)
        let path = namespacePath(id)
        try await BlockingThreads.run {
            try NetworkNamespace.deleteNow(at: path)
            try FileSystem.removeDirectory(directory)
        }
        if let failure { throw failure }
    }

    /// The ids that have a directory, attached or partly so.
    public func attachedIDs() async throws -> [String] {
        let directory = directory
        return try await BlockingThreads.run { try FileSystem.names(in: directory) }
    }

    /// How much of an attachment exists.
    private enum State: Sendable {
        /// No namespace.
        case missing
        /// A namespace without `eth0`.
        case empty
        /// `eth0` exists and ADD did not finish; or `eth0` was deleted.
        case partial
        /// ADD finished, and `eth0` has the address.
        case attached(CNIResult)
    }

    private func state(_ id: String) async throws -> State {
        try Self.checkID(id)
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        return try await BlockingThreads.run {
            guard try NetworkNamespace.existsNow(at: path) else { return .missing }
            var session = try RouteSession(namespace: path)
            let result = try? CNIResult(text: FileSystem.read(resultPath))
            let given = result?.address(of: Self.interface)
            guard let link = try session.link(named: Self.interface) else {
                // A loopback-only attachment has no `eth0`; of another one it was deleted.
                guard let result else { return .empty }
                return given == nil ? .attached(result) : .partial
            }
            guard let result, let given else { return .partial }
            let present = try session.addresses(of: link).contains { $0.address == given.address }
            return present ? .attached(result) : .partial
        }
    }

    /// Runs CNI's DEL. Returns the plugin's failure.
    private func undo(_ id: String) async throws -> NetworkError? {
        let path = namespacePath(id)
        let resultPath = resultPath(id)
        let (namespace, previous) = try await BlockingThreads.run {
            (
                try NetworkNamespace.existsNow(at: path) ? path : nil,
                try? Array(FileSystem.read(resultPath).utf8)
            )
        }
        var failure: NetworkError?
        do {
            let bridge = try await foundNetworks().bridge
            try await bridge.delete(id, namespace: namespace, interface: Self.interface, previous: previous)
        } catch let error as NetworkError {
            failure = error
        }
        try await BlockingThreads.run { try FileSystem.remove(resultPath) }
        return failure
    }

    /// Stores the result of ADD, which completes the attachment.
    private func keep(_ result: [UInt8], of id: String) async throws {
        let path = resultPath(id)
        try await BlockingThreads.run { try FileSystem.replace(path, with: result) }
    }

    private func attachment(_ id: String, _ address: CNIResult.Address) -> NetworkAttachment {
        NetworkAttachment(
            id: id,
            namespacePath: namespacePath(id),
            address: address.address,
            gateway: address.gateway ?? subnet?.gateway
        )
    }

    /// Ids become names of directories and values in the environment of plugins.
    private static func checkID(_ id: String) throws {
        let allowed = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, let first = id.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"),
            id.utf8.count <= maximumIDBytes
        else {
            throw NetworkError(
                .invalidArgument,
                "\"\(id)\" is not a container id: 1 to \(maximumIDBytes) letters, digits, \".\", \"_\" and \"-\", beginning with "
                    + "a letter, a digit or \"_\""
            )
        }
    }

    /// containerd's limit on identifiers.
    private static let maximumIDBytes = 76
}
