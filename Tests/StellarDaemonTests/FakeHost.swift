import StellarCore
import StellarRPC
import Synchronization

@testable import StellarDaemon

/// containerd, the network and the disk of a host, in memory. Every call is a step. Any step can fail, before or after
/// its work, alone or with every later step (as a crash looks from outside).
final class FakeHost: RuntimePort, NetworkPort, FilesPort, ProcessPort {
    enum Fault: Sendable {
        case none
        /// The step of this number does nothing and throws.
        case before(Int)
        /// The step of this number does its work and throws nevertheless.
        case after(Int)
        /// All steps from this one on fail: the daemon is dead.
        case crash(Int)
    }

    struct Container: Sendable, Equatable {
        var service: Service
        var pid: UInt32?
        var isRunning = false
        var exitStatus: UInt32?
    }

    struct State: Sendable {
        var containers: [String: Container] = [:]
        var namespaces: Set<String> = []
        var attached: Set<String> = []
        /// The addresses of attached containers.
        var addresses: [String: IPv4Address] = [:]
        var directories: Set<String> = []
        var images: Set<String> = ["docker.io/library/img:latest"]
        var missingImages: Set<String> = []
        var fault = Fault.none
        var steps = 0
        var log: [String] = []
        var lastPID: UInt32 = 100
        /// The processes of these services end at once, with this status.
        var exitsAtOnce: [String: UInt32] = [:]
        /// The ids of stopped containers.
        var stopped: [String] = []
    }

    let state = Mutex(State())
    /// Holds pulls until the stream yields; nil pulls at once.
    let gate: AsyncStream<Void>?

    init(gate: AsyncStream<Void>? = nil) {
        self.gate = gate
    }

    struct StepFailed: Error, CustomStringConvertible { var description: String }

