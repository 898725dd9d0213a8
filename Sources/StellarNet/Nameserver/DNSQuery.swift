/// One query of a client, as far as the server has to understand it.
struct DNSQuery: Hashable, Sendable {
    /// Without EDNS a response by datagram has at most this many bytes (RFC 1035, section 4.2.1).
    static let plainDatagramBytes = 512
    /// The largest datagram sent or accepted: below every path's MTU, so never in fragments (dnsflagday.net/2020).
    static let datagramBytes = 1232
    static let streamBytes = 65_535

    var header: DNSHeader
    var question: DNSQuestion
    /// The question's bytes as they came, to be copied into the response: with the client's upper and lower case.
    var questionBytes: ArraySlice<UInt8>
    /// The client's OPT record (RFC 6891).
    var extended: Extended?
    let bytes: [UInt8]

    struct Extended: Hashable, Sendable {
        /// The largest datagram the client takes.
        var datagramBytes: Int
        /// 0 is the only version that exists.
        var version: UInt8
        /// DNSSEC OK: forwarded, and copied into our own response's OPT.
        var wantsSignatures: Bool
    }

    /// What a message of a client is.
    enum Outcome: Hashable, Sendable {
        case query(DNSQuery)
        /// Not a query, or too short to have an id.
        case drop
        /// Invalid; this is the response.
        case reject([UInt8])
    }

    /// Reads a query; takes any bytes.
    static func read(_ bytes: [UInt8]) -> Outcome {
        var reader = DNSReader(bytes)
        // No response to a response: two servers would go on for ever.
        guard let header = try? DNSHeader(&reader), !header.isResponse else { return .drop }
        guard header.opcode == 0 else { return .reject(rejection(header, .notImplemented)) }
        do {
            guard header.questionCount == 1 else { return .reject(rejection(header, .formatError)) }
            let question = try DNSQuestion(&reader)
            let questionBytes = bytes[DNSHeader.byteCount..<reader.position]
            // The question is the first name of the message, so it cannot be compressed.
            guard questionBytes.count == question.name.wire.count + 4 else {
                return .reject(rejection(header, .formatError))
            }
            var extended: Extended?
            let records = Int(header.answerCount) + Int(header.authorityCount) + Int(header.additionalCount)
            for _ in 0..<records {
                let record = try DNSResourceRecord(&reader)
                guard record.type == .opt else { continue }
                // RFC 6891, section 6.1.1: one at most, and its name is the root.
                guard extended == nil, record.name == .root else { return .reject(rejection(header, .formatError)) }
                extended = Extended(
                    datagramBytes: Int(record.classNumber),
                    version: UInt8(truncatingIfNeeded: record.timeToLive >> 16),
                    wantsSignatures: record.timeToLive & 0x8000 != 0
                )
            }
            return .query(
                DNSQuery(
                    header: header,
                    question: question,
                    questionBytes: questionBytes,
                    extended: extended,
                    bytes: bytes
                )
            )
        } catch {
            return .reject(rejection(header, .formatError))
        }
    }

    /// A header alone: the question could not be decoded.
    private static func rejection(_ header: DNSHeader, _ code: DNSResponseCode) -> [UInt8] {
        let kept = header.flags & (DNSHeader.opcodeMask | DNSHeader.recursionDesired)
        let flags = DNSHeader.response | DNSHeader.recursionAvailable | kept | code.rawValue
        var writer = DNSWriter(capacity: DNSHeader.byteCount)
        writer.append(header.id)
        writer.append(flags)
        for _ in 0..<4 { writer.append(UInt16(0)) }
        return writer.bytes
    }

    /// The longest response over this transport, in bytes.
    func limit(overStream: Bool) -> Int {
        if overStream { return Self.streamBytes }
        guard let extended else { return Self.plainDatagramBytes }
        return min(max(extended.datagramBytes, Self.plainDatagramBytes), Self.datagramBytes)
    }
}
