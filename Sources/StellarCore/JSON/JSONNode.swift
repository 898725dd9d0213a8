/// A JSON text (RFC 8259) as it stands in a document: with the place of every value, members in order and duplicates
/// kept, numbers as written. A decoder that gives values alone can neither say where a mistake is nor that a member
/// was given twice.
package struct JSONNode: Sendable, Hashable {
    /// The value.
    package var value: Value
    /// Where it begins: the offset in bytes, or any number that grows in document order.
    package var offset: Int

    package init(_ value: Value, offset: Int = 0) {
        self.value = value
        self.offset = offset
    }

    package enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        /// As written, of JSON's grammar.
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([Member])
    }

    package struct Member: Sendable, Hashable {
        package var name: String
        /// Where the name begins.
        package var offset: Int
        package var node: JSONNode

        package init(_ name: String, _ node: JSONNode, offset: Int = 0) {
            self.name = name
            self.node = node
            self.offset = offset
        }
    }

    /// What a value of the wrong type is called in an error: `a string ("yes")`.
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

/// What keeps a text from being JSON.
package struct JSONSyntaxError: Error, Sendable, Hashable {
    package var message: String
    /// The offset in bytes of what is wrong.
    package var offset: Int
}

extension JSONNode {
    /// The same document with offsets that grow in document order, for a tree that was built and not read.
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
