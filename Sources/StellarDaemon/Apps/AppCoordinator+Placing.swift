import Logging
import StellarCore
import StellarStore

/// Chooses nodes for the slots of an app.
extension AppCoordinator {
    /// Places an app on nodes that have its images, or get them now. Nothing of the app is written yet.
    func place(
        _ name: String,
        from previous: DesiredApp?,
        _ progress: @escaping Progress,
        placing: (PlacementInput) throws -> DesiredApp
    ) async throws -> (DesiredApp, AppPlan) {
        var excluded: [String: Cause] = [:]
        do { try await reconciler.recover() } catch { excluded[own.id] = Cause(of: error) }
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
            let present = all.filter { $0.isAvailable && excluded[$0.id] == nil }
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
                throw AppError(failure.code, failure.message)
            }
            for problem in problems where problem.failure == nil {
                excluded[problem.node] = problem.error
                logger.notice(
                    "node unresponsive; placing containers on other nodes",
                    metadata: ["node": "\(problem.node)", "reason": "\(problem.error.message)"]
                )
            }
            if present.count == problems.count { throw problem.error }
        }
    }

    /// The platforms left after an image was not available for one of them; nil where no node has another.
    private func otherPlatforms(than node: String, _ nodes: [Node], known: Set<String>?) -> Set<String>? {
        guard let platform = nodes.first(where: { $0.id == node })?.capacity?.platform else { return nil }
        let others = (known ?? Set(nodes.compactMap(\.capacity?.platform))).subtracting([platform])
        return others.isEmpty || known?.contains(platform) == false ? nil : others
    }

    private struct Problem: Sendable {
        var node: String
        var error: Cause
        /// Set where the node responded that it cannot pull an image.
        var failure: SlotFailure?
    }

    /// - Returns: Why nodes are not prepared: those that cannot pull an image first, then unresponsive nodes.
    private func prepare(
        _ app: String,
        _ plan: AppPlan,
        on present: [NodeView],
        _ progress: @escaping Progress
    ) async throws -> [Problem] {
        let shares = present.map { (node: $0, images: plan.images(on: $0.id)) }.filter { !$0.images.isEmpty }
        guard !shares.isEmpty else { return [] }
        return try await pulls.run(app, isEndedAs: "app \(app) was deleted meanwhile") {
            try await withThrowingTaskGroup(of: Problem?.self) { group in
                for (view, images) in shares {
                    group.addTask {
                        do {
                            let outcome = try await node(view).prepare(images) { progress($0.at(view.id)) }
                            guard let failure = outcome.failures.first else { return nil }
                            return Problem(node: view.id, error: Cause(of: failure), failure: failure)
                        } catch {
                            try Task.checkCancellation()
                            return Problem(node: view.id, error: Cause(of: error))
                        }
                    }
                }
                let problems = try await group.reduce(into: [Problem]()) { if let problem = $1 { $0.append(problem) } }
                return problems.sorted { ($0.failure == nil ? 1 : 0, $0.node) < ($1.failure == nil ? 1 : 0, $1.node) }
            }
        }
    }

    /// The input of a placement: the nodes that take containers, their capacity and their load.
    ///
    /// - Parameter app: The app that is about to be placed; its slots do not count as load.
    func input(_ all: [NodeView], excluding excluded: Set<String>, app: String?) async -> PlacementInput {
        let eligible = all.filter { $0.takesContainers && !excluded.contains($0.id) }
        let present = Set(eligible.map(\.id))
        var unavailable = all.filter { !present.contains($0.id) }
        // After a start, gossip may not know all nodes yet. A forgotten node has nothing in the store.
        let met = Set(all.map(\.id))
        unavailable += reconciler.store.machines.filter { !met.contains($0) }.map(NodeView.unknown)
        return PlacementInput(
            nodes: eligible.map(node),
            unavailable: unavailable.map(node),
            load: book.current.load(without: app)
        )
    }

    private func node(_ view: NodeView) -> Node {
        Node(id: view.id, address: view.address, labels: view.labels, capacity: reconciler.store.capacity(of: view.id))
    }
}
