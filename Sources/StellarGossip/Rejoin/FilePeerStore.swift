import Glibc
import StellarSystem

/// Known peers in a file, one a line: `endpoint state seconds name metadata`. Name and metadata are percent-encoded.
///
/// A save replaces the whole file and syncs it to disk: after a crash there is the old or the new one.
public struct FilePeerStore: PeerStore {
    /// The first line.
    private static let head = "stellar-peers 1"
    /// The largest file: four thousand peers with the longest names and metadata, percent-encoded, take less.
    private static let maximumBytes = 16 << 20

    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// - Throws: ``PeerStoreError``. An invalid line is skipped: it costs one peer.
    public func load() async throws -> [KnownPeer] {
        guard let bytes = try read() else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first.map(String.init) == Self.head else {
            throw PeerStoreError("\(path) is not a peer file; delete it and restart to create a new one")
        }
        return lines.dropFirst().compactMap { Self.peer($0) }
    }

    public func save(_ peers: [KnownPeer]) async throws {
        let text = ([Self.head] + peers.map { Self.line($0) }).joined(separator: "\n") + "\n"
        do {
            try FileReplacement.replace(path, with: Array(text.utf8), mode: 0o600, isDurable: true)
        } catch {
            throw PeerStoreError("cannot \(error.operation) \(error.path): \(error.reason)")
        }
    }

    // MARK: Lines

    static func line(_ peer: KnownPeer) -> String {
        let state = peer.hasLeft ? "left" : "seen"
        let metadata = PercentEncoding.encode(peer.metadata)
        return "\(peer.endpoint) \(state) \(peer.lastSeen) \(PercentEncoding.encode(Array(peer.name.utf8))) \(metadata)"
    }

    static func peer(_ line: Substring) -> KnownPeer? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 5, let endpoint = GossipEndpoint(String(fields[0])), endpoint.port > 0,
            fields[1] == "left" || fields[1] == "seen", let lastSeen = Int64(fields[2]),
            let nameBytes = PercentEncoding.decode(fields[3]), let metadata = PercentEncoding.decode(fields[4])
        else { return nil }
        let name = String(decoding: nameBytes, as: UTF8.self)
        guard WireLimits.isSound(name: name), metadata.count <= WireLimits.metadata else { return nil }
        let hasLeft = fields[1] == "left"
        return KnownPeer(name: name, endpoint: endpoint, hasLeft: hasLeft, lastSeen: lastSeen, metadata: metadata)
    }

    // MARK: The file

    private func read() throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk.prefix(count))
            guard bytes.count <= Self.maximumBytes else {
                throw PeerStoreError(
                    "\(path) is longer than any peer file; delete it and restart to create a new one"
                )
            }
        }
    }

    private func failure(_ operation: String, _ path: String) -> PeerStoreError {
        PeerStoreError("cannot \(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

/// Why known peers could not be loaded or saved.
public struct PeerStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Percent-encoding (RFC 3986 section 2.1).
enum PercentEncoding {
    static func encode(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += byte < 16 ? "%0" : "%"
                text += String(byte, radix: 16)
            }
        }
        return text
    }

    static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, let value = UInt8(digits, radix: 16)
            else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
