/// A JSON value (RFC 8259) with its place in the document.
///
/// Members keep their order and their duplicates, and numbers their text, so an error can name the place of a mistake
/// and report a member that occurs twice.
package struct JSONNode: Sendable, Hashable {
    /// The value.
    package var value: Value
    /// The offset of its first byte, or any number that grows in document order.
    package var offset: Int

    package init(_ value: Value, offset: Int = 0) {
        self.value = value
        self.offset = offset
    }

    package enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        /// The text of the number, in JSON's grammar.
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([Member])
    }

    package struct Member: Sendable, Hashable {
        package var name: String
        /// The offset of the name's first byte.
        package var offset: Int
        package var node: JSONNode

        package init(_ name: String, _ node: JSONNode, offset: Int = 0) {
            self.name = name
            self.node = node
            self.offset = offset
        }
    }

    /// The value in an error about its type: `a string ("yes")`.
    package var typeDescription: String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let text): "a number (\(text.prefix(40)))"
        case .string(let text): "a string (\(quoted(text)))"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A text that is not JSON.
package struct JSONSyntaxError: Error, Sendable, Hashable {
    package var message: String
    /// The offset of the mistake, in bytes.
    package var offset: Int
}

extension JSONNode {
    /// The same document with offsets that grow in document order, for a tree that does not come from a text.
    package func numbered() -> JSONNode {
        var next = 0
        return numbered(&next)
    }

    private func numbered(_ next: inout Int) -> JSONNode {
        next += 1
        let offset = next
        switch value {
        case .array(let elements):
            return JSONNode(.array(elements.map { $0.numbered(&next) }), offset: offset)
        case .object(let members):
            let numbered = members.map { member in
                next += 1
                let offset = next
                return Member(member.name, member.node.numbered(&next), offset: offset)
            }
            return JSONNode(.object(numbered), offset: offset)
        default:
            return JSONNode(value, offset: offset)
        }
    }
}
