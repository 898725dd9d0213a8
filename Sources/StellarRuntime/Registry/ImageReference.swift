import FoundationEssentials

/// An image's name with its defaults filled in: registry, repository, and a tag or a digest.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    package let registry: String
    package let repository: String
    package let tag: String?
    package let digest: String?

    package var description: String {
        "\(registry)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    package init(parsing text: String) throws(ImageError) {
        var rest = Substring(text)
        var digest: String?
        if let at = rest.firstIndex(of: "@") {
            let value = String(rest[rest.index(after: at)...])
            guard ContentDigest(value) != nil else {
                throw ImageError(.invalid, "image '\(text)': '\(value)' is not a digest")
            }
            digest = value
            rest = rest[..<at]
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if let first = parts.first, parts.count > 1,
            first.contains(".") || first.contains(":") || first == "localhost"
        {
            registry = first == "index.docker.io" ? "docker.io" : first
            parts.removeFirst()
        } else {
            registry = "docker.io"
        }
        if registry == "docker.io", parts.count == 1 { parts.insert("library", at: 0) }
        guard !parts.isEmpty,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && !$0.isUppercase && !$0.isWhitespace } }),
            tag?.isEmpty != true
        else { throw ImageError(.invalid, "'\(text)' is not an image name ([registry/]name[:tag][@digest])") }
        repository = parts.joined(separator: "/")
        self.tag = tag ?? (digest == nil ? "latest" : nil)
        self.digest = digest
    }
}
