import Logging
import StellarCore
import StellarRPC
import StellarStore

/// How the nodes involved share a command.
extension AppCoordinator {
    /// Places an app, prepares the nodes involved, writes the record, and has it applied.
    ///
    /// - Parameters:
    ///   - startsAll: What is at rest is started, too.
    ///   - placing: What should run, from what should run now. Called again where that is another by the time the images
    ///     are there.
    func make(
        _ name: String,
        command: String,
        startsAll: Bool,
        _ progress: @escaping Progress,
        placing: @escaping @Sendable (DesiredApp?, PlacementInput) throws -> DesiredApp
    ) async throws -> AppVersion {
        for _ in 0..<Self.maximumTries {
            let (previous, basis) = try book.current.basis(name)
            var (desired, plan) = try await prepared(name, from: previous, progress) { try placing(previous, $0) }
            desired.command = command
            // Also where it says what this node's newest record says already: another node may have a newer one.
            guard let newest = try await reconciler.commit(name, desired, after: basis) else { continue }
            let outcome = await apply(newest, plan, on: Set(plan.nodes), isAsked: startsAll, progress)
            try check(outcome, newest)
            guard !outcome.failures.isEmpty else { return AppVersion(newest) }
            let made = plan.steps.filter { $0.action == .create }
            let hasAnyRun = outcome.failures.count < made.count || outcome.failures.contains(where: \.hasRun)
            // An app of which nothing ran: its slots were undone one by one already. A daemon that stops goes on next time.
            if previous == nil, !hasAnyRun, !Task.isCancelled,
                let gone = try await reconciler.commit(name, nil, after: AppVersion(newest))
            {
                _ = await apply(gone, plan, on: Set(plan.nodes), isAsked: false, { _ in })
            }
            throw SlotFailure.error(outcome.failures, withLog: true) ?? RPCError(.internalError, "\(name) does not run")
        }
        throw RPCError(.aborted, "other commands about \(name) keep coming, on other nodes (see: sctl why \(name))")
    }

    /// Each fails because another node's command came between: by then people have to talk to each other.
    static let maximumTries = 16

    /// Places an app where its images can be had. Nothing of it is written yet.
    private func prepared(
        _ name: String,
        from previous: DesiredApp?,
        _ progress: @escaping Progress,
        placing: (PlacementInput) throws -> DesiredApp
    ) async throws -> (DesiredApp, AppPlan) {
        var excluded: [String: RPCError] = [:]
        do { try await reconciler.recover() } catch { excluded[own.id] = RPCError(of: error) }
        var platforms: [String: Set<String>] = [:]
        while true {
            let all = await nodes()
            var input = await input(all, excluding: Set(excluded.keys), app: name)
            input.platforms = platforms
            if input.nodes.isEmpty, let error = excluded[own.id] { throw error }
            let desired = try placing(input)
            let plan = AppPlan(from: previous, to: desired)
            for step in plan.steps where step.action == .create || step.action == .replace {
                progress(SlotProgress(id: step.slot.id, node: step.node, state: .waiting))
            }
            let present = all.filter { $0.isPresent && excluded[$0.id] == nil }
            let problems = try await prepare(name, plan, on: present, progress)
            guard let problem = problems.first else { return (desired, plan) }
            if let failure = problem.failure {
                let image = plan.images(on: problem.node).first { $0.id == failure.id }?.service.image
                if let image, let others = otherPlatforms(than: problem.node, input.nodes, known: platforms[image]) {
                    platforms[image] = others
                    continue
                }
                progress(
                    SlotProgress(id: failure.id, node: problem.node, state: .failed, message: failure.reason)
                )
                throw RPCError(failure.code, "\(failure.id): \(failure.reason)")
            }
            for problem in problems where problem.failure == nil {
                excluded[problem.node] = problem.error
                logger.notice(
                    "a node does not answer, and gets no containers for now",
                    metadata: ["node": "\(problem.node)", "reason": "\(problem.error.message)"]
                )
            }
            if present.count == problems.count { throw problem.error }
        }
    }

    /// Where an image cannot be had for one platform, there may be nodes of another.
    private func otherPlatforms(than node: String, _ nodes: [Node], known: Set<String>?) -> Set<String>? {
        guard let platform = nodes.first(where: { $0.id == node })?.capacity?.platform else { return nil }
        let others = (known ?? Set(nodes.compactMap(\.capacity?.platform))).subtracting([platform])
        return others.isEmpty || known?.contains(platform) == false ? nil : others
    }

    private struct Problem: Sendable {
        var node: String
        var error: RPCError
        /// The node answered: it cannot have an image.
        var failure: SlotFailure?
    }

    /// - Returns: What keeps nodes from it: those where an image cannot be had first.
    private func prepare(
        _ app: String,
        _ plan: AppPlan,
        on present: [NodeView],
        _ progress: @escaping Progress
    ) async throws -> [Problem] {
        let shares = present.map { (node: $0, images: plan.images(on: $0.id)) }.filter { !$0.images.isEmpty }
        guard !shares.isEmpty else { return [] }
        let (reconciler, peers) = (reconciler, peers)
        return try await pulls.run(app, isEndedAs: "app \(app) was deleted meanwhile") {
            try await withThrowingTaskGroup(of: Problem?.self) { group in
                for (node, images) in shares {
                    group.addTask {
                        let progress: Progress = { progress($0.at(node.id)) }
                        do {
                            var outcome = AppOutcome()
                            if node.isSelf {
                                try await reconciler.prepare(images, progress)
                            } else {
                                outcome = try await peers.prepare(images, on: node, progress)
                            }
                            guard let failure = outcome.failures.first else { return nil }
                            return Problem(node: node.id, error: RPCError(of: failure), failure: failure)
                        } catch let failure as SlotFailure {
                            return Problem(node: node.id, error: RPCError(of: failure), failure: failure)
                        } catch {
                            try Task.checkCancellation()
                            return Problem(node: node.id, error: RPCError(of: error))
                        }
                    }
                }
                let problems = try await group.reduce(into: [Problem]()) { if let problem = $1 { $0.append(problem) } }
                return problems.sorted { ($0.failure == nil ? 1 : 0, $0.node) < ($1.failure == nil ? 1 : 0, $1.node) }
            }
        }
    }

