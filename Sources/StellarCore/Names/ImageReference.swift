/// A reference to an image in a registry, `domain/path:tag@digest`.
///
/// It follows the grammar of the distribution project (package reference). Missing parts are completed as in Docker:
/// `redis` is `docker.io/library/redis:latest`.
public struct ImageReference: Sendable, Hashable, LosslessStringConvertible {
    /// The registry, with its port where one is given: `docker.io`, `localhost:5000`, `[::1]:5000`.
    public let domain: String
    /// The repository: `library/redis`.
    public let path: String
    /// The tag; `latest` when neither a tag nor a digest is given.
    public let tag: String?
    /// The digest, e.g. `sha256:` and 64 hexadecimal digits. If present, it selects the image and the tag does not.
    public let digest: String?

    /// The registry of a reference without one.
    public static let defaultDomain = "docker.io"
    /// The most characters of domain and path together, with the `/` between them (the grammar's limit).
    public static let maximumNameLength = 255
    /// The most characters of a tag (the grammar's limit).
    public static let maximumTagLength = 128

    /// A text that is not an image reference.
    public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The message: the text, what is wrong with it, and the fix if there is an obvious one.
        public let description: String
    }

    /// Reads a reference as ``parse(_:)`` does; nil if that throws.
    public init?(_ description: String) {
        guard let reference = try? Self.parse(description) else { return nil }
        self = reference
    }

    private init(domain: String, path: String, tag: String?, digest: String?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// The full form, e.g. `docker.io/library/redis:alpine`.
    public var description: String {
        "\(domain)/\(path)" + (tag.map { ":" + $0 } ?? "") + (digest.map { "@" + $0 } ?? "")
    }

    /// Reads a reference and completes it.
    ///
    /// - Throws: ``ParseError`` if the text is not an image reference.
    public static func parse(_ text: String) throws(ParseError) -> ImageReference {
        func fail(_ why: String) -> ParseError {
            ParseError(description: "\(quoted(text)) is not an image reference: \(why)")
        }
        if text.isEmpty { throw fail("it is empty; write one such as \"docker.io/library/redis:alpine\"") }
        if text.contains("://") { throw fail("leave out \"\(text.prefix { $0 != "/" })//\"") }
        if text.unicodeScalars.contains(where: { $0.properties.isWhitespace }) {
            throw fail("it contains white space; remove it")
        }

        let atParts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let digest = atParts.count == 2 ? String(atParts[1]) : nil
        if let digest, let why = problem(withDigest: digest) { throw fail(why) }

        // A colon after the last slash begins the tag; one before it belongs to the registry's port.
        var name = atParts[0]
        var tag: String?
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/"), !name[colon...].contains("]") {
            let value = name[name.index(after: colon)...]
            guard !value.isEmpty else {
                throw fail("its tag is empty; write one such as \":latest\", or remove the \":\"")
            }
            guard isTag(value) else {
                throw fail("\(quoted(value)) is not a tag (letters, digits, \"_\", \".\", \"-\"; at most 128)")
            }
            tag = String(value)
            name = name[..<colon]
        }

        var (domain, path) = split(name: name)
        if domain == "index.docker.io" { domain = defaultDomain }
        if domain == defaultDomain, !path.contains("/") { path = "library/" + path }
        guard isDomain(domain) else { throw fail("\(quoted(domain)) is not a registry (host or host:port)") }
        guard path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isPathComponent) else {
            if path != path.lowercased() { throw fail("a repository is in lower case") }
            throw fail(
                "\(quoted(path)) is not a repository (a-z, 0-9, and \".\", \"_\", \"-\" inside, in parts with \"/\")"
            )
        }
        guard domain.utf8.count + 1 + path.utf8.count <= maximumNameLength else {
            throw fail("registry and repository have more than \(maximumNameLength) characters")
        }
        return ImageReference(domain: domain, path: path, tag: tag ?? (digest == nil ? "latest" : nil), digest: digest)
    }

    /// Separates the registry from the repository. The first part is a registry if it cannot be a part of a Docker Hub
    /// name: it has a dot, a port or a capital letter, or is `localhost`.
    private static func split(name: Substring) -> (domain: String, path: String) {
        guard let slash = name.firstIndex(of: "/") else { return (defaultDomain, String(name)) }
        let first = name[..<slash]
        let isDomain = first.contains { $0 == "." || $0 == ":" } || first == "localhost" || first.lowercased() != first
        guard isDomain else { return (defaultDomain, String(name)) }
        return (String(first), String(name[name.index(after: slash)...]))
    }

    private static func isDomain(_ domain: String) -> Bool {
        var host = domain[...]
        if host.first == "[" {
            guard let close = host.firstIndex(of: "]") else { return false }
            let address = host[host.index(after: host.startIndex)..<close]
            guard !address.isEmpty, address.utf8.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") }) else {
                return false
            }
            let rest = host[host.index(after: close)...]
            return rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst())
        }
        if let colon = host.firstIndex(of: ":") {
            guard isPort(host[host.index(after: colon)...]) else { return false }
            host = host[..<colon]
        }
        return Name.isHostName(String(host))
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(isDigit), let port = Int(text) else {
            return false
        }
        return (1...65_535).contains(port)
    }

    /// Whether it consists of runs of a-z and 0-9, separated by one `.`, one or two `_`, or any number of `-`.
    private static func isPathComponent(_ component: Substring) -> Bool {
        var separator: [UInt8] = []
        var previousIsLetter = false
        for byte in component.utf8 {
            if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte) {
                let joined = String(decoding: separator, as: UTF8.self)
                guard separator.isEmpty || [".", "_", "__"].contains(joined) || Set(separator) == [UInt8(ascii: "-")]
                else { return false }
                separator = []
                previousIsLetter = true
            } else {
                guard previousIsLetter, [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte) else {
                    return false
                }
                separator.append(byte)
            }
        }
        return previousIsLetter && separator.isEmpty
    }

    private static func isTag(_ tag: Substring) -> Bool {
        let punctuation = [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-")]
        let bytes = tag.utf8
        guard (1...maximumTagLength).contains(bytes.count), let first = bytes.first else { return false }
        return first != UInt8(ascii: ".") && first != UInt8(ascii: "-")
            && bytes.allSatisfy { isDigit($0) || isLetter($0) || punctuation.contains($0) }
    }

    private static func problem(withDigest digest: String) -> String? {
        let parts = digest.split(separator: ":", omittingEmptySubsequences: false)
        let lengths = ["sha256": 64, "sha384": 96, "sha512": 128]
        guard parts.count == 2, let length = lengths[String(parts[0])] else {
            return "\(quoted(digest)) is not a digest (sha256: and 64 hexadecimal digits)"
        }
        guard parts[1].utf8.count == length, parts[1].utf8.allSatisfy({ isHex($0) && !isCapital($0) }) else {
            return "a \(parts[0]) digest has \(length) hexadecimal digits in lower case"
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isCapital(byte)
    }
    private static func isHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
