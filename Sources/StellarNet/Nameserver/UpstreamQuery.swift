/// A query as upstream servers get it. Clients whose queries are equal here share one exchange.
struct UpstreamQuery: Hashable, Sendable {
    /// Its name in lower case.
    let question: DNSQuestion
    /// The client's wish to see or check signatures: AD and CD (RFC 4035, section 3.2).
    private let flags: UInt16
    /// With an OPT record (RFC 6891).
    private let isExtended: Bool
    private let wantsSignatures: Bool

    /// - Parameter target: replaces the client's name, see ``NameserverMachine/Decision/follow``.
    init(_ query: DNSQuery, target: DNSName? = nil) {
        question = DNSQuestion(
            name: (target ?? query.question.name).lowercased,
            type: query.question.type,
            classNumber: query.question.classNumber
        )
        flags = query.header.flags & DNSHeader.signatureFlags
        isExtended = query.extended != nil
        wantsSignatures = query.extended?.wantsSignatures ?? false
    }

    /// The bytes of the question section.
    var questionByteCount: Int {
        question.name.wire.count + 4
    }

    /// Whether a response with this question is for this query.
    func matches(_ echoed: DNSQuestion) -> Bool {
        echoed.name.lowercased == question.name && echoed.type == question.type
            && echoed.classNumber == question.classNumber
    }

    /// The message for a server.
    func message(id: UInt16) -> [UInt8] {
        var writer = DNSWriter(capacity: 64)
        writer.append(id)
        writer.append(DNSHeader.recursionDesired | flags)
        writer.append(UInt16(1))
        writer.append(UInt16(0))
        writer.append(UInt16(0))
        writer.append(UInt16(isExtended ? 1 : 0))
        writer.append(question.name.wire)
        writer.append(question.type.rawValue)
        writer.append(question.classNumber)
        if isExtended {
            writer.append([0])
            writer.append(DNSType.opt.rawValue)
            writer.append(UInt16(DNSQuery.datagramBytes))
            writer.append(UInt32(wantsSignatures ? 0x8000 : 0))
            writer.append(UInt16(0))
        }
        return writer.bytes
    }
}

/// A client whose query was forwarded; makes its response from the outcome.
struct ForwardedClient: Sendable {
    let query: DNSQuery
    /// Whether the client uses TCP.
    let overStream: Bool
    /// Our own CNAMEs, which precede the servers' records.
    var aliases: [NameserverMachine.Alias] = []

    func response(_ outcome: Forwarding.Outcome) -> [UInt8] {
        switch outcome {
        case .response(let bytes): aliases.isEmpty ? relayed(bytes) : joined(bytes) ?? failure(.serverFailure)
        case .truncated: truncated()
        case .failure(let code): failure(code)
        }
    }

    private func failure(_ code: DNSResponseCode) -> [UInt8] {
        DNSResponseBuilder(query, overStream: overStream).finished(code)
    }

    private func truncated() -> [UInt8] {
        var bytes = DNSResponseBuilder(query, overStream: overStream).finished()
        bytes[2] |= UInt8(DNSHeader.truncated >> 8)
        return bytes
    }

    /// The server's message under the client's id, with the client's upper and lower case.
    private func relayed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count <= query.limit(overStream: overStream) else { return truncated() }
        var reader = DNSReader(bytes)
        let range = DNSHeader.byteCount..<DNSHeader.byteCount + query.questionBytes.count
        guard let header = try? DNSHeader(&reader), range.upperBound <= bytes.count else {
            return failure(.serverFailure)
        }
        var writer = DNSWriter(capacity: bytes.count)
        writer.append(bytes)
        writer.store(query.header.id, at: 0)
        let flags = header.flags & ~DNSHeader.recursionDesired | DNSHeader.recursionAvailable
        writer.store(flags | query.header.flags & DNSHeader.recursionDesired, at: 2)
        var response = writer.bytes
        response.replaceSubrange(range, with: query.questionBytes)
        return response
    }

    /// Our aliases followed by the server's records, with uncompressed names.
    private func joined(_ bytes: [UInt8]) -> [UInt8]? {
        guard let message = try? DNSMessage(bytes) else { return nil }
        var builder = DNSResponseBuilder(query, overStream: overStream)
        for alias in aliases { builder.answer(alias.data, owner: alias.owner) }
        for record in message.answers {
            guard let data = try? message.expandedData(of: record) else { return nil }
            builder.answer(DNSRecordData(record.type, timeToLive: record.timeToLive, data), owner: record.name)
        }
        return builder.finished(message.header.code)
    }
}
