import Synchronization

/// Faults of the network between hosts.
extension StellarCluster {
    /// Moves each group of nodes to a bridge of its own: they reach only each other. The other nodes stay on the common bridge,
    /// with the registry.
    public func split(_ sides: [[Node]]) async throws {
        for (number, side) in sides.enumerated() {
            let bridge = "side\(number)"
            try await ip("link", "add", bridge, "type", "bridge")
            try await ip("link", "set", bridge, "up")
            for node in side { try await ip("link", "set", node.port, "master", bridge) }
        }
    }

    /// Drops all packets in one direction, also those that the sender forwards for its containers.
    public func drop(from sender: Node, to receiver: Node) async throws {
        // Adding an existing table or chain changes nothing; a rule is added each time.
        try await nft("add", "table", "bridge", Self.table)
        try await nft("add", "chain", "bridge", Self.table, "lost", "{ type filter hook forward priority 0; }")
        try await nft(
            ["add", "rule", "bridge", Self.table, "lost", "iifname", sender.port, "oifname", receiver.port, "drop"]
        )
    }

    /// Connects all nodes: undoes ``split(_:)``, ``drop(from:to:)`` and ``Node/unplug()``.
    public func heal() async throws {
        try await nft("add", "table", "bridge", Self.table)
        try await nft("delete", "table", "bridge", Self.table)
        for node in nodes { try await node.replug() }
        for number in nodes.indices {
            _ = try await ChildProcess.run("ip", ["-n", hub, "link", "delete", "side\(number)"])
        }
    }

    private static let table = "lost"

    private func ip(_ arguments: String...) async throws {
        try await ChildProcess.check("ip", ["-n", hub] + arguments)
    }

    private func nft(_ arguments: String...) async throws { try await nft(arguments) }

    private func nft(_ arguments: [String]) async throws {
        try await ChildProcess.check("nsenter", ["--net=/run/netns/\(hub)", "nft"] + arguments)
    }
}

extension StellarCluster.Node {
    /// Cuts the node's link at the hub: no packet passes, and the node sees no change of its interface.
    public func unplug() async throws {
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "nomaster", "down"])
    }

    /// Undoes ``unplug()``.
    public func replug() async throws {
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "master", "bridge", "up"])
    }

    /// A loose cable: unplugs and replugs the node several times, each for a random time up to `longest`.
    public func flap(_ times: Int, upTo longest: Duration, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<times {
            try await unplug()
            try await Task.sleep(for: longest * Double.random(in: 0..<1, using: &random))
            try await replug()
            try await Task.sleep(for: longest * Double.random(in: 0..<1, using: &random))
        }
    }

    /// Ends the host at once, with all processes and containers and everything that a host keeps in memory: its network, mounts,
    /// and files below `/run`. Needs a containerd per node.
    public func losePower() async throws {
        kill()
        await containerd?.losePower()
        Leavings.unmountAll(below: directory)
        TemporaryDirectory.remove(stateDirectory)
        try await ChildProcess.check("ip", ["-n", hub, "link", "delete", port])
        try await ChildProcess.check("ip", ["netns", "delete", namespace])
    }

    /// Boots the host after ``losePower()``. Launches its daemon without waiting for it.
    public func boot() async throws {
        try await plug()
        try await containerd?.start()
        try launch()
    }

    /// A copy of the data directory.
    public struct SavedDisk: Sendable {
        let path: String
    }

    /// Copies the data directory. The daemon must not run.
    public func saveDisk() async throws -> SavedDisk {
        let path = "\(directory)/data.\(UInt32.random(in: 0...UInt32.max))"
        try await ChildProcess.check("cp", ["-a", dataDirectory, path])
        return SavedDisk(path: path)
    }

    /// Replaces the data directory by an old copy. The daemon must not run.
    public func restoreDisk(_ saved: SavedDisk) async throws {
        TemporaryDirectory.remove(dataDirectory)
        try await ChildProcess.check("cp", ["-a", saved.path, dataDirectory])
    }

    /// Shifts the node's wall clock. Changes a running daemon only if its clock was shifted before its start; otherwise from its
    /// next start on.
    public func shiftClock(by offset: Duration) async throws {
        let clock: ShiftedClock
        if let present = state.withLock({ $0.clock }) {
            clock = present
        } else {
            clock = try await ShiftedClock(directory: directory)
            state.withLock { $0.clock = clock }
        }
        try clock.shift(by: offset)
    }
}
