package import NIOCore

/// An index of descriptor files by name, by declared symbol and by extension.
package struct ReflectionIndex: Sendable {
    package struct File: Sendable, Equatable {
        package var name: String
        package var dependencies: [String]

        /// The FileDescriptorProto, serialized.
        package var bytes: ByteBuffer
    }

    package private(set) var files: [String: File] = [:]

    /// From a full name without a leading dot to the name of its file.
    private var symbols: [String: String] = [:]
    private var extensions: [String: [Int32: String]] = [:]

    /// - Parameter descriptors: serialized FileDescriptorProtos (google/protobuf/descriptor.proto).
    package init(_ descriptors: [ByteBuffer]) throws(ProtobufReader.Malformed) {
        for descriptor in descriptors { try add(descriptor) }
    }

    package func file(named name: String) -> File? { files[name] }

    package func file(declaring symbol: String) -> File? { symbols[symbol].flatMap { files[$0] } }

    package func file(extending type: String, with number: Int32) -> File? {
        extensions[type]?[number].flatMap { files[$0] }
    }

    /// `nil` for a type that no file declares.
    package func extensionNumbers(of type: String) -> [Int32]? {
        if let numbers = extensions[type] { return numbers.keys.sorted() }
        return symbols[type] == nil ? nil : []
    }

    /// The files that `file` needs, in the order of their first mention, without itself.
    package func dependencies(of file: File) -> [File] {
        var seen: Set<String> = [file.name]
        var found: [File] = []
        var open = file.dependencies[...]
        while let name = open.popFirst() {
            guard seen.insert(name).inserted, let file = files[name] else { continue }
            found.append(file)
            open += file.dependencies
        }
        return found
    }

    // MARK: - Parsing descriptors

    /// FileDescriptorProto: name 1, package 2, dependency 3, message 4, enum 5, service 6, extension 7.
    private mutating func add(_ bytes: ByteBuffer) throws(ProtobufReader.Malformed) {
        var file = File(name: "", dependencies: [], bytes: bytes)
        var package = ""
        var declarations: [ProtobufReader.Field] = []
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: file.name = try field.string()
            case 2: package = try field.string()
            case 3: file.dependencies.append(try field.string())
            case 4...7: declarations.append(field)
            default: break
            }
        }
        guard !file.name.isEmpty else {
            throw ProtobufReader.Malformed(description: "a file descriptor without a name")
        }
        files[file.name] = file
        for field in declarations {
            let bytes = try field.bytes()
            switch field.number {
            case 4: try addMessage(bytes, in: package, of: file.name)
            case 5: try addEnum(bytes, in: package, of: file.name)
            case 6: try addNamed(bytes, members: [2], in: package, of: file.name)
            default: try addExtension(bytes, in: package, of: file.name)
            }
        }
    }

    /// DescriptorProto: name 1, field 2, nested message 3, enum 4, extension 6, oneof 8. Nested ones wait in a list instead of
    /// on the stack, however deep.
    private mutating func addMessage(
        _ bytes: ByteBuffer,
        in scope: String,
        of file: String
    ) throws(ProtobufReader.Malformed) {
        var open = [(bytes: bytes, scope: scope)]
        while let message = open.popLast() {
            let name = try addNamed(message.bytes, members: [2, 8], in: message.scope, of: file)
            var reader = ProtobufReader(message.bytes)
            while let field = try reader.next() {
                switch field.number {
                case 3: open.append((try field.bytes(), name))
                case 4: try addEnum(try field.bytes(), in: name, of: file)
                case 6: try addExtension(try field.bytes(), in: name, of: file)
                default: break
                }
            }
        }
    }

    /// EnumDescriptorProto: name 1, value 2. Values are siblings of their enum, as in C++.
    private mutating func addEnum(
        _ bytes: ByteBuffer,
        in scope: String,
        of file: String
    ) throws(ProtobufReader.Malformed) {
        try addNamed(bytes, members: [], in: scope, of: file)
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            if field.number == 2 { try addNamed(try field.bytes(), members: [], in: scope, of: file) }
        }
    }

    /// FieldDescriptorProto: name 1, extendee 2 (".package.Type"), number 3.
    private mutating func addExtension(
        _ bytes: ByteBuffer,
        in scope: String,
        of file: String
    ) throws(ProtobufReader.Malformed) {
        try addNamed(bytes, members: [], in: scope, of: file)
        var extendee = ""
        var number: Int32 = 0
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 2: extendee = try field.string()
            case 3: number = try field.int32()
            default: break
            }
        }
        extensions[extendee.hasPrefix(".") ? String(extendee.dropFirst()) : extendee, default: [:]][number] = file
    }

    /// Adds a declaration, and its members found in the fields `members`; all have their name in field 1.
    @discardableResult
    private mutating func addNamed(
        _ bytes: ByteBuffer,
        members: Set<Int>,
        in scope: String,
        of file: String
    ) throws(ProtobufReader.Malformed) -> String {
        var own = ""
        var inner: [ByteBuffer] = []
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            if field.number == 1 { own = try field.string() }
            if members.contains(field.number) { inner.append(try field.bytes()) }
        }
        let name = scope.isEmpty ? own : "\(scope).\(own)"
        symbols[name] = file
        for member in inner { try addNamed(member, members: [], in: name, of: file) }
        return name
    }
}
