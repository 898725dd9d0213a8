import Synchronization

/// What may be in the way between hosts.
extension StellarCluster {
    /// Groups of nodes that reach nobody but each other, on a bridge of their own. Who is in none stays where it is, with the
    /// registry.
    public func split(_ sides: [[Node]]) async throws {
        for (number, side) in sides.enumerated() {
            let bridge = "side\(number)"
            try await ip("link", "add", bridge, "type", "bridge")
            try await ip("link", "set", bridge, "up")
            for node in side { try await ip("link", "set", node.port, "master", bridge) }
        }
    }

    /// One way: what the one sends to the other, or forwards for its containers, is lost.
    public func drop(from sender: Node, to receiver: Node) async throws {
        // Adding what is there already changes nothing; a rule is added each time.
        try await nft("add", "table", "bridge", Self.table)
        try await nft("add", "chain", "bridge", Self.table, "lost", "{ type filter hook forward priority 0; }")
        try await nft(
            ["add", "rule", "bridge", Self.table, "lost", "iifname", sender.port, "oifname", receiver.port, "drop"]
        )
    }

    /// All reach all again: undoes ``split(_:)``, ``drop(from:to:)`` and ``Node/unplug()``.
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
    /// Takes the node's link away, on the other side: it sees no change, and no packet passes.
    public func unplug() async throws {
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "nomaster", "down"])
    }

    /// Undoes ``unplug()``.
    public func replug() async throws {
        try await ChildProcess.check("ip", ["-n", hub, "link", "set", port, "master", "bridge", "up"])
    }

    /// A loose cable: away and back again, each for up to so long.
    public func flap(_ times: Int, upTo longest: Duration, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<times {
            try await unplug()
            try await Task.sleep(for: longest * Double.random(in: 0..<1, using: &random))
            try await replug()
            try await Task.sleep(for: longest * Double.random(in: 0..<1, using: &random))
        }
    }

    /// The machine goes off at once, with every process and container, and all that a host has in memory: network, mounts,
    /// what lies below `/run`. Only with a containerd of its own.
    public func losePower() async throws {
        kill()
        await containerd?.losePower()
        Leavings.unmountAll(below: directory)
        TemporaryDirectory.remove(stateDirectory)
        try await ChildProcess.check("ip", ["-n", hub, "link", "delete", port])
        try await ChildProcess.check("ip", ["netns", "delete", namespace])
    }

    /// Undoes ``losePower()``: the host boots. Its daemon is launched, and not waited for.
    public func boot() async throws {
        try await plug()
        try await containerd?.start()
        try launch()
    }

    /// What the node has on its disk, to come back to later.
    public struct SavedDisk: Sendable {
        let path: String
    }

    /// Copies the data directory; the daemon must be stopped, or killed.
    public func saveDisk() async throws -> SavedDisk {
        let path = "\(directory)/data.\(UInt32.random(in: 0...UInt32.max))"
        try await ChildProcess.check("cp", ["-a", dataDirectory, path])
        return SavedDisk(path: path)
    }

    /// The node wakes up with an old disk: what it has written since then is gone. The daemon must be stopped.
    public func restoreDisk(_ saved: SavedDisk) async throws {
        TemporaryDirectory.remove(dataDirectory)
        try await ChildProcess.check("cp", ["-a", saved.path, dataDirectory])
    }

    /// Sets the node's wall clock wrong by so much: of a daemon that runs only where it was started with a wrong one, of
    /// others from their next start on.
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
