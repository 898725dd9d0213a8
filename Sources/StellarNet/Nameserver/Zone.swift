public import StellarCore

/// The nameserver's own records: an index over a snapshot, built once per change and then only read.
public struct Zone: Sendable {
    /// The domain of all names of containers; queries for names below it are never forwarded.
    static let domain = DNSName(wire: [7] + Array("stellar".utf8) + [0])
    /// Protocols that also get an SRV owner with `_tcp`: an HTTP endpoint is reached over TCP, and `_tcp` is the form of
    /// RFC 2782; clients of the original use `_http`.
    private static let overTCP: Set<String> = ["http", "unknown", ""]

    /// What one owner name has.
    struct Entry: Sendable {
        var records: [DNSRecordData] = []
        /// The records of the additional section, with their owners: TXT and SRV beside A (contract section 4.7).
        var related: [(owner: DNSName?, data: DNSRecordData)] = []
        /// The targets of its SRV and MX records, whose addresses go into the additional section.
        var targets: [DNSName] = []
        /// The target of its CNAME.
        var alias: DNSName?
    }

    private var entries: [DNSName: Entry] = [:]
    /// Names without records that have names with records below them: they exist, too (RFC 8020).
    private var ancestors: Set<DNSName> = [domain]

    /// Records that are left out, and why: DNS cannot express their name or value.
    public private(set) var rejected: [(record: Record, reason: String)] = []

    /// A zone without records.
    public static let empty = Zone([])

    public init(_ records: some Sequence<Record>) {
        for record in records { insert(record) }
        for name in Array(entries.keys) {
            var ancestor = name.parent
            while ancestor != .root, ancestors.insert(ancestor).inserted { ancestor = ancestor.parent }
        }
    }

    func entry(_ name: DNSName) -> Entry? {
        entries[name]
    }

    func isAncestor(_ name: DNSName) -> Bool {
        ancestors.contains(name)
    }

    private mutating func insert(_ record: Record) {
        guard let name = DNSName(record.name)?.lowercased, name != .root else {
            rejected.append((record, "\"\(record.name)\" is not a domain name"))
            return
        }
        switch record.type {
        case .a:
            guard let address = IPv4Address(record.value) else { return reject(record, "an IPv4 address") }
            entries[name, default: Entry()].records.append(DNSRecordData(.a, address.octets))
        case .txt:
            let data = DNSRecordData(.txt, Self.strings(record.value))
            entries[name, default: Entry()].records.append(data)
            entries[name, default: Entry()].related.append((nil, data))
        case .cname:
            guard let target = DNSName(record.value), target != .root else { return reject(record, "a domain name") }
            let data = DNSRecordData(.cname, target.wire)
            entries[name, default: Entry()].records.append(data)
            entries[name, default: Entry()].alias = target
        case .mx:
            guard let (preference, host) = Self.mailHost(record.value) else { return reject(record, "a mail host") }
            let data = DNSRecordData(.mx, [UInt8(preference >> 8), UInt8(preference & 0xff)] + host.wire)
            entries[name, default: Entry()].records.append(data)
            entries[name, default: Entry()].targets.append(host.lowercased)
        case .srv:
            guard let options = record.options else { return reject(record, "a host with service, protocol and port") }
            guard let target = DNSName(record.value), target != .root else { return reject(record, "a domain name") }
            insert(record, name, options, target)
        }
    }

    private mutating func reject(_ record: Record, _ expected: String) {
        rejected.append((record, "value \"\(record.value)\" of \(record.name) is not \(expected)"))
    }

    private mutating func insert(_ record: Record, _ name: DNSName, _ options: Record.SRVOptions, _ target: DNSName) {
        var writer = DNSWriter(capacity: 32)
        writer.append(options.priority)
        writer.append(options.weight)
        writer.append(options.port)
        writer.append(target.wire)
        let data = DNSRecordData(.srv, writer.bytes)
        // The record may already be under its full owner name.
        if name.labels.first?.first == UInt8(ascii: "_") {
            entries[name, default: Entry()].records.append(data)
            entries[name, default: Entry()].targets.append(target.lowercased)
            return
        }
        let named = options.protocol.lowercased()
        let transports = Self.overTCP.contains(named) ? ["tcp", named] : [named]
        for (position, transport) in transports.filter({ !$0.isEmpty }).enumerated() {
            guard let owner = DNSName("_\(options.service)._\(transport).\(name.description)")?.lowercased else {
                return reject(record, "the value of a service \"\(options.service)\" that is a DNS label")
            }
            entries[owner, default: Entry()].records.append(data)
            entries[owner, default: Entry()].targets.append(target.lowercased)
            if position == 0 { entries[name, default: Entry()].related.append((owner, data)) }
        }
    }

    /// TXT data: strings of at most 255 bytes with their lengths (RFC 1035, section 3.3.14); a long text is cut into
    /// several, which clients join.
    private static func strings(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8.prefix(maximumTextBytes))[...]
        repeat {
            let part = rest.prefix(255)
            bytes.append(UInt8(part.count))
            bytes.append(contentsOf: part)
            rest = rest.dropFirst(255)
        } while !rest.isEmpty
        return bytes
    }

    /// A record's data is limited to 65,535 bytes, and a message to as many.
    private static let maximumTextBytes = 32 * 1024

    /// `10 mail.example` or `mail.example`, preference 0.
    private static func mailHost(_ value: String) -> (preference: UInt16, host: DNSName)? {
        let parts = value.split(separator: " ")
        guard let last = parts.last, parts.count <= 2, let host = DNSName(String(last)) else { return nil }
        guard parts.count == 2 else { return (0, host) }
        return UInt16(parts[0]).map { ($0, host) }
    }
}