    /// What a placement depends on: who is there, what each has and runs.
    ///
    /// - Parameter app: Whose slots do not count: they are about to be placed.
    func input(_ all: [NodeView], excluding excluded: Set<String>, app: String?) async -> PlacementInput {
        let there = all.filter { $0.takesContainers && !excluded.contains($0.id) }
        let present = Set(there.map(\.id))
        var away = all.filter { !present.contains($0.id) }
        // After a start, gossip may not have met everybody again. Who was forgotten has left nothing in the store.
        let met = Set(all.map(\.id))
        away += reconciler.store.machines.filter { !met.contains($0) }.map(NodeView.unknown)
        return PlacementInput(
            nodes: there.map(node),
            away: away.map(node),
            load: book.current.load(without: app)
        )
    }

    private func node(_ view: NodeView) -> Node {
        Node(id: view.id, address: view.address, labels: view.labels, capacity: reconciler.store.capacity(of: view.id))
    }

    /// Has a record applied by the nodes involved that are there, and tells what waits for those that are not.
    func apply(
        _ record: StoreEntry,
        _ plan: AppPlan,
        on involved: Set<String>,
        isAsked: Bool,
        _ progress: @escaping Progress
    ) async -> AppOutcome {
        let shares = Dictionary(involved.map { ($0, plan.slots(on: $0)) }, uniquingKeysWith: { first, _ in first })
        let removed = Set(plan.steps.filter { $0.action == .remove }.map { [$0.node, $0.slot.id.description] })
        let (reconciler, peers, name) = (reconciler, peers, record.key.key)
        return await share(shares, progress) { _, node, progress in
            guard !node.isSelf else {
                try await reconciler.recover()
                let failures = await reconciler.reconcile(name, isAsked ? .requested : .noticed, progress)
                let version = reconciler.book.current.versions[name]
                return AppOutcome(failures: failures, superseded: version == AppVersion(record) ? nil : version)
            }
            let outcome = try await peers.apply(record, isAsked: isAsked, on: node, progress)
            // A node whose facts come with the next exchange alone is told of all the same.
            try? await reconciler.store.take(outcome.facts)
            return outcome
        } away: { id, node in
            let isRemoval = removed.contains([node.id, id.description])
            let what = isRemoval ? "it goes when \(node.id) is back" : "it waits for \(node.id)"
            return SlotProgress(
                id: id,
                node: node.id,
                state: isRemoval ? .deleting : .waiting,
                message: "\(what): \(node.absence)"
            )
        }
    }

    /// Has each node do its share, all at once. One that cannot be spoken to holds nothing up.
    func share(
        _ shares: [String: [ContainerID]],
        _ progress: @escaping Progress,
        _ body: @escaping @Sendable ([ContainerID], NodeView, @escaping Progress) async throws -> AppOutcome,
        away: @escaping @Sendable (ContainerID, NodeView) -> SlotProgress
    ) async -> AppOutcome {
        guard shares.keys.contains(where: { $0 != own.id }) else {
            // Nobody else is involved, so nobody else is looked for.
            let view = NodeView.own(own)
            return await one(shares[own.id] ?? [], view, progress, body, away: away)
        }
        let all = Dictionary(await nodes().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return await withTaskGroup(of: AppOutcome.self) { group in
            for (name, ids) in shares {
                group.addTask {
                    let view = all[name] ?? NodeView.unknown(name)
                    return await one(ids, view, progress, body, away: away)
                }
            }
            return await group.reduce(into: AppOutcome()) { $0.add($1) }
        }
    }

    private func one(
        _ ids: [ContainerID],
        _ node: NodeView,
        _ progress: @escaping Progress,
        _ body: @Sendable ([ContainerID], NodeView, @escaping Progress) async throws -> AppOutcome,
        away: @Sendable (ContainerID, NodeView) -> SlotProgress
    ) async -> AppOutcome {
        var view = node
        if view.isPresent {
            do {
                return try await body(ids, view) { progress($0.at(node.id)) }
            } catch {
                let error = RPCError(of: error)
                // What fails here fails for a reason of this node, and there is nobody to wait for.
                guard !view.isSelf else {
                    return AppOutcome(
                        failures: ids.map { SlotFailure(id: $0, code: error.code, reason: error.message) }
                    )
                }
                view = view.unanswered(error.message)
            }
        }
        for id in ids { progress(away(id, view)) }
        return AppOutcome()
    }

    /// - Throws: Aborted where another command about the app came after this one.
    func check(_ outcome: AppOutcome, _ record: StoreEntry) throws {
        guard let newer = outcome.superseded else { return }
        throw RPCError(
            .aborted,
            "another command about \(record.key.key) came after this one, on \(newer.origin) at "
                + "\(WallClock.rfc3339(newer.time)); its outcome holds, whole (see: sctl why \(record.key.key))"
        )
    }
}

extension AppOutcome {
    fileprivate mutating func add(_ other: AppOutcome) {
        failures += other.failures
        superseded = [superseded, other.superseded].compactMap { $0 }.max()
    }
}

extension SlotProgress {
    /// The same, with its place where it does not say one.
    fileprivate func at(_ node: String) -> SlotProgress {
        guard self.node.isEmpty else { return self }
        var progress = self
        progress.node = node
        return progress
    }
}
