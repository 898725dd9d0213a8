import Logging
import StellarCore
import StellarStore

/// How the nodes involved share a command.
extension AppCoordinator {
    /// Places an app, prepares the nodes involved, writes the record, and has it applied.
    ///
    /// - Parameters:
    ///   - startsAll: Slots at rest are started, too.
    ///   - placing: Makes the new desired state from the present one. Called again where the present one changed while the
    ///     nodes pulled images.
    func make(
        _ name: String,
        command: String,
        startsAll: Bool,
        _ progress: @escaping Progress,
        placing: @escaping @Sendable (DesiredApp?, PlacementInput) throws -> DesiredApp
    ) async throws -> AppVersion {
        for _ in 0..<Self.maximumTries {
            let (previous, basis) = try book.current.basis(name)
            var (desired, plan) = try await place(name, from: previous, progress) { try placing(previous, $0) }
            desired.command = command
            // Also where it says what this node's newest record says already: another node may have a newer one.
            guard let newest = try await reconciler.commit(name, desired, after: basis) else { continue }
            let outcome = await apply(newest, plan, on: Set(plan.nodes), startsAll ? .requested : .noticed, progress)
            try check(outcome, newest)
            guard !outcome.failures.isEmpty else { return AppVersion(newest) }
            let made = plan.steps.filter { $0.action == .create }
            let hasAnyRun = outcome.failures.count < made.count || outcome.failures.contains(where: \.hasRun)
            // An app of which nothing ran: its slots were undone one by one already. A daemon that stops goes on next time.
            if previous == nil, !hasAnyRun, !Task.isCancelled,
                let gone = try await reconciler.commit(name, nil, after: AppVersion(newest))
            {
                _ = await apply(gone, plan, on: Set(plan.nodes), .noticed, { _ in })
            }
            throw SlotFailure.error(outcome.failures, withLog: true) ?? AppError(.internalError, "\(name) does not run")
        }
        throw AppError(.aborted, "other commands about \(name) keep coming, on other nodes (see: sctl why \(name))")
    }

    /// Each fails because another node's command came between: by then people have to talk to each other.
    static let maximumTries = 16

    /// Has a record applied by the nodes involved that are available, and reports what waits for the others.
    func apply(
        _ record: StoreEntry,
        _ plan: AppPlan,
        on involved: Set<String>,
        _ occasion: Occasion,
        _ progress: @escaping Progress
    ) async -> AppOutcome {
        let shares = Dictionary(involved.map { ($0, plan.slots(on: $0)) }, uniquingKeysWith: { first, _ in first })
        let removed = Set(plan.steps.filter { $0.action == .remove }.map { [$0.node, $0.slot.id.description] })
        return await share(shares, progress) { _, node, progress in
            try await node.apply(record, occasion, progress)
        } unreachable: { id, node in
            let isRemoval = removed.contains([node.id, id.description])
            let what = isRemoval ? "\(node.id) removes it when it is reachable again" : "it waits for \(node.id)"
            return SlotProgress(
                id: id,
                node: node.id,
                state: isRemoval ? .deleting : .waiting,
                message: "\(what): \(node.standing)"
            )
        }
    }

    /// Has each node do its share, all at once. An unreachable node holds nothing up.
    ///
    /// - Parameters:
    ///   - body: What one node does of its slots.
    ///   - unreachable: What is reported of a slot whose node does not do its share now.
    func share(
        _ shares: [String: [ContainerID]],
        _ progress: @escaping Progress,
        _ body: @escaping @Sendable ([ContainerID], any AppNode, @escaping Progress) async throws -> AppOutcome,
        unreachable: @escaping @Sendable (ContainerID, NodeView) -> SlotProgress
    ) async -> AppOutcome {
        // A command that involves only this node needs no view of the others.
        let isLocal = !shares.keys.contains { $0 != own.id }
        let all = isLocal ? [NodeView.own(own)] : await nodes()
        let views = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return await withTaskGroup(of: AppOutcome.self) { group in
            for (name, ids) in shares.sorted(by: { $0.key < $1.key }) {
                let view = views[name] ?? NodeView.unknown(name)
                group.addTask { await share(ids, of: view, progress, body, unreachable: unreachable) }
            }
            return await group.reduce(into: AppOutcome()) { $0.add($1) }
        }
    }

    private func share(
        _ ids: [ContainerID],
        of node: NodeView,
        _ progress: @escaping Progress,
        _ body: @Sendable ([ContainerID], any AppNode, @escaping Progress) async throws -> AppOutcome,
        unreachable: @Sendable (ContainerID, NodeView) -> SlotProgress
    ) async -> AppOutcome {
        var view = node
        if view.isAvailable {
            do {
                let outcome = try await body(ids, self.node(view)) { progress($0.at(node.id)) }
                // These facts are needed now; without this they would arrive with the next exchange.
                try? await reconciler.store.take(outcome.facts)
                return outcome
            } catch let error as NodeUnreachable {
                view = view.unanswered(error.reason.message)
            } catch {
                // The call itself did not fail, so there is no node to wait for.
                return AppOutcome(failures: ids.map { SlotFailure($0, error) })
            }
        }
        for id in ids { progress(unreachable(id, view)) }
        return AppOutcome()
    }

    /// - Throws: Aborted where another command about the app came after this one.
    func check(_ outcome: AppOutcome, _ record: StoreEntry) throws {
        guard let newer = outcome.superseded else { return }
        throw AppError(
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
    /// The same line, with this node where it names none.
    func at(_ node: String) -> SlotProgress {
        guard self.node.isEmpty else { return self }
        var progress = self
        progress.node = node
        return progress
    }
}
