import FoundationEssentials

/// A folder in the form of the OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/…`.
public struct OCILayout: Sendable {
    public struct Descriptor: Sendable, Hashable {
        public var mediaType: String
        public var digest: String
        public var size: Int
        /// Operating system, architecture, variant.
        public var platform: [String]?

        var json: JSONValue {
            var json: [String: JSONValue] = [
                "mediaType": .string(mediaType), "digest": .string(digest), "size": .number(size),
            ]
            if let platform {
                var object: [String: JSONValue] = ["os": .string(platform[0]), "architecture": .string(platform[1])]
                if platform.count > 2 { object["variant"] = .string(platform[2]) }
                json["platform"] = .object(object)
            }
            return .object(json)
        }
    }

    public let directory: String

    /// The path of the blob `digest`.
    public func path(of digest: String) -> String {
        "\(directory)/blobs/sha256/\(digest.dropFirst("sha256:".count))"
    }

    func create() throws {
        try FileManager.default.createDirectory(atPath: "\(directory)/blobs/sha256", withIntermediateDirectories: true)
        try TemporaryDirectory.write(#"{"imageLayoutVersion":"1.0.0"}"#.utf8, to: "\(directory)/oci-layout")
    }

    static func digest(of file: String) async throws -> String {
        "sha256:" + (try await ChildProcess.check("sha256sum", [file])).prefix(64)
    }

    /// Moves a file into the blobs.
    func add(file: String, mediaType: String) async throws -> Descriptor {
        let digest = try await Self.digest(of: file)
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        TemporaryDirectory.remove(path(of: digest))
        try FileManager.default.moveItem(atPath: file, toPath: path(of: digest))
        return Descriptor(mediaType: mediaType, digest: digest, size: (attributes[.size] as? Int) ?? 0)
    }

    func add(_ json: JSONValue, mediaType: String) async throws -> Descriptor {
        let file = "\(directory)/new.json"
        try TemporaryDirectory.write(json.text.utf8, to: file)
        return try await add(file: file, mediaType: mediaType)
    }

    func writeIndex(_ target: Descriptor) throws {
        let json: JSONValue = ["schemaVersion": 2, "manifests": [target.json]]
        try TemporaryDirectory.write(json.text.utf8, to: "\(directory)/index.json")
    }
}

/// JSON of a test. Keys are written in order, so that equal documents have equal digests.
public enum JSONValue: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case string(String)
    case number(Int)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(uniqueKeysWithValues: elements))
    }

    public var text: String {
        switch self {
        case .string(let value):
            let escaped = value.unicodeScalars.map { scalar in
                switch scalar {
                case "\"": "\\\""
                case "\\": "\\\\"
                case "\n": "\\n"
                default: String(scalar)
                }
            }
            return "\"" + escaped.joined() + "\""
        case .number(let value): return String(value)
        case .array(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }
            return "{" + sorted.map { "\(JSONValue.string($0.key).text):\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }
}

extension OCILayout {
    /// The digests of all blobs.
    public func digests() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(directory)/blobs/sha256").sorted().map { "sha256:\($0)" }
    }
}
