import Glibc
import StellarCore
import StellarGossip
import StellarStorage
import StellarStore
import StellarSystem
import StellarTestKit

@testable import StellarDaemon

/// A cluster of shipped daemons in one thread: gossip, store, app book, slot machines and coordinator, on simulated
/// networks, disks, clocks and hosts. One seed determines the run.
///
/// Machines of gossip run in ``GossipSimulation``. Everything above them is tasks, which ``JobScheduler`` runs; they wait
/// only for simulated time. This file has what a scenario can do to the cluster; `+Running` runs it.
final class ClusterSimulation: @unchecked Sendable {
    // why: one thread runs everything of a simulation.

    var gossip: GossipSimulation
    let scheduler: JobScheduler
    var timers = EventHeap<() -> Void>()
    var hosts: [SimulatedHost] = []
    /// The running daemon of each node.
    var lives: [SimulatedLife?] = []
    /// The last daemon of each node: what it had in memory.
    var lastDaemons: [SimulatedDaemon?] = []
    var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
    var nextSleeper = 0
    var calls = SimulatedCalls()
    /// Nodes that crash after so many jobs.
    var crashes: [(count: Int, node: Int)] = []
    var ledger = CommandLedger()
    /// Seconds that have passed on all wall clocks beside the simulated time: months need not be simulated.
    private(set) var passed: Int64 = 0
    private let directory: String

    /// The seconds of all wall clocks at the start: in 2026.
    static let beginning: Int64 = 1_770_000_000
    /// Where the clocks of all nodes begin. Only distances from it matter.
    private static let zero = ContinuousClock.now
    /// A transaction takes up to this long.
    private static let diskDelay: Int64 = 4_000_000

    init(seed: UInt64, directory: String) {
        var random = SplitMix64(seed: seed)
        var codec = PacketCodec()
        codec.compresses = false
        gossip = GossipSimulation(seed: random.next(), codec: codec)
        gossip.keepsObservations = false
        gossip.keepsReports = true
        scheduler = JobScheduler(seed: random.next())
        self.directory = directory
    }

    /// Nanoseconds since the start.
    var time: Int64 { gossip.time }

    func draw() -> UInt64 { gossip.draw() }

    // MARK: Nodes

    var count: Int { hosts.count }

    /// The nodes whose daemon runs.
    var up: [Int] { lives.indices.filter { lives[$0] != nil } }

    func index(of name: String) -> Int { Int(name.dropFirst()) ?? 0 }

    func node(_ index: Int) -> Node { Node(id: "n\(index)", address: "10.0.0.\(index):9000") }

    func subnet(_ index: Int) -> IPv4Subnet {
        guard let subnet = try? IPv4Subnet.parse("172.16.\(index * 4).0/22") else { preconditionFailure("64 nodes") }
        return subnet
    }

    /// All nodes, as one of them sees them.
    func views(of index: Int) -> [NodeView] {
        let machine = gossip.nodes[index].machine
        let now = GossipTime(nanoseconds: gossip.localTime(index))
        let members = machine.members.map { member in
            ClusterMember(
                name: member.name,
                address: "\(member.endpoint)",
                metadata: member.metadata,
                state: ClusterMember.State(member.state),
                lastSeen: member.isPresent ? .zero : now - member.lastSeen,
                isSelf: member.name == machine.own.name
            )
        }
        return NodeView.all(members, own: node(index))
    }

    // MARK: Lives

    /// Adds a node and starts its daemon.
    func add() {
        let index = count
        hosts.append(SimulatedHost(seed: draw()))
        lives.append(nil)
        lastDaemons.append(nil)
        gossip.start(joining: index == 0 ? nil : 0)
        begin(index)
    }

    /// Starts the daemon of a node that is down.
    func restart(_ index: Int) {
        guard lives[index] == nil else { return }
        gossip.restart(index, joining: up.first ?? (index + 1) % count)
        begin(index)
    }

