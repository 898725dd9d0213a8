import StellarCore
import StellarSystem

/// The steps that bring one slot up or down, each safe to repeat.
///
/// The caller has journaled the slot before it calls, and holds the slot's turn.
struct SlotRunner: Sendable {
    /// Enough to see an error message with its context, and short enough for a terminal.
    static let failureLogLines = 10
    /// The log writer is a process of its own (the shim): the last lines may arrive this long after the exit.
    static let logDelay = Duration.milliseconds(30)

    var runtime: any RuntimePort
    var network: any NetworkPort
    var files: any FilesPort
    var processes: any ProcessPort
    var puller: ImagePuller
    var clock = HostClock.system

    /// A slot that runs.
    struct Running: Sendable, Hashable {
        var pid: UInt32
        var address: IPv4Address?
        /// It had work to do and did it: an exit with status 0 of a service that is not to be restarted then.
        var isDone = false
    }

    typealias Report = @Sendable (SlotState, PullStep?) -> Void

    /// From nothing but its image to a process that runs.
    ///
    /// The network is connected while the runtime makes the task (which takes most of the time): the task needs the
    /// namespace to be there, but nothing in it before it is started.
    func bringUp(_ slot: Slot, report: @escaping Report) async throws -> Running {
        report(.creating, nil)
        let id = slot.id
        async let namespace: Void = network.makeNamespace(id)
        async let container: SlotFiles = makeContainer(slot)
        let (_, paths) = try await (namespace, container)
        async let attached = network.attach(id, loopbackOnly: !slot.service.network)
        async let task = runtime.createTask(id, log: paths.log)
        let (address, pid) = try await (attached, task)
        return try await start(slot, pid: pid, address: address, report: report)
    }

    /// A container that is there gets a new task; its namespace is made again where a reboot took it.
    func restart(_ slot: Slot, report: @escaping Report) async throws -> Running {
        report(.creating, nil)
        let paths = try await files.prepare(slot)
        try await network.makeNamespace(slot.id)
        async let attached = network.attach(slot.id, loopbackOnly: !slot.service.network)
        async let task = runtime.createTask(slot.id, log: paths.log)
        let (address, pid) = try await (attached, task)
        return try await start(slot, pid: pid, address: address, report: report)
    }

    func hasImage(_ service: Service) async throws -> Bool {
        try await runtime.hasImage(service.image, snapshotter: service.snapshotter)
    }

    func ensureImage(_ service: Service, progress: @escaping @Sendable (PullStep) -> Void) async throws {
        try await puller.ensure(service.image, snapshotter: service.snapshotter, progress: progress)
    }

    func stop(_ id: ContainerID, grace: Duration) async throws {
        _ = try await runtime.stop(id, grace: grace)
    }

    /// Everything of the slot goes, whatever there is of it.
    ///
    /// One step that fails does not keep the others from being tried: the first error is thrown at the end.
    func tearDown(_ id: String, grace: Duration) async throws {
        var first: (any Error)?
        do {
            if let id = ContainerID(id) { _ = try await runtime.stop(id, grace: grace) }
            try await runtime.delete(id)
        } catch {
            first = error
        }
        // While a process may live in the namespace it stays, so that a later try finds both.
        if first == nil {
            do {
                try await network.detach(id)
            } catch {
                first = error
            }
        }
        if first == nil {
            do {
                try await files.remove(id)
            } catch {
                first = error
            }
        }
        if let first { throw first }
    }

    private func makeContainer(_ slot: Slot) async throws -> SlotFiles {
        let paths = try await files.prepare(slot)
        try await runtime.create(slot, files: paths, namespace: network.namespacePath(slot.id))
        return paths
    }

    private func start(
        _ slot: Slot,
        pid: UInt32,
        address: IPv4Address?,
        report: @escaping Report
    ) async throws -> Running {
        report(.starting, nil)
        try await runtime.startTask(slot.id)
        report(.running, nil)
        guard try await isStarted(pid) else {
            return try await exited(slot, Running(pid: pid, address: address))
        }
        return Running(pid: pid, address: address)
    }

    private func isStarted(_ pid: UInt32) async throws -> Bool {
        var check = StartupCheck(now: clock.now)
        while true {
            switch check.verdict(processes.tree(pid), now: clock.now) {
            case .running: return true
            case .ended: return false
            case .wait: try await clock.sleep(for: StartupCheck.interval)
            }
        }
    }

    /// What to say of a process that ended at once.
    private func exited(_ slot: Slot, _ running: Running) async throws -> Running {
        let status = try await exitStatus(slot.id)
        if status == 0, slot.service.restart.condition != .always {
            var done = running
            done.isDone = true
            return done
        }
        try await clock.sleep(for: Self.logDelay)
        let log = await files.lastLines(slot.id, count: Self.failureLogLines)
        throw SlotFailure(
            id: slot.id,
            code: .aborted,
            reason: "its process ended at once, \(describe(status, slot.id))",
            log: log,
            hasRun: true,
            exitStatus: status
        )
    }

    /// The exit status reaches containerd shortly after the process is gone.
    private func exitStatus(_ id: ContainerID) async throws -> UInt32? {
        for _ in 0..<Self.exitStatusAttempts {
            guard let task = try await runtime.container(id)?.task else { return nil }
            if task.status == .stopped { return task.exitStatus }
            try await clock.sleep(for: StartupCheck.interval)
        }
        return nil
    }

    /// With the interval of the check: about a third of a second.
    private static let exitStatusAttempts = 100

    /// How a process ended, in words. That it was short of memory is said only where the kernel counted it: a SIGKILL may
    /// come from anyone.
    static func describe(_ status: UInt32?, outOfMemory: Bool = false) -> String {
        let cause = "out of memory: the kernel killed it, or a process of it; raise resources.memory if there is more"
        switch status {
        case nil: return "and its exit status is not known"
        case let status? where outOfMemory && status != 0: return "with status \(status) (\(cause))"
        case let status? where status > 128 && status < 193: return "with status \(status) (signal \(status - 128))"
        case let status?: return "with status \(status)"
        }
    }

    /// How the process of a slot's present task ended, in words.
    func describe(_ status: UInt32?, _ id: ContainerID) -> String {
        Self.describe(status, outOfMemory: status != nil && status != 0 && processes.ranOutOfMemory(id))
    }
}
