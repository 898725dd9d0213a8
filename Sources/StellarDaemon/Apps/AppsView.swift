import StellarAPI
import StellarCore
import StellarStore
import StellarSystem
import SwiftProtobuf

/// What people see of the apps of all nodes, read from the store. It calls no node, so a dead node delays nothing: it
/// shows what each node reported last, with the node's state.
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
        // A create from this definition must not bring back a service that was deleted by itself.
        var app = desired.app
        let present = Set(desired.assignment.entries.map(\.slot.service))
        app.services = app.services.filter { present.contains($0.name) }
        message.definition = ApplicationCreateRequest(app)
        return message
    }

    /// Explains the state of an app, a service or a replica, one line a fact.
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

/// What one node knows of the apps at one moment.
struct AppsPicture: Sendable {
    var own: String
    var book: AppBook
    /// Of this node's slots.
    var statuses: [ContainerID: SlotStatus]
    /// Slots that this node is removing.
    var leaving: Set<ContainerID>
    var nodes: [String: NodeView]
    var store: any StorePort
    /// Seconds since 1970.
    var now: Int64

    func node(_ id: String) -> NodeView { nodes[id] ?? .unknown(id) }

    /// The state of a slot: of this node's from memory, of another node's as that node reported it last.
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
            // Its present state is unknown.
            message.state = "unknown"
            message.reason = "\(node.standing); last reported: \(fact.words)"
            return message
        }
        message.state = fact.state.rawValue
        message.pid = fact.pid
        message.reason = fact.reason
        return message
    }
}

extension SlotFact {
    /// `failed: it ended with status 1`
    var words: String { reason.isEmpty ? state.rawValue : "\(state.rawValue): \(reason)" }
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
