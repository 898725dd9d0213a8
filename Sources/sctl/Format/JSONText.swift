import StellarCore

/// A JSON value whose members keep their order, printed for people.
///
/// SwiftProtobuf's own JSON is not it: the contract wants the fields' proto names, 64-bit numbers as numbers, and an `Any` as its
/// type and bytes.
indirect enum JSONText: Equatable {
    case string(String)
    case number(Int64)
    case unsigned(UInt64)
    case bool(Bool)
    case array([JSONText])
    case object([(name: String, value: JSONText)])

    static func == (left: JSONText, right: JSONText) -> Bool { left.rendered(indent: 1) == right.rendered(indent: 1) }

    /// RFC 8259, one member per line.
    ///
    /// - Parameter indent: spaces per level; the original's `inspect` has one.
    func rendered(indent: Int = 2) -> String {
        var out = ""
        write(to: &out, indent: indent, level: 0)
        return out
    }

    private func write(to out: inout String, indent: Int, level: Int) {
        switch self {
        case .string(let text): out += JSONNode.quotedString(text)
        case .number(let number): out += String(number)
        case .unsigned(let number): out += String(number)
        case .bool(let bool): out += bool ? "true" : "false"
        case .array(let values):
            Self.writeList("[", "]", values, to: &out, indent: indent, level: level) { value, out in
                value.write(to: &out, indent: indent, level: level + 1)
            }
        case .object(let members):
            Self.writeList("{", "}", members, to: &out, indent: indent, level: level) { member, out in
                out += JSONNode.quotedString(member.name)
                out += ": "
                member.value.write(to: &out, indent: indent, level: level + 1)
            }
        }
    }

    private static func writeList<Item>(
        _ open: String,
        _ close: String,
        _ items: [Item],
        to out: inout String,
        indent: Int,
        level: Int,
        _ write: (Item, inout String) -> Void
    ) {
        out += open
        for (index, item) in items.enumerated() {
            out += index == 0 ? "\n" : ",\n"
            out += String(repeating: " ", count: indent * (level + 1))
            write(item, &out)
        }
        if !items.isEmpty {
            out += "\n"
            out += String(repeating: " ", count: indent * level)
        }
        out += close
    }
}

/// The members of a message: those that are zero are left out, as in the JSON of protobuf.
struct JSONMembers {
    private(set) var members: [(name: String, value: JSONText)] = []

    var text: JSONText { .object(members) }

    mutating func add(_ name: String, _ text: String) {
        if !text.isEmpty { members.append((name, .string(text))) }
    }

    mutating func add(_ name: String, _ number: some FixedWidthInteger) {
        guard number != 0 else { return }
        members.append((name, UInt64(exactly: number).map { .unsigned($0) } ?? .number(Int64(clamping: number))))
    }

    mutating func add(_ name: String, _ bool: Bool) {
        if bool { members.append((name, .bool(true))) }
    }

    mutating func add(_ name: String, _ texts: [String]) {
        if !texts.isEmpty { members.append((name, .array(texts.map { .string($0) }))) }
    }

    mutating func add(_ name: String, _ values: [JSONText]) {
        if !values.isEmpty { members.append((name, .array(values))) }
    }

    mutating func add(_ name: String, _ map: [String: String]) {
        guard !map.isEmpty else { return }
        let sorted = map.sorted { $0.key < $1.key }
        members.append((name, .object(sorted.map { ($0.key, .string($0.value)) })))
    }

    /// A nested message, also where it is empty.
    mutating func add(_ name: String, _ value: JSONText?) {
        if let value { members.append((name, value)) }
    }
}
