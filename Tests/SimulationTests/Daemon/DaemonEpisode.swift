import StellarCore
import StellarStore
import StellarTestKit

@testable import StellarDaemon

/// Faults that a cluster of daemons goes through while clients give commands.
struct DaemonEpisode: Sendable, Hashable, CustomStringConvertible {
    var fault: DaemonFault
    /// Steps of hosts fail, lie and are slow meanwhile.
    var hasHostFaults: Bool
    /// So many nodes are cut off from the others meanwhile.
    var cutOff: Int
    var duration: Duration

    init(nodes: Int, using random: inout SplitMix64) {
        fault = DaemonFault(using: &random)
        hasHostFaults = Int.random(in: 0..<3, using: &random) == 0
        cutOff = Int.random(in: 0..<3, using: &random) == 0 ? Int.random(in: 1...max(nodes / 2, 1), using: &random) : 0
        duration = .seconds(Int64.random(in: 5...40, using: &random))
    }

    var description: String {
        "\(fault) for \(duration)" + (hasHostFaults ? ", host faults" : "") + (cutOff > 0 ? ", \(cutOff) cut off" : "")
    }

    func run(_ cluster: ClusterSimulation, _ clients: inout SimulatedClients, using random: inout SplitMix64) {
        if hasHostFaults {
            let faults = HostFaults(failure: 0.04, lie: 0.04, slowness: 0.04, lostEvents: 0.5)
            for host in cluster.hosts { host.faults = faults }
        }
        for index in (0..<cluster.count).shuffled(using: &random).prefix(cutOff) {
            cluster.gossip.network.groups[index] = 1
        }
        fault.run(for: duration, cluster, &clients, using: &random)
    }
}

/// One fault.
enum DaemonFault: Sendable, Hashable {
    case none
    /// Daemons crash, each after so many more jobs of all daemons, and restart.
    case crashes([Int])
    /// A host restarts with everything on it.
    case reboot
    /// A daemon stops for a time, as by SIGSTOP.
    case pause(Duration)
    /// Processes end by themselves.
    case exits(Int)
    /// A node comes back with an empty disk.
    case lostDisk
    /// A node comes back with an old copy of its disk.
    case oldDisk
    /// A node comes back when the others have forgotten what was deleted meanwhile.
    case monthsAway

    init(using random: inout SplitMix64) {
        switch Int.random(in: 0..<13, using: &random) {
        case 0: self = .none
        case 1, 2, 3, 4:
            self = .crashes(
                (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    Int.random(in: 1...6000, using: &random)
                }
            )
        case 5, 6: self = .reboot
        case 7: self = .pause(.seconds(Int64.random(in: 1...30, using: &random)))
        case 8, 9: self = .exits(Int.random(in: 1...5, using: &random))
        case 10: self = .lostDisk
        case 11: self = .oldDisk
        default: self = .monthsAway
        }
    }

    func run(
        for duration: Duration,
        _ cluster: ClusterSimulation,
        _ clients: inout SimulatedClients,
        using random: inout SplitMix64
    ) {
        let node = Int.random(in: 0..<cluster.count, using: &random)
        func work(_ duration: Duration) { clients.run(for: duration, cluster) }
        switch self {
        case .none: work(duration)
        case .crashes(let counts):
            for count in counts {
                let node = Int.random(in: 0..<cluster.count, using: &random)
                cluster.crashes.append((cluster.scheduler.count + count, node))
            }
            for _ in 0..<3 {
                work(duration / 3)
                for index in 0..<cluster.count where Bool.random(using: &random) { cluster.restart(index) }
            }
        case .reboot:
            work(duration / 3)
            cluster.reboot(node)
            work(duration / 3)
            cluster.restart(node)
            work(duration / 3)
        case .pause(let pause):
            work(duration / 3)
            cluster.pause(node, for: pause)
            work(duration / 3 * 2)
            cluster.run(for: pause)
        case .exits(let count):
            for _ in 0..<count {
                work(duration / count)
                let index = Int.random(in: 0..<cluster.count, using: &random)
                guard let id = cluster.hosts[index].running.randomElement(using: &random) else { continue }
                cluster.endProcess(id, on: index, status: [0, 1, 137].randomElement(using: &random) ?? 1)
            }
        case .lostDisk: replaceDisk(of: node, withCopy: false, duration, cluster, &clients)
        case .oldDisk: replaceDisk(of: node, withCopy: true, duration, cluster, &clients)
        case .monthsAway:
            work(duration / 3)
            cluster.crash(node)
            // What no other node has is quarantined when it comes back.
            cluster.forgetCommands(of: node)
            work(duration / 3)
            cluster.pass(.seconds(40 * 24 * 3600))
            work(duration / 3)
            cluster.run(for: .seconds(60))
            cluster.restart(node)
        }
    }

