import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// Nodes with the shipped machine, each with a copy of the store that exchanges with reachable nodes merge; a seed decides
/// everything.
private struct ClaimWorld {
    /// What the store holds under one claim's key; without a subnet it is deleted.
    struct Entry: Hashable {
        var subnet: IPv4Subnet?
        var stamp: UInt64
        var origin: String

        func supersedes(_ other: Entry) -> Bool { (stamp, origin) > (other.stamp, other.origin) }
    }

    struct Node {
        var name: String
        var machine: SubnetClaims
        var entries: [String: Entry] = [:]
        /// By node: the stamp up to which it has this node's writes.
        var seen: [String: UInt64] = [:]
        var clock: UInt64
        var clockError: Int64
        var side = 0
        var isUp = true
        var hasSynced = false
        /// The disk of an earlier moment.
        var saved: (entries: [String: Entry], confirmed: SubnetClaim?)?
    }

    static let step = Duration.milliseconds(100)

    var generator: SplitMix64
    var nodes: [Node] = []
    var now = Duration.zero
    let network: IPv4Subnet

    init(seed: UInt64, network: IPv4Subnet) {
        generator = SplitMix64(seed: seed)
        self.network = network
    }

    mutating func join() {
        let name = "n\(nodes.count)"
        let error = Int64.random(in: -3_600_000...3_600_000, using: &generator)
        nodes.append(
            Node(
                name: name,
                machine: SubnetClaims(node: name, network: network, now: now),
                clock: 0,
                clockError: nodes.count.isMultiple(of: 2) ? 0 : error
            )
        )
    }

    func reach(_ a: Int, _ b: Int) -> Bool {
        a != b && nodes[a].isUp && nodes[b].isUp && nodes[a].side == nodes[b].side
    }

    /// A hybrid logical clock: not below the wall clock, above everything seen.
    private mutating func stamp(_ index: Int) -> UInt64 {
        let wall = UInt64(max(0, 10_000_000 + now.milliseconds + nodes[index].clockError)) << 16
        nodes[index].clock = max(nodes[index].clock + 1, wall)
        return nodes[index].clock
    }

    mutating func write(_ subnet: IPv4Subnet?, of name: String, by index: Int) {
        let entry = Entry(subnet: subnet, stamp: stamp(index), origin: nodes[index].name)
        nodes[index].entries[name] = entry
    }

    /// Merges the entries of two nodes; each then knows what the other has.
    mutating func exchange(_ a: Int, _ b: Int) {
        let merged = nodes[a].entries.merging(nodes[b].entries) { $0.supersedes($1) ? $0 : $1 }
        let clock = max(nodes[a].clock, nodes[b].clock, merged.values.map(\.stamp).max() ?? 0)
        for (index, other) in [(a, b), (b, a)] {
            nodes[index].entries = merged
            nodes[index].clock = clock
            nodes[index].hasSynced = true
            nodes[index].seen[nodes[other].name] = merged[nodes[index].name]?.stamp ?? 0
        }
    }

    mutating func evaluate(_ index: Int) {
        guard nodes[index].isUp else { return }
        let others = nodes.indices.filter { reach(index, $0) }
        let claims = nodes[index].entries.compactMap { name, entry in
            entry.subnet.map { SubnetClaim(node: name, subnet: $0, stamp: entry.stamp) }
        }
        let view = SubnetClaims.View(
            claims: claims,
            others: Set(others.map { nodes[$0].name }),
            seen: nodes[index].seen,
            hasSynced: nodes[index].hasSynced,
            expectsOthers: index > 0
        )
        guard let wanted = nodes[index].machine.evaluate(view, now: now) else { return }
        write(wanted, of: nodes[index].name, by: index)
        evaluate(index)
    }

    mutating func restart(_ index: Int, withOldDisk: Bool) {
        var node = nodes[index]
        if withOldDisk, let saved = node.saved {
            (node.entries, node.machine) = (saved.entries, restarted(node, saved.confirmed))
        } else {
            node.machine = restarted(node, node.machine.confirmed)
        }
        (node.seen, node.hasSynced, node.isUp) = ([:], false, true)
        nodes[index] = node
    }

    private func restarted(_ node: Node, _ confirmed: SubnetClaim?) -> SubnetClaims {
        SubnetClaims(node: node.name, network: node.machine.network, confirmed: confirmed, now: now)
    }

