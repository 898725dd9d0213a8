import Logging
import StellarCore
import StellarStore
import StellarSystem

/// Takes people's commands about apps, on whichever node they were given.
///
/// What should run is one record, written whole: app and assignment. A command places, has the nodes involved pull their
/// images, writes the record, which makes it durable, and then has each node involved apply it and report its progress. The
/// record needs no other node: an unreachable node receives it from the store later, and so does every node when this
/// process dies. Of two commands about one app at once on two nodes the newer record holds,
/// whole, and the other command says so.
///
/// On one node commands about one app come one after the other. Each begins with what the other nodes know of the app, so
/// that of two commands, the second of which was given after the first was done, the second builds on the first, wherever
/// it was given.
struct AppCoordinator: Sendable {
    typealias Progress = @Sendable (SlotProgress) -> Void

    var reconciler: Reconciler
    /// This node's share of a command.
    var local: LocalNode { LocalNode(reconciler: reconciler) }
    /// The share of another node.
    var remote: @Sendable (NodeView) -> any AppNode
    /// All nodes, this one first.
    var nodes: @Sendable () async -> [NodeView]
    var logger: Logger
    let turn = KeyedLock<String>()
    /// Commands that pull images before anything of them is written, so that a delete of the app ends them.
    let pulls = EndableWork<String>()

    init(
        reconciler: Reconciler,
        remote: @escaping @Sendable (NodeView) -> any AppNode,
        nodes: @escaping @Sendable () async -> [NodeView],
        logger: Logger
    ) {
        self.reconciler = reconciler
        self.remote = remote
        self.nodes = nodes
        self.logger = logger
    }

    var own: Node { reconciler.node }

    func node(_ view: NodeView) -> any AppNode { view.id == own.id ? local : remote(view) }

    var book: LiveAppBook { reconciler.book }

