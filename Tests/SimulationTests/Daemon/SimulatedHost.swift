import StellarCore
import StellarTestKit

@testable import StellarDaemon

/// How badly the steps of simulated hosts go.
struct HostFaults: Sendable {
    /// The probability that a step fails and does nothing.
    var failure = 0.0
    /// The probability that a step does its work and reports a failure.
    var lie = 0.0
    /// The probability that a step takes up to ``slowest``.
    var slowness = 0.0
    var slowest = Duration.seconds(8)
    /// The probability that the event of an exit is lost.
    var lostEvents = 0.0
}

struct HostFault: Error, CustomStringConvertible {
    var description: String
}

/// containerd, the network, the files and the processes of one host, which outlive the daemon.
///
/// Each step takes simulated time before and after its work. If the daemon crashes in that time, the work is done or not,
/// and nobody knows which.
final class SimulatedHost: RuntimePort, NetworkPort, FilesPort, ProcessPort, @unchecked Sendable {
    // why: one thread runs everything of a simulation.

    struct Container {
        var service: Service
        var pid: UInt32?
        var isRunning = false
        var exitStatus: UInt32?
    }

    var containers: [String: Container] = [:]
    var namespaces: Set<String> = []
    /// The address of each connected namespace; nil for loopback alone.
    var attached: [String: IPv4Address?] = [:]
    var directories: Set<String> = []
    var images: Set<String> = []
    var faults = HostFaults()
    /// The allocator that the CNI plugin calls: the daemon that runs.
    var allocate: @Sendable (String) async throws -> IPv4Address = { _ in throw HostFault(description: "no daemon") }
    /// The time of the daemon that runs.
    var clock: @Sendable (Duration) async throws -> Void = { _ in }
    /// An address that two namespaces had at once.
    private(set) var doubleAddress: String?
    private var random: SplitMix64
    private var lastPID: UInt32 = 100

    /// Images that no registry has begin with this.
    static let missingImage = "docker.io/missing"

    static func canPull(_ image: String) -> Bool { !image.hasPrefix(missingImage) }

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    // MARK: What a scenario does

    var running: [String] { containers.filter(\.value.isRunning).keys.sorted() }

    /// Ends a process.
    func end(_ id: String, _ status: UInt32) {
        containers[id]?.isRunning = false
        containers[id]?.exitStatus = status
    }

    /// Processes, tasks and namespaces end with the kernel.
    func reboot() {
        for id in containers.keys {
            containers[id]?.pid = nil
            containers[id]?.isRunning = false
            containers[id]?.exitStatus = nil
        }
        namespaces = []
        attached = [:]
    }

    // MARK: Steps

    private func step<R>(_ name: String, _ body: () throws -> R) async throws -> R {
        try await wait()
        if chance(faults.failure) { throw HostFault(description: "\(name) failed") }
        let result = try body()
        try await wait()
        if chance(faults.lie) { throw HostFault(description: "\(name) timed out") }
        return result
    }

    private func wait() async throws {
        let most = chance(faults.slowness) ? faults.slowest.inNanoseconds : 40_000_000
        try await clock(.nanoseconds(Int64.random(in: 1_000_000...most, using: &random)))
    }

    private func chance(_ probability: Double) -> Bool { random.chance(probability) }

    // MARK: RuntimePort

    func waitForPendingWork() async throws { try await step("waiting for containerd") {} }

    func containers() async throws -> [ObservedContainer] {
        try await step("list") { containers.keys.sorted().compactMap(observed) }
    }

    func container(_ id: ContainerID) async throws -> ObservedContainer? {
        try await step("get") { observed(id.description) }
    }

    private func observed(_ id: String) -> ObservedContainer? {
        containers[id].map { container in
            let task = container.pid.map { pid in
                let status: ObservedTask.Status =
                    container.isRunning ? .running : container.exitStatus == nil ? .created : .stopped
                return ObservedTask(pid: pid, status: status, exitStatus: container.exitStatus ?? 0)
            }
            return ObservedContainer(id: id, task: task, specification: SpecificationHash(of: container.service))
        }
    }

    func hasImage(_ reference: String, snapshotter: String) async throws -> Bool {
        try await step("looking for an image") { images.contains(reference) }
    }