    private func step<Result>(_ name: String, _ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            let number = state.steps
            state.steps += 1
            state.log.append(name)
            switch state.fault {
            case .before(number): throw StepFailed(description: "fault before \(name)")
            case .crash(let first) where number >= first: throw StepFailed(description: "crashed at \(name)")
            default: break
            }
            let result = try body(&state)
            if case .after(number) = state.fault { throw StepFailed(description: "fault after \(name)") }
            return result
        }
    }

    /// Descriptions of everything on the host; empty if there is nothing.
    var things: [String] {
        state.withLock { state in
            (state.containers.keys.map { "container \($0)" } + state.namespaces.map { "namespace \($0)" }
                + state.attached.map { "attached \($0)" } + state.directories.map { "directory \($0)" }).sorted()
        }
    }

    var running: [String] {
        state.withLock { state in state.containers.filter(\.value.isRunning).keys.sorted() }
    }

    func pid(_ id: String) -> UInt32? { state.withLock { $0.containers[id]?.pid } }

    func setFault(_ fault: Fault) {
        state.withLock {
            $0.fault = fault
            $0.steps = 0
            $0.log = []
        }
    }

    func exit(_ id: String, _ status: UInt32) {
        state.withLock {
            $0.containers[id]?.isRunning = false
            $0.containers[id]?.exitStatus = status
        }
    }

    // MARK: RuntimePort

    func waitForPendingWork() async throws {
        try step("waitForPendingWork") { _ in }
    }

    func containers() async throws -> [ObservedContainer] {
        try step("containers") { state in state.containers.keys.sorted().compactMap { Self.observed($0, state) } }
    }

    func container(_ id: ContainerID) async throws -> ObservedContainer? {
        try step("container") { state in Self.observed(id.description, state) }
    }

    private static func observed(_ id: String, _ state: State) -> ObservedContainer? {
        state.containers[id].map { container in
            ObservedContainer(
                id: id,
                task: container.pid.map { pid in
                    let status: ObservedTask.Status =
                        container.isRunning ? .running : container.exitStatus == nil ? .created : .stopped
                    return ObservedTask(pid: pid, status: status, exitStatus: container.exitStatus ?? 0)
                },
                specification: SpecificationHash(of: container.service)
            )
        }
    }

    func hasImage(_ reference: String, snapshotter: String) async throws -> Bool {
        try step("hasImage") { $0.images.contains(reference) }
    }

    func pull(
        _ reference: String,
        snapshotter: String,
        progress: @escaping @Sendable (PullStep) -> Void
    ) async throws {
        if let gate {
            for await _ in gate {}
            try Task.checkCancellation()
        }
        try step("pull") { state in
            if state.missingImages.contains(reference) { throw RPCError(.notFound, "image \(reference) not found") }
            state.images.insert(reference)
        }
        progress(PullStep(layer: "sha256:1", status: .known(.done)))
    }

    func create(_ slot: Slot, files: SlotFiles, namespace: String) async throws {
        try step("create") { state in
            let id = slot.id.description
            if state.containers[id] == nil { state.containers[id] = Container(service: slot.service) }
        }
    }

    func createTask(_ id: ContainerID, log: String) async throws -> UInt32 {
        try step("createTask") { state in
            let id = id.description
            guard state.containers[id] != nil else { throw StepFailed(description: "createTask: no container") }
            guard state.namespaces.contains(id) else { throw StepFailed(description: "createTask: no namespace") }
            guard state.containers[id]?.isRunning == false else { throw StepFailed(description: "createTask: it runs") }
            state.lastPID += 1
            state.containers[id]?.pid = state.lastPID
            state.containers[id]?.exitStatus = nil
            return state.lastPID
        }
    }

    func startTask(_ id: ContainerID) async throws {
        try step("startTask") { state in
            guard let container = state.containers[id.description], container.pid != nil else {
                throw StepFailed(description: "startTask: no task")
            }
            guard !container.service.network || state.attached.contains(id.description) else {
                throw StepFailed(description: "startTask: no network")
            }
            if let status = state.exitsAtOnce[id.service] {
                state.containers[id.description]?.exitStatus = status
            } else {
                state.containers[id.description]?.isRunning = true
            }
        }
    }

    func stop(_ id: ContainerID, grace: Duration) async throws -> UInt32? {
        try step("stop") { state in
            let id = id.description
            guard state.containers[id]?.pid != nil else { return nil }
            state.stopped.append(id)
            state.containers[id]?.pid = nil
            state.containers[id]?.isRunning = false
            return 143
        }
    }

    func delete(_ id: String) async throws {
        try step("delete") { $0.containers[id] = nil }
    }

    func sweep(keeping: Set<String>) async throws -> [String] {
        try step("sweep") { state in
            let strays = state.containers.keys.filter { !keeping.contains($0) }
            for id in strays { state.containers[id] = nil }
            return strays
        }
    }

    // MARK: NetworkPort

    func namespacePath(_ id: ContainerID) -> String { "/ns/\(id)" }

    func makeNamespace(_ id: ContainerID) async throws {
        try step("makeNamespace") { _ = $0.namespaces.insert(id.description) }
    }

    func attach(_ id: ContainerID, loopbackOnly: Bool) async throws -> IPv4Address? {
        try step("attach") { state in
            state.namespaces.insert(id.description)
            guard !loopbackOnly else { return nil }
            state.attached.insert(id.description)
            let taken = Set(state.addresses.values)
            let free = (9..<UInt8.max).lazy.map { IPv4Address(172, 16, 0, $0) }.first { !taken.contains($0) }
            let address = state.addresses[id.description] ?? free
            state.addresses[id.description] = address
            return address
        }
    }

    func address(_ id: String) async throws -> IPv4Address? {
        try step("address") { state in state.attached.contains(id) ? state.addresses[id] : nil }
    }

    func isAttached(_ id: ContainerID) async throws -> Bool {
        try step("isAttached") { $0.attached.contains(id.description) }
    }

    func detach(_ id: String) async throws {
        try step("detach") { state in
            state.attached.remove(id)
            state.namespaces.remove(id)
            state.addresses[id] = nil
        }
    }

    func attachedIDs() async throws -> [String] {
        try step("attachedIDs") { $0.namespaces.sorted() }
    }

    // MARK: FilesPort

    func files(_ id: ContainerID) -> SlotFiles {
        SlotFiles(log: "/c/\(id)/log", hosts: "/c/\(id)/hosts", resolvConf: "/c/resolv.conf")
    }

    func prepare(_ slot: Slot) async throws -> SlotFiles {
        try step("prepare") { _ = $0.directories.insert(slot.id.description) }
        return files(slot.id)
    }

    func remove(_ id: String) async throws {
        try step("remove") { _ = $0.directories.remove(id) }
    }

    func ids() async throws -> [String] {
        try step("ids") { $0.directories.sorted() }
    }

    func lastLines(_ id: ContainerID, count: Int) async -> [String] { ["last words of \(id)"] }

    // MARK: ProcessPort

    func sample(_ pid: UInt32) -> ProcessSample? {
        state.withLock { state in
            let isAlive = state.containers.values.contains { $0.pid == pid && $0.isRunning }
            return isAlive ? ProcessSample(state: "S", cpuTicks: 1) : nil
        }
    }
}
