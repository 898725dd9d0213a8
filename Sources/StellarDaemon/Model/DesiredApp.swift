import StellarCore

/// What should run: an app and which node runs which of its slots. Stored as one value, so that the two never disagree.
struct DesiredApp: Sendable, Hashable {
    var app: App
    /// Slot to node id. A slot that was deleted by itself is missing here although the app's replicas would name it.
    var assignment: Assignment
    /// Seconds since 1970.
    var createdAt: Int64
    /// What was asked for, in words, by the command that wrote it: `create`, `scale demo.web to 3`.
    var command = ""

    /// The slots that a node should run, by id.
    func slots(on node: String) -> [Slot] {
        assignment.slots(on: node).compactMap { id in
            app.service(named: id.service).map { Slot(id: id, service: $0) }
        }
    }
}

extension DesiredApp {
    /// The stored form: `{"created_at": …, "command": …, "slots": {"example.redis.0": "node"}, "app": {…}}`, the app as in
    /// its file.
    var encoded: [UInt8] {
        let slots = assignment.entries.map {
            JSONNode.Member($0.slot.description, JSONNode(.string($0.node)))
        }
        let app = (try? JSONReader.read(AppFile.encode(app), maximumSize: .max)) ?? JSONNode(.null)
        let node = JSONNode(
            .object([
                JSONNode.Member("created_at", JSONNode(.number(String(createdAt)))),
                JSONNode.Member("command", JSONNode(.string(command))),
                JSONNode.Member("slots", JSONNode(.object(slots))),
                JSONNode.Member("app", app),
            ])
        )
        return Array(node.text(indented: false).utf8)
    }

    /// - Throws: What is wrong with the stored value.
    init(encoded bytes: [UInt8]) throws {
        let root = try JSONReader.read(bytes, maximumSize: .max)
        guard case .object(let members) = root.value else { throw StoredValueError("expected an object") }
        func member(_ name: String) throws -> JSONNode {
            guard let node = members.first(where: { $0.name == name })?.node else {
                throw StoredValueError("no member \(name)")
            }
            return node
        }
        guard case .number(let created) = try member("created_at").value, let createdAt = Int64(created) else {
            throw StoredValueError("created_at is not a number")
        }
        guard case .object(let slots) = try member("slots").value else { throw StoredValueError("slots is no object") }
        var assignment = Assignment()
        for slot in slots {
            guard let id = ContainerID(slot.name), case .string(let node) = slot.node.value else {
                throw StoredValueError("\(slot.name) is no slot")
            }
            assignment[id] = node
        }
        let app = try AppFile.parse(Array(try member("app").text(indented: false).utf8))
        self.init(app: app, assignment: assignment, createdAt: createdAt)
        // A record of before has none.
        if case .string(let command)? = try? member("command").value { self.command = command }
    }
}

/// A stored value that cannot be decoded.
struct StoredValueError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