    /// One step of time, with exchanges between `exchanges` pairs that reach each other.
    mutating func advance(exchanges: Int) {
        now += Self.step
        let pairs = nodes.indices.flatMap { a in nodes.indices.filter { a < $0 && reach(a, $0) }.map { (a, $0) } }
        for (a, b) in pairs.shuffled(using: &generator).prefix(exchanges) { exchange(a, b) }
        for index in nodes.indices.shuffled(using: &generator) { evaluate(index) }
    }

    /// The nodes whose containers may start.
    func held() -> [(node: String, subnet: IPv4Subnet)] {
        nodes.filter(\.isUp).compactMap { node in
            if case .held(let subnet) = node.machine.standing { (node.name, subnet) } else { nil }
        }
    }

    func overlapping() -> [String] {
        let held = held()
        return held.indices.flatMap { a in
            held[(a + 1)...].filter { $0.subnet.overlaps(held[a].subnet) }.map { "\(held[a]) and \($0)" }
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

struct SubnetClaimsPropertyTests {
    private static let seeds = Array(UInt64(1)...60)

    private func world(_ seed: UInt64) throws -> ClaimWorld {
        ClaimWorld(seed: seed, network: try #require(IPv4Subnet("10.0.0.0/16")))
    }

    /// All nodes reach each other, and each write is everywhere within the second that a claim waits: no two nodes ever hold
    /// one subnet, however many join in one moment and whatever their clocks say.
    @Test(arguments: seeds)
    func joinersNeverHoldOneSubnet(seed: UInt64) throws {
        var world = try world(seed)
        let count = Int.random(in: 2...8, using: &world.generator)
        for _ in 0..<count {
            world.join()
            // Some at once, some later.
            for _ in 0..<Int.random(in: 0...4, using: &world.generator) { world.advance(exchanges: 100) }
        }
        for _ in 0..<300 {
            world.advance(exchanges: 100)
            #expect(world.overlapping() == [])
        }
        #expect(world.held().count == count)
    }

    /// Splits, crashes, old disks, a changed network, forgotten nodes: in the end every node that is up holds a subnet, and no
    /// two the same; and at no moment does a node hold a subnet whose claim it knows to be another node's.
    @Test(arguments: seeds)
    func connectedNodesEndWithDifferentSubnetsAfterAnyFaults(seed: UInt64) throws {
        var world = try world(seed)
        let other = try #require(IPv4Subnet("10.0.0.0/15"))
        for _ in 0..<Int.random(in: 2...7, using: &world.generator) { world.join() }
        for _ in 0..<400 {
            let index = Int.random(in: world.nodes.indices, using: &world.generator)
            switch Int.random(in: 0..<40, using: &world.generator) {
            case 0: world.nodes[index].side = 1 - world.nodes[index].side
            case 1: world.nodes[index].isUp = false
            case 2: world.restart(index, withOldDisk: false)
            case 3: world.restart(index, withOldDisk: true)
            case 4: world.nodes[index].saved = (world.nodes[index].entries, world.nodes[index].machine.confirmed)
            case 5:
                // Forgotten by another node that does not reach it.
                guard let by = world.nodes.indices.first(where: { world.nodes[$0].isUp && $0 != index }),
                    !world.reach(by, index)
                else { break }
                world.write(nil, of: world.nodes[index].name, by: by)
            case 6:
                let node = world.nodes[index]
                let machine = SubnetClaims(
                    node: node.name,
                    network: node.machine.network == other ? world.network : other,
                    confirmed: node.machine.confirmed,
                    now: world.now
                )
                world.nodes[index].machine = machine
            case 7 where world.nodes.count < 9: world.join()
            default: break
            }
            world.advance(exchanges: Int.random(in: 0...3, using: &world.generator))
            for node in world.nodes where node.isUp {
                guard case .held(let subnet) = node.machine.standing else { continue }
                let claims = node.entries.compactMap { name, entry in
                    entry.subnet.map { SubnetClaim(node: name, subnet: $0, stamp: entry.stamp) }
                }
                #expect(SubnetTable(claims).standing.contains { $0.node == node.name && $0.subnet == subnet })
            }
        }
        for index in world.nodes.indices {
            world.nodes[index].side = 0
            if !world.nodes[index].isUp { world.restart(index, withOldDisk: false) }
        }
        for _ in 0..<400 { world.advance(exchanges: 100) }
        #expect(world.overlapping() == [])
        #expect(world.held().count == world.nodes.count)
    }
}