    private func begin(_ index: Int) {
        let executor = LifeExecutor(scheduler)
        var last: Int64 = 0
        let disk = DiskExecutor(executor) { [unowned self] body in
            let delay = Int64(gossip.draw() % UInt64(Self.diskDelay)) + 50_000
            last = max(last, time + delay)
            timers.insert(body, at: last)
        }
        let life = SimulatedLife(index, executor, disk)
        lives[index] = life
        let metadata = (try? NodeAnnouncement(address: node(index).address).metadata().bytes) ?? []
        gossip.update(index, metadata: metadata)
        let clock = clock(of: life)
        hosts[index].clock = { try await clock.sleep(for: $0) }
        hosts[index].allocate = { [unowned life] id in
            guard let daemon = life.daemon else { throw HostFault(description: "the daemon does not answer") }
            let name = "n\(index)"
            guard let address = try await daemon.addresses.allocate([id], node: name)[id] else {
                throw HostFault(description: "no address")
            }
            return address
        }
        Task(executorPreference: executor) {
            do {
                let daemon = try await SimulatedDaemon(life, in: self)
                life.daemon = daemon
                self.lastDaemons[index] = daemon
                await daemon.run()
            } catch {
                self.ledger.add(.start, at: self.time, "node \(index): \(error)")
            }
        }
    }

    /// Ends a daemon's process. What is in its memory is lost.
    func crash(_ index: Int) {
        guard let life = lives[index] else { return }
        life.executor.end()
        lives[index] = nil
        life.disk.close()
        gossip.crash(index)
        endCalls(of: life)
        ledger.crashed(index)
        // Otherwise hundreds of lives would keep their files open.
        if let database = life.database { Task(executorPreference: LifeExecutor(scheduler)) { await database.close() } }
    }

    /// Stops a daemon's process for a time, as by SIGSTOP.
    func pause(_ index: Int, for duration: Duration) {
        guard let life = lives[index] else { return }
        gossip.pause(index, for: duration)
        life.executor.pause()
        after(duration.inNanoseconds) { life.executor.resume() }
    }

    /// The host and its daemon end; processes and namespaces go with the kernel.
    func reboot(_ index: Int) {
        crash(index)
        hosts[index].reboot()
    }

    /// Ends all daemons and closes their files.
    func end() {
        for index in lives.indices { crash(index) }
        run(for: .seconds(1))
    }

    /// Runs a body in a thread of its own, since nothing else may run the jobs of daemons, with a directory in memory.
    static func inOwnThread<R: Sendable>(_ body: @escaping @Sendable (_ directory: String) -> R) async throws -> R {
        let directory = try TemporaryDirectory.make(in: "/dev/shm")
        defer { TemporaryDirectory.remove(directory) }
        return await OwnThread.run { body(directory) }
    }

    // MARK: Disks

    func diskPath(_ index: Int) -> String { "\(directory)/n\(index).db" }

    /// Copies a node's disk.
    func copyDisk(_ index: Int) {
        for part in ["", "-wal"] { copy(diskPath(index) + part, to: diskPath(index) + ".old" + part) }
    }

    /// Replaces the disk of a node that is down with the copy, or with an empty one.
    func replaceDisk(_ index: Int, withCopy isCopy: Bool) {
        for part in ["", "-wal", "-shm"] { unlink(diskPath(index) + part) }
        guard isCopy else { return }
        for part in ["", "-wal"] { copy(diskPath(index) + ".old" + part, to: diskPath(index) + part) }
    }

    private func copy(_ source: String, to target: String) {
        unlink(target)
        guard let input = fopen(source, "r") else { return }
        defer { fclose(input) }
        guard let output = fopen(target, "w") else { return }
        defer { fclose(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, input)
            guard count > 0 else { return }
            fwrite(buffer, 1, count, output)
        }
    }

    // MARK: Clocks

    /// The shipped rules, with a shorter time between two searches for tombstones to forget.
    static var storeConfiguration: StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.purgeInterval = .seconds(20)
        return configuration
    }

    /// Time passes on all wall clocks, and nothing happens in it.
    func pass(_ duration: Duration) { passed += duration.components.seconds }

    /// The clocks of a node, as a life of its daemon has them.
    func clock(of life: SimulatedLife) -> HostClock {
        let index = life.index
        return HostClock(
            continuous: { Self.zero + .nanoseconds(self.gossip.localTime(index)) },
            monotonic: { MonotonicTime(nanoseconds: self.gossip.localTime(index)) },
            unixMilliseconds: { (Self.beginning + self.passed) * 1000 + self.time / 1_000_000 },
            sleep: { moment in
                let local = (moment - Self.zero).inNanoseconds
                try await self.sleep(until: max(self.gossip.realTime(index, local: local), self.time))
            }
        )
    }

    private func sleep(until moment: Int64) async throws {
        let id = nextSleeper
        nextSleeper += 1
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                sleepers[id] = continuation
                timers.insert({ self.sleepers.removeValue(forKey: id)?.resume() }, at: moment)
            }
        } onCancel: {
            sleepers.removeValue(forKey: id)?.resume(throwing: CancellationError())
        }
    }
}
