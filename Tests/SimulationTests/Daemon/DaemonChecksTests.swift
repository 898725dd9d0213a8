import StellarCore
import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

/// Each invariant is violated once on purpose, so that a check that sees nothing does not pass for a cluster without
/// faults.
struct DaemonChecksTests {
    /// Starts an app of three networked replicas on three nodes, and tampers with it.
    ///
    /// - Returns: the rules that are violated afterwards.
    private func violations(
        _ tamper: @escaping @Sendable (ClusterSimulation) -> Void
    ) async throws -> Set<CommandLedger.Violation.Rule> {
        try await ClusterSimulation.inOwnThread { directory in
            let cluster = ClusterSimulation(seed: 1, directory: directory)
            for _ in 0..<3 { cluster.add() }
            cluster.run(for: .seconds(3))
            Self.create(cluster)
            cluster.converge()
            precondition(cluster.ledger.violations.isEmpty, "nothing is wrong yet: \(cluster.ledger.violations)")
            precondition(cluster.hosts.allSatisfy { !$0.running.isEmpty }, "each node runs a replica")
            tamper(cluster)
            let found = cluster.differences() + cluster.up.flatMap { cluster.inspect($0) }
            cluster.end()
            return Set(found.map(\.rule))
        }
    }

    static func create(_ cluster: ClusterSimulation) {
        var service = Service(name: "web", image: "docker.io/library/image:latest")
        service.replicas = 3
        service.restart = .always
        service.process.args = ["run"]
        let app = App(name: "shop", services: [service])
        guard let life = cluster.lives[0], let daemon = life.daemon else { return }
        let number = cluster.ledger.begin(CommandLedger.Command(app: "shop", kind: .create(app), node: 0, time: 0))
        cluster.task(life) {
            if let version = try? await daemon.apps.create(app, { _ in }) {
                cluster.ledger.end(number, .acknowledged(version))
            }
        }
        cluster.run(for: .seconds(20))
    }

    @Test func nothingIsViolatedWithoutAFault() async throws {
        #expect(try await violations { _ in }.isEmpty)
    }

    @Test func aDaemonThatIsDown() async throws {
        #expect(try await violations { $0.crash(1) } == [.start])
    }

    @Test func aProcessThatEnded() async throws {
        #expect(try await violations { $0.hosts[1].end($0.hosts[1].running[0], 1) } == [.missing])
    }

    @Test func aContainerOfAnEarlierForm() async throws {
        let found = try await violations { cluster in
            cluster.hosts[1].containers[cluster.hosts[1].running[0]]?.service.process.args = ["other"]
        }
        #expect(found == [.missing])
    }

    @Test func aContainerOfNoApp() async throws {
        let found = try await violations { cluster in
            let service = Service(name: "web", image: "image")
            cluster.hosts[2].containers["blog.web.0"] = SimulatedHost.Container(service: service)
        }
        #expect(found == [.surplus])
    }

    @Test(arguments: ["directory", "namespace", "address", "journal"])
    func somethingLeft(_ thing: String) async throws {
        let found = try await violations { cluster in
            switch thing {
            case "directory": cluster.hosts[0].directories.insert("blog.web.0")
            case "namespace": cluster.hosts[0].namespaces.insert("blog.web.0")
            default:
                guard let life = cluster.lives[0], let daemon = life.daemon else { return }
                cluster.task(life) {
                    if thing == "address" {
                        _ = try? await daemon.addresses.allocate(["blog.web.0"], node: "n0")
                    } else {
                        let id = ContainerID(app: "blog", service: "web", replica: 0)
                        try? await JournalBook(database: daemon.database).begin(id, .create)
                    }
                }
                cluster.run(for: .milliseconds(100))
            }
        }
        #expect(found == [.leak])
    }

    @Test func oneAddressTwice() async throws {
        let found = try await violations { cluster in
            guard let address = cluster.hosts[0].attached.values.first else { return }
            cluster.hosts[0].attached["shop.web.9"] = address
        }
        #expect(found.contains(.address))
    }

    @Test func anAddressOfAnotherNode() async throws {
        let found = try await violations { cluster in
            guard let id = cluster.hosts[0].running.first else { return }
            cluster.hosts[0].attached[id] = .some(IPv4Address(172, 16, 4, 9))
        }
        #expect(found == [.address])
    }

    @Test func anAcknowledgedCommandThatIsLost() async throws {
        let found = try await violations { cluster in
            let later = AppVersion(stamp: StoreStamp(rawValue: .max), origin: "n1")
            let number = cluster.ledger.begin(CommandLedger.Command(app: "shop", kind: .delete, node: 1, time: 0))
            cluster.ledger.end(number, .acknowledged(later))
        }
        #expect(found == [.lost])
    }

    @Test func aRecordOfNoCommand() async throws {
        let found = try await violations { cluster in
            Self.write(StoreChange(StoreBucket.apps, "shop", nil), cluster)
            _ = cluster.run(within: .seconds(200)) { cluster.hosts.allSatisfy { $0.containers.isEmpty } }
            cluster.run(for: .seconds(60))
        }
        #expect(found == [.foreign])
    }

    @Test func storesThatDiffer() async throws {
        let found = try await violations { cluster in
            cluster.gossip.network.groups[0] = 1
            Self.write(StoreChange(StoreBucket.nameserver, "shop.example", [1]), cluster)
        }
        #expect(found == [.different])
    }

    private static func write(_ change: StoreChange, _ cluster: ClusterSimulation) {
        guard let life = cluster.lives[0], let daemon = life.daemon else { return }
        cluster.task(life) { _ = try? await daemon.store.write([change]) }
        cluster.run(for: .milliseconds(100))
    }

    @Test func aBookThatDiffersFromItsStore() async throws {
        let found = try await violations { cluster in
            let stamp = StoreStamp(rawValue: .max)
            let entry = StoreEntry(StoreKey(StoreBucket.apps, "shop"), nil, stamp: stamp, origin: "n1")
            cluster.lives[2]?.daemon?.reconciler.book.apply(entry)
        }
        #expect(found.contains(.book))
    }

    @Test func aCommandThatDoesNotEnd() async throws {
        let found = try await violations { cluster in
            _ = cluster.ledger.begin(CommandLedger.Command(app: "shop", kind: .restart, node: 1, time: 0))
        }
        #expect(found == [.stuck])
    }

    @Test func aStateThatIsNotTrue() async throws {
        let found = try await violations { cluster in
            // Reported as restarting, and then made to run behind the daemon's back.
            guard let id = cluster.hosts[1].running.first else { return }
            cluster.endProcess(id, on: 1, status: 1)
            cluster.run(for: .milliseconds(500))
            cluster.hosts[1].containers[id]?.isRunning = true
        }
        #expect(found == [.why])
    }
}
