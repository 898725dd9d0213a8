import StellarCore

/// The daemon's configuration file: JSON, every member optional, names in any case.
public enum ConfigurationFile {
    /// Configurations are a page long; a larger file is something else.
    public static let maximumBytes = 1 << 20

    /// Sets what the file says in a configuration.
    ///
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - name: The file's name, for errors.
    ///   - configuration: What the file does not mention stays as it is here.
    /// - Throws: Every problem at once: `PATH: Peers[1]: expected a string, found a number (3)`.
    public static func apply(
        _ bytes: [UInt8],
        name: String,
        to configuration: inout DaemonConfiguration
    ) throws(ConfigurationError) {
        let root: JSONNode
        do {
            root = try JSONReader.read(bytes, maximumSize: maximumBytes)
        } catch {
            var positions = TextPositions(in: bytes)
            let place = positions.position(of: error.offset)
            throw ConfigurationError(["\(name): line \(place.line), column \(place.column): \(error.message)"])
        }
        guard case .object(let members) = root.value else {
            throw ConfigurationError(["\(name): expected an object, found \(root.typeDescription)"])
        }
        var problems: [String] = []
        var seen: Set<String> = []
        for member in members {
            guard let known = ConfigurationMember.all.first(where: { $0.name.lowercased() == member.name.lowercased() })
            else {
                problems.append("\(name): \(member.name): unknown member\(suggestion(member.name))")
                continue
            }
            guard seen.insert(known.name).inserted else {
                problems.append("\(name): \(known.name): given twice")
                continue
            }
            // Go, which the original is written in, writes an absent list or map as null.
            if case .null = member.node.value { continue }
            do {
                try known.apply(member.node, to: &configuration)
            } catch {
                problems.append("\(name): \(error.problem)")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// The file that says what a configuration says: indented by four spaces, members in the order of the original.
    public static func text(_ configuration: DaemonConfiguration) -> String {
        let members = ConfigurationMember.all.map { JSONNode.Member($0.name, $0.node(of: configuration)) }
        return JSONNode(.object(members)).text(indented: true)
    }

    private static func suggestion(_ name: String) -> String {
        let wanted = name.lowercased()
        let close = ConfigurationMember.all.map(\.name).filter { known in
            known.lowercased().contains(wanted) || wanted.contains(known.lowercased())
        }
        return close.isEmpty ? "" : "; did you mean \(close.joined(separator: " or "))?"
    }
}

/// Why one member was not taken.
private struct MemberProblem: Error {
    var problem: String
}

extension ConfigurationMember {
    fileprivate func apply(_ node: JSONNode, to configuration: inout DaemonConfiguration) throws(MemberProblem) {
        switch value {
        case .string(let path): configuration[keyPath: path] = try string(node)
        case .bool(let path):
            guard case .bool(let value) = node.value else { throw wrong("true or false", node) }
            configuration[keyPath: path] = value
        case .port(let path):
            guard case .number(let text) = node.value else { throw wrong("a number", node) }
            guard let port = Int(text), (1...65_535).contains(port) else {
                throw MemberProblem(problem: "\(name): \(text) is not a port (1-65535)")
            }
            configuration[keyPath: path] = port
        case .strings(let path):
            guard case .array(let elements) = node.value else { throw wrong("a list of strings", node) }
            var strings: [String] = []
            for (index, element) in elements.enumerated() {
                strings.append(try string(element, at: "\(name)[\(index)]"))
            }
            configuration[keyPath: path] = strings
        case .map(let path):
            guard case .object(let members) = node.value else { throw wrong("an object of strings", node) }
            var map: [String: String] = [:]
            for member in members { map[member.name] = try string(member.node, at: "\(name).\(member.name)") }
            configuration[keyPath: path] = map
        case .duration(let path):
            let text = try string(node)
            guard let duration = GoDuration.parse(text), duration > .zero else {
                throw MemberProblem(problem: "\(name): \"\(text)\" is not a duration such as 5s or 1m30s")
            }
            configuration[keyPath: path] = duration
        case .connectionType(let path):
            let text = try string(node)
            guard let type = DaemonConfiguration.ConnectionType(rawValue: text) else {
                throw MemberProblem(problem: "\(name): unknown connection type \"\(text)\"; use local, lan or wan")
            }
            configuration[keyPath: path] = type
        case .overlay(let path):
            let text = try string(node)
            guard let kind = DaemonConfiguration.OverlayKind(rawValue: text) else {
                throw MemberProblem(problem: "\(name): unknown overlay \"\(text)\"; use routes or vxlan")
            }
            configuration[keyPath: path] = kind
        case .number(let path, let range):
            guard case .number(let text) = node.value else { throw wrong("a number", node) }
            guard let number = Int(text), range.contains(number) else {
                throw MemberProblem(problem: "\(name): \(text) is not in \(range.lowerBound)-\(range.upperBound)")
            }
            configuration[keyPath: path] = number
        }
    }

    fileprivate func node(of configuration: DaemonConfiguration) -> JSONNode {
        switch value {
        case .string(let path): return JSONNode(.string(configuration[keyPath: path]))
        case .bool(let path): return JSONNode(.bool(configuration[keyPath: path]))
        case .port(let path): return JSONNode(.number(String(configuration[keyPath: path])))
        case .strings(let path):
            return JSONNode(.array(configuration[keyPath: path].map { JSONNode(.string($0)) }))
        case .map(let path):
            let map = configuration[keyPath: path].sorted { $0.key < $1.key }
            guard !map.isEmpty else { return JSONNode(.null) }
            return JSONNode(.object(map.map { JSONNode.Member($0.key, JSONNode(.string($0.value))) }))
        case .duration(let path): return JSONNode(.string(GoDuration.format(configuration[keyPath: path])))
        case .connectionType(let path): return JSONNode(.string(configuration[keyPath: path].rawValue))
        case .overlay(let path): return JSONNode(.string(configuration[keyPath: path].rawValue))
        case .number(let path, _): return JSONNode(.number(String(configuration[keyPath: path])))
        }
    }

    private func string(_ node: JSONNode, at path: String? = nil) throws(MemberProblem) -> String {
        guard case .string(let text) = node.value else { throw wrong("a string", node, at: path) }
        return text
    }

    private func wrong(_ expected: String, _ node: JSONNode, at path: String? = nil) -> MemberProblem {
        MemberProblem(problem: "\(path ?? name): expected \(expected), found \(node.typeDescription)")
    }
}
