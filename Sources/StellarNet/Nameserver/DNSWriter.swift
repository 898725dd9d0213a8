/// Writes the parts of a message, with numbers in network order.
struct DNSWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    mutating func append(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(_ value: UInt32) {
        append(UInt16(truncatingIfNeeded: value >> 16))
        append(UInt16(truncatingIfNeeded: value))
    }

    mutating func append(_ content: some Collection<UInt8>) {
        bytes.append(contentsOf: content)
    }

    mutating func store(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}

/// Builds the response to one query, within a size.
///
/// A record of the answer section that does not fit sets the truncation bit; one of the additional section is left out
/// without it (RFC 2181, section 9).
struct DNSResponseBuilder {
    /// The question is right after the header, so records point at its name.
    private static let questionPointer = [UInt8(0xc0), UInt8(DNSHeader.byteCount)]
    /// Root name, type, size, extended code, version, flags, no options.
    private static let optBytes = 11

    private var writer: DNSWriter
    private let query: DNSQuery
    private let limit: Int
    private var flags: UInt16
    private var answers: UInt16 = 0
    private var additionals: UInt16 = 0

    init(_ query: DNSQuery, overStream: Bool) {
        self.query = query
        limit = query.limit(overStream: overStream) - (query.extended == nil ? 0 : Self.optBytes)
        let copied = query.header.flags & DNSHeader.recursionDesired
        flags = DNSHeader.response | DNSHeader.recursionAvailable | copied
        writer = DNSWriter()
        writer.append(query.header.id)
        for _ in 0..<5 { writer.append(UInt16(0)) }
        writer.append(query.questionBytes)
    }

    /// Appends a record to the answer section; `owner` nil is the question's name. False when it did not fit.
    @discardableResult
    mutating func answer(_ data: DNSRecordData, owner: DNSName? = nil) -> Bool {
        guard append(data, owner: owner) else {
            flags |= DNSHeader.truncated
            return false
        }
        answers += 1
        return true
    }

    /// Appends a record to the additional section, if there is room.
    mutating func additional(_ data: DNSRecordData, owner: DNSName?) {
        guard flags & DNSHeader.truncated == 0, append(data, owner: owner) else { return }
        additionals += 1
    }

    private mutating func append(_ data: DNSRecordData, owner: DNSName?) -> Bool {
        let name = owner?.wire ?? Self.questionPointer
        guard writer.bytes.count + name.count + data.bytes.count <= limit, answers + additionals < UInt16.max - 1 else {
            return false
        }
        writer.append(name)
        writer.append(data.bytes)
        return true
    }

    /// The message.
    consuming func finished(_ code: DNSResponseCode = .noError) -> [UInt8] {
        if let extended = query.extended {
            writer.append([0])
            writer.append(DNSType.opt.rawValue)
            writer.append(UInt16(DNSQuery.datagramBytes))
            let signatures: UInt32 = extended.wantsSignatures ? 0x8000 : 0
            writer.append(UInt32(code.rawValue >> 4) << 24 | signatures)
            writer.append(UInt16(0))
            additionals += 1
        }
        writer.store(flags | code.rawValue & DNSHeader.codeMask, at: 2)
        writer.store(1, at: 4)
        writer.store(answers, at: 6)
        writer.store(additionals, at: 10)
        return writer.bytes
    }
}

/// A record's type, class, time to live, length and data: all but its owner, ready to be copied into a response.
struct DNSRecordData: Hashable, Sendable {
    let type: DNSType
    let bytes: [UInt8]

    /// - Parameter timeToLive: seconds; 0 for our own records: containers come and go, and another query costs microseconds.
    init(_ type: DNSType, timeToLive: UInt32 = 0, _ data: some Collection<UInt8>) {
        self.type = type
        var writer = DNSWriter(capacity: 10 + data.count)
        writer.append(type.rawValue)
        writer.append(DNSQuestion.internet)
        writer.append(timeToLive)
        writer.append(UInt16(truncatingIfNeeded: data.count))
        writer.append(data)
        bytes = writer.bytes
    }

    /// The data alone.
    var data: ArraySlice<UInt8> {
        bytes[10...]
    }
}