    private func replaceDisk(
        of node: Int,
        withCopy isCopy: Bool,
        _ duration: Duration,
        _ cluster: ClusterSimulation,
        _ clients: inout SimulatedClients
    ) {
        clients.run(for: duration / 3, cluster)
        cluster.copyDisk(node)
        clients.run(for: duration / 3, cluster)
        cluster.crash(node)
        clients.run(for: duration / 3, cluster)
        cluster.replaceDisk(node, withCopy: isCopy)
        cluster.forgetCommands(of: node)
        cluster.restart(node)
    }
}

extension ClusterSimulation {
    /// Commands whose record only this node has need not be kept.
    func forgetCommands(of node: Int) {
        ledger.lostDisk { app, version in
            lastDaemons.enumerated().contains { index, daemon in
                guard index != node, let entry = daemon?.store.entry(StoreBucket.apps, app) else { return false }
                return AppVersion(entry) >= version
            }
        }
    }

    /// Ends the process of a container; containerd's event of it can be lost.
    func endProcess(_ id: String, on index: Int, status: UInt32) {
        hosts[index].end(id, status)
        let isLost = Double(draw() >> 11) * 0x1p-53 < hosts[index].faults.lostEvents
        guard !isLost else { return }
        after(5_000_000) { self.lives[index]?.daemon?.signals.yield(.exited(id: id, status: status)) }
    }
}

/// Clients that give commands about a few apps at random nodes.
struct SimulatedClients {
    private var random: SplitMix64
    private static let apps = ["blog", "mail", "shop"]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func run(for duration: Duration, _ cluster: ClusterSimulation) {
        let end = cluster.time + duration.inNanoseconds
        while true {
            let pause = Int64.random(in: 100_000_000...4_000_000_000, using: &random)
            guard cluster.time + pause < end else { break }
            cluster.run(for: .nanoseconds(pause))
            command(cluster)
        }
        cluster.run(for: .nanoseconds(end - cluster.time))
    }

    private mutating func command(_ cluster: ClusterSimulation) {
        guard let index = cluster.up.randomElement(using: &random), let life = cluster.lives[index],
            let daemon = life.daemon, let app = Self.apps.randomElement(using: &random)
        else { return }
        let kind: CommandLedger.Command.Kind =
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4: .create(newApp(app))
            case 4: .scale(service: "web", replicas: Int.random(in: 1...5, using: &random))
            case 5: .restart
            default: .delete
            }
        let command = CommandLedger.Command(app: app, kind: kind, node: index, time: cluster.time)
        let number = cluster.ledger.begin(command)
        cluster.task(life) {
            do {
                cluster.ledger.end(number, .acknowledged(try await Self.give(kind, app, daemon.apps)))
            } catch {
                cluster.ledger.end(number, .failed(Cause(of: error)))
            }
        }
    }

    private static func give(
        _ kind: CommandLedger.Command.Kind,
        _ app: String,
        _ apps: AppCoordinator
    ) async throws -> AppVersion? {
        switch kind {
        case .create(let app): return try await apps.create(app) { _ in }
        case .scale(let service, let replicas):
            return try await apps.scale("\(app).\(service)", to: replicas) { _ in }
        case .delete: return try await apps.delete(app) { _ in }
        case .restart:
            try await apps.restart(app) { _ in }
            return nil
        }
    }

    private mutating func newApp(_ name: String) -> App {
        let names = Bool.random(using: &random) ? ["web"] : ["db", "web"]
        return App(name: name, services: names.map { newService($0) })
    }

    private mutating func newService(_ name: String) -> Service {
        let isMissing = Int.random(in: 0..<16, using: &random) == 0
        let number = Int.random(in: 1...3, using: &random)
        let image = isMissing ? "\(SimulatedHost.missingImage)/app:latest" : "docker.io/library/image-\(number):latest"
        var service = Service(name: name, image: image)
        service.replicas = Int.random(in: 1...4, using: &random)
        service.restart = .always
        service.network = Int.random(in: 0..<8, using: &random) != 0
        service.process.args = ["run"]
        return service
    }
}
