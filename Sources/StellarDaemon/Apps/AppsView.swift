import StellarAPI
import StellarCore
import StellarStore
import StellarSystem
import SwiftProtobuf

/// What people see of the apps of all nodes. It is read from the store, so no node is called, and a dead one delays
/// nothing: of another node it shows what that node reported last, with the node's state.
struct AppsView: Sendable {
    var reconciler: Reconciler
    /// All nodes, this one first.
    var nodes: @Sendable () async -> [NodeView]

    func applications() async -> [ApplicationApp] {
        let picture = await picture()
        return picture.book.apps.keys.sorted().compactMap { picture.book.apps[$0].map(picture.message) }
    }

    func application(_ name: String) async throws -> ApplicationApp {
        let picture = await picture()
        guard let desired = picture.book.apps[name] else { throw AppError.notFound(name) }
        var message = picture.message(desired)
        // A service that was deleted by itself is not to come back with a create of the rest.
        var app = desired.app
        let present = Set(desired.assignment.entries.map(\.slot.service))
        app.services = app.services.filter { present.contains($0.name) }
        message.definition = ApplicationCreateRequest(app)
        return message
    }

    /// Why an app, a service or a replica is as it is, a line for each thing that is to be said.
    func why(_ name: String) async throws -> [String] {
        guard let selection = Selection(name) else { throw AppError.notFound(name) }
        let picture = await picture()
        let words = AppWords(selection, picture)
        guard let lines = words.lines(now: reconciler.clock.unixSeconds) else { throw AppError.notFound(name) }
        return lines
    }

    private func picture() async -> AppsPicture {
        let all = await nodes()
        return await reconciler.picture(Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
    }
}

/// All that one node knows of the apps, at one moment.
struct AppsPicture: Sendable {
    var own: String
    var book: AppBook
    /// Of this node's slots.
    var statuses: [ContainerID: SlotStatus]
    /// Slots that are on their way out of this node.
    var leaving: Set<ContainerID>
    var nodes: [String: NodeView]
    var store: any StorePort
    /// Seconds since 1970.
    var now: Int64

    func node(_ id: String) -> NodeView { nodes[id] ?? .unknown(id) }

    /// What is known of a slot: of an own one what it does, of any other what its node reported last, if it did.
    func fact(_ id: ContainerID, on node: String) -> SlotFact? {
        node == own ? statuses[id].map { SlotFact($0, endpoints: []) } : store.fact(of: id, on: node)
    }

    /// One `Service` per container, as the original has it: its name is the container's id.
    func message(_ desired: DesiredApp) -> ApplicationApp {
        var message = ApplicationApp()
        message.name = desired.app.name
        message.labels = desired.app.labels.list
        message.createdAt.seconds = desired.createdAt
        var shapes: [String: RuntimeService] = [:]
        for service in desired.app.services {
            var shape = RuntimeService(service)
            shape.replicas = 0
            shape.labels = ContainerLabels.shown(of: service, app: desired.app.name).sorted { $0.key < $1.key }.map {
                "\($0.key)=\($0.value)"
            }
            shapes[service.name] = shape
        }
        message.services = desired.assignment.entries.compactMap { id, node in
            guard var item = shapes[id.service] else { return nil }
            item.name = id.description
            item.node = node
            item.status = status(of: id, on: node)
            return item
        }
        return message
    }

    private func status(of id: ContainerID, on name: String) -> RuntimeReplicaStatus {
        let node = node(name)
        var message = RuntimeReplicaStatus()
        message.nodeStatus = node.status.rawValue
        if node.status != .unknown { message.nodeLastSeen.seconds = now - node.lastSeen.components.seconds }
        let fact = fact(id, on: name) ?? SlotFact(SlotStatus(), endpoints: [])
        message.address = fact.address ?? ""
        message.restarts = UInt32(clamping: fact.restarts)
        if fact.startedAt > 0 { message.startedAt.seconds = fact.startedAt }
        guard node.isAvailable else {
            // Nobody can know what it does now.
            message.state = "unknown"
            message.reason = "\(node.standing); the last that is known of it: \(fact.words)"
            return message
        }
        message.state = fact.state.word
        message.pid = fact.pid
        message.reason = fact.reason
        return message
    }
}

extension SlotFact {
    /// `failed: it ended with status 1`
    var words: String { reason.isEmpty ? state.word : "\(state.word): \(reason)" }
}

extension Reconciler {
    func picture(_ nodes: [String: NodeView]) -> AppsPicture {
        AppsPicture(
            own: node.id,
            book: book.current,
            statuses: statuses,
            leaving: Set(machines.values.filter { $0.isShown && $0.desired == nil }.map(\.id)),
            nodes: nodes,
            store: store,
            now: clock.unixSeconds
        )
    }
}
