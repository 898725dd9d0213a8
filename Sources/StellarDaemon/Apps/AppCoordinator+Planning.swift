import StellarAPI
import StellarCore

/// Lists the steps of a command without doing them.
extension AppCoordinator {
    func plan(_ request: ApplicationPlanRequest) async throws -> [ApplicationPlanStep] {
        let all = await nodes()
        let (previous, desired) = try await planned(request, all)
        let views = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return AppPlan(from: previous, to: desired).steps.map { step in
            var message = ApplicationPlanStep()
            message.slot = step.slot.id.description
            message.node = step.node
            message.action = step.action.rawValue
            var notes: [String] = []
            if let from = step.from { notes.append("it was on \(from)") }
            let node = views[step.node] ?? .unknown(step.node)
            if !node.isAvailable { notes.append("it waits for \(node.standing)") }
            message.note = notes.joined(separator: "; ")
            return message
        }
    }

    private func planned(
        _ request: ApplicationPlanRequest,
        _ all: [NodeView]
    ) async throws -> (DesiredApp?, DesiredApp?) {
        if request.hasCreate {
            let app = try App(request: request.create)
            await catchUp(app.name)
            let previous = book.current.apps[app.name]
            let input = await input(all, excluding: [], app: app.name)
            let kept = previous?.assignment ?? Assignment()
            let assignment = try Placement.assign(app, to: input, keeping: kept)
            return (previous, DesiredApp(app: app, assignment: assignment, createdAt: 0))
        }
        if request.hasScale {
            let name = request.scale.name
            let selection = try Self.selection(name)
            await catchUp(selection.app)
            let previous = try book.current.desired(selection.app)
            let service = try Self.scaled(selection, of: previous, name)
            let input = await input(all, excluding: [], app: selection.app)
            let replicas = Int(clamping: request.scale.replicas)
            return (previous, try Self.scale(previous, service, to: replicas, input: input))
        }
        guard request.hasDelete else {
            throw AppError(.invalidArgument, "say what to plan: create, scale or delete")
        }
        let selection = try Self.selection(request.delete.name)
        await catchUp(selection.app)
        let previous = try book.current.desired(selection.app)
        guard let left = Self.without(selection, previous) else { throw AppError.notFound(request.delete.name) }
        return (previous, left)
    }
}