    func pull(
        _ reference: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws {
        try await clock(.milliseconds(Int64.random(in: 50...3000, using: &random)))
        try await step("pull") {
            guard Self.canPull(reference) else {
                throw Cause(.notFound, "no registry has \(reference)")
            }
            images.insert(reference)
        }
        progress(PullStep(layer: "sha256:1", status: .known(.done)))
    }

    func create(_ slot: Slot, files: SlotFiles, namespace: String) async throws {
        try await step("create") {
            let id = slot.id.description
            guard containers[id] == nil else { return }
            guard images.contains(slot.service.image) else { throw HostFault(description: "create: no image") }
            containers[id] = Container(service: slot.service)
        }
    }

    func createTask(_ id: ContainerID, log: String) async throws -> UInt32 {
        try await step("create of a task") {
            let id = id.description
            guard let container = containers[id] else { throw HostFault(description: "task: no container \(id)") }
            guard namespaces.contains(id) else { throw HostFault(description: "task: no namespace \(id)") }
            guard !container.isRunning else { throw HostFault(description: "task: \(id) has one that runs") }
            lastPID += 1
            containers[id]?.pid = lastPID
            containers[id]?.exitStatus = nil
            return lastPID
        }
    }

    func startTask(_ id: ContainerID) async throws {
        try await step("start") {
            let id = id.description
            guard let container = containers[id], container.pid != nil, container.exitStatus == nil else {
                throw HostFault(description: "start: \(id) has no task")
            }
            guard attached[id] != nil else { throw HostFault(description: "start: \(id) has no network") }
            containers[id]?.isRunning = true
        }
    }

    func stop(_ id: ContainerID, grace: Duration) async throws -> UInt32? {
        try await step("stop") {
            let id = id.description
            guard containers[id]?.pid != nil else { return nil }
            let status = containers[id]?.exitStatus ?? 143
            containers[id]?.pid = nil
            containers[id]?.isRunning = false
            containers[id]?.exitStatus = nil
            return status
        }
    }

    func delete(_ id: String) async throws { try await step("delete") { containers[id] = nil } }

    func sweep(keeping: Set<String>) async throws -> [String] { try await step("sweep") { [] } }

    // MARK: NetworkPort

    func namespacePath(_ id: ContainerID) -> String { "/ns/\(id)" }

    func makeNamespace(_ id: ContainerID) async throws {
        try await step("making a namespace") { _ = namespaces.insert(id.description) }
    }

    func attach(_ id: ContainerID, loopbackOnly: Bool) async throws -> IPv4Address? {
        let address = loopbackOnly ? nil : try await allocate(id.description)
        return try await step("CNI ADD") {
            let id = id.description
            guard namespaces.contains(id) else { throw HostFault(description: "CNI ADD: no namespace \(id)") }
            let other = attached.first { $0.key != id && $0.value != nil && $0.value == address }?.key
            if let other, let address { doubleAddress = "\(address) of \(other) and \(id)" }
            attached[id] = .some(address)
            return address
        }
    }

    func address(_ id: String) async throws -> IPv4Address? {
        try await step("reading an address") { attached[id] ?? nil }
    }

    func isAttached(_ id: ContainerID) async throws -> Bool {
        try await step("CNI CHECK") { attached[id.description] != nil }
    }

    func detach(_ id: String) async throws {
        try await step("CNI DEL") {
            attached[id] = nil
            namespaces.remove(id)
        }
    }

    func attachedIDs() async throws -> [String] { try await step("listing namespaces") { namespaces.sorted() } }

    // MARK: FilesPort

    func files(_ id: ContainerID) -> SlotFiles {
        SlotFiles(log: "/c/\(id)/log", hosts: "/c/\(id)/hosts", resolvConf: "/c/resolv.conf")
    }

    func prepare(_ slot: Slot) async throws -> SlotFiles {
        try await step("making files") { _ = directories.insert(slot.id.description) }
        return files(slot.id)
    }

    func remove(_ id: String) async throws { try await step("removing files") { _ = directories.remove(id) } }

    func ids() async throws -> [String] { try await step("listing files") { directories.sorted() } }

    func lastLines(_ id: ContainerID, count: Int) async -> [String] { [] }

    // MARK: ProcessPort

    func sample(_ pid: UInt32) -> ProcessSample? {
        let isAlive = containers.values.contains { $0.pid == pid && $0.isRunning }
        return isAlive ? ProcessSample(state: "S", cpuTicks: 1) : nil
    }
}