    /// Runs a command in its app's turn, also when its caller is cancelled.
    ///
    /// - Throws: ``AppError``.
    func command<Result: Sendable>(
        _ app: String,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await reconciler.queue.perform {
                try await turn.withUncancelledLock(app) {
                    try await reconciler.holding(app) {
                        await catchUp(app)
                        return try await body()
                    }
                }
            }
        } catch {
            throw AppError(of: error)
        }
    }

    /// Applies the newest record of an app that a reachable node has and this one has not received yet.
    func catchUp(_ app: String) async {
        let others = await nodes().filter(\.isReachable)
        guard !others.isEmpty else { return }
        let known = book.current.versions[app]
        let newest = await withTaskGroup(of: StoreEntry?.self) { group in
            for view in others { group.addTask { await node(view).newest(app, than: known) } }
            return await group.reduce(into: [StoreEntry]()) { if let entry = $1 { $0.append(entry) } }
        }.max { AppVersion($0) < AppVersion($1) }
        guard let newest else { return }
        // What the store does not take from here, it would not take from gossip, either.
        try? await reconciler.store.take([newest])
        book.refresh(app)
    }

    // MARK: Create

    /// Creates or changes an app on all nodes, and returns when all its slots run whose nodes are reachable.
    ///
    /// What is as it should be already is left alone, what changed is replaced, what is no longer in the app is removed. When a
    /// slot fails, the others go on, and the app stays: it is in the list, with the reason, and is tried again. Only an
    /// app of which nothing has run is withdrawn. Where an image cannot be had, nothing is changed.
    ///
    /// - Returns: The record that says so.
    /// - Throws: ``AppError``, which names the first slot that does not run.
    @discardableResult
    func create(_ app: App, _ progress: @escaping Progress) async throws -> AppVersion {
        try await command(app.name) {
            try await make(app.name, command: "create", startsAll: true, progress) { previous, input in
                DesiredApp(
                    app: app,
                    assignment: try Placement.assign(app, to: input, keeping: previous?.assignment ?? Assignment()),
                    createdAt: previous?.createdAt ?? reconciler.clock.unixSeconds
                )
            }
        }
    }

    /// Changes the number of replicas of one service; everything else of the app stays as it is.
    ///
    /// - Parameter name: `app.service`, or `app` where that has one service.
    @discardableResult
    func scale(_ name: String, to replicas: Int, _ progress: @escaping Progress) async throws -> AppVersion {
        let selection = try Self.selection(name)
        return try await command(selection.app) {
            let present = try book.current.desired(selection.app)
            let service = try Self.scaled(selection, of: present, name)
            let words = "scale \(selection.app).\(service) to \(replicas)"
            return try await make(selection.app, command: words, startsAll: false, progress) { previous, input in
                guard let previous, previous.app.service(named: service) != nil else {
                    throw AppError(.aborted, "\(name) was deleted meanwhile (see: sctl why \(selection.app))")
                }
                return try Self.scale(previous, service, to: replicas, input: input)
            }
        }
    }

    static func scaled(_ selection: Selection, of desired: DesiredApp, _ name: String) throws -> String {
        guard selection.replica == nil else {
            throw AppError(.invalidArgument, "\(name) is one replica; scale its service")
        }
        if let service = selection.service {
            guard desired.app.service(named: service) != nil else { throw AppError.notFound(name) }
            return service
        }
        guard desired.app.services.count == 1, let only = desired.app.services.first else {
            let names = desired.app.services.map { "\(desired.app.name).\($0.name)" }.joined(separator: ", ")
            throw AppError(.invalidArgument, "\(name) has several services; say which: \(names)")
        }
        return only.name
    }

    static func scale(
        _ previous: DesiredApp,
        _ service: String,
        to replicas: Int,
        input: PlacementInput
    ) throws -> DesiredApp {
        guard replicas > 0 else {
            let name = "\(previous.app.name).\(service)"
            throw AppError(
                .invalidArgument,
                "replicas: \(replicas) is less than 1; to remove every replica, delete \(name)"
            )
        }
        var desired = previous
        guard let index = desired.app.services.firstIndex(where: { $0.name == service }) else { return previous }
        desired.app.services[index].replicas = replicas
        desired.app = try desired.app.validated()
        let placed = try Placement.assign(desired.app, to: input, keeping: previous.assignment)
        desired.assignment = Assignment()
        for (slot, node) in placed.entries where slot.service == service || previous.assignment[slot] != nil {
            desired.assignment[slot] = node
        }
        return desired
    }

    /// Adds one slot to its app on this node, as the daemons of the original requested of each other.
    func createSlot(_ id: ContainerID, _ service: Service) async throws {
        _ = try await command(id.app) {
            let own = own.id
            return try await make(id.app, command: "create \(id)", startsAll: true, { _ in }) { previous, _ in
                var desired =
                    previous
                    ?? DesiredApp(
                        app: App(name: id.app),
                        assignment: Assignment(),
                        createdAt: reconciler.clock.unixSeconds
                    )
                var service = service
                if let index = desired.app.services.firstIndex(where: { $0.name == id.service }) {
                    service.replicas = max(desired.app.services[index].replicas, id.replica + 1)
                    desired.app.services[index] = service
                } else {
                    service.replicas = id.replica + 1
                    desired.app.services.append(service)
                }
                desired.assignment[id] = own
                return desired
            }
        }
    }

    // MARK: Delete and restart

    /// Deletes an app, a service or a replica. When it returns, every reachable node has removed its containers.
    ///
    /// - Parameter name: `app`, `app.service` or `app.service.replica`, exactly.
    @discardableResult
    func delete(_ name: String, _ progress: @escaping Progress) async throws -> AppVersion? {
        let selection = try Self.selection(name)
        let isEnded = selection.service == nil && pulls.end(selection.app)
        return try await command(selection.app) {
            guard let previous = book.current.apps[selection.app] else {
                if isEnded { return nil }
                throw AppError.notFound(name)
            }
            guard let left = Self.without(selection, previous) else { throw AppError.notFound(name) }
            var desired = left
            desired.command = "delete \(name)"
            if !desired.assignment.isEmpty { _ = try book.current.basis(selection.app) }
            let record = try await reconciler.commit(selection.app, desired.assignment.isEmpty ? nil : desired)
            let plan = AppPlan(from: previous, to: desired)
            let nodes = Set(plan.steps.filter { $0.action == .remove }.map(\.node))
            let outcome = await apply(record, plan, on: nodes, .noticed, progress)
            try check(outcome, record)
            if let error = SlotFailure.error(outcome.failures, withLog: false) {
                throw AppError(error.code, "\(error.message); it is tried again until it is gone")
            }
            return AppVersion(record)
        }
    }

    /// The app without what is selected; nil where nothing is.
    static func without(_ selection: Selection, _ desired: DesiredApp) -> DesiredApp? {
        var left = desired
        let selected = desired.assignment.entries.map(\.slot).filter(selection.contains)
        for id in selected { left.assignment[id] = nil }
        return selected.isEmpty ? nil : left
    }

    /// Stops and starts again the containers of an app, a service or a replica, on the reachable nodes.
    func restart(_ name: String, _ progress: @escaping Progress) async throws {
        let selection = try Self.selection(name)
        try await command(selection.app) {
            let desired = try book.current.desired(selection.app)
            let selected = desired.assignment.entries.filter { selection.contains($0.slot) }
            guard !selected.isEmpty else { throw AppError.notFound(name) }
            let ids = Dictionary(grouping: selected, by: \.node).mapValues { $0.map(\.slot) }
            let outcome = await share(ids, progress) { ids, node, progress in
                try await node.restart(ids, progress)
            } unreachable: { id, node in
                SlotProgress(id: id, node: node.id, state: .waiting, message: "not restarted: \(node.standing)")
            }
            if let error = SlotFailure.error(outcome.failures, withLog: true) { throw error }
        }
    }

    static func selection(_ name: String) throws -> Selection {
        guard let selection = Selection(name) else { throw AppError.notFound(name) }
        return selection
    }

}

extension AppBook {
    /// - Throws: NotFound.
    func desired(_ name: String) throws -> DesiredApp {
        guard let desired = apps[name] else { throw AppError.notFound(name) }
        return desired
    }

    /// What a command starts from: the app as it should be now, and the write that says so.
    ///
    /// - Throws: FailedPrecondition where that cannot be decoded: what a later release wrote there would be lost.
    func basis(_ name: String) throws -> (DesiredApp?, AppVersion?) {
        if let reason = undecodable[name] {
            throw AppError(.failedPrecondition, "cannot decode the stored record of \(name): \(reason)")
        }
        return (apps[name], versions[name])
    }
}
