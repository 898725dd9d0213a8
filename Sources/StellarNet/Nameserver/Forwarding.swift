/// One question on its way through the upstream servers.
///
/// ## Design
/// A pure machine: the driver performs the one effect that each event returns and feeds back what came of it. A datagram
/// is asked first; a truncated answer is asked again over TCP. A server that does not answer, cannot be reached, or says
/// that it failed or refuses, is followed by the next one. The last word is always an answer: SERVFAIL if nothing better
/// came.
struct Forwarding {
    /// Clients give up after five seconds (resolv.conf(5), `timeout`): three attempts fit in.
    static let maximumAttempts = 3
    static let datagramTimeoutMilliseconds: Int64 = 1500
    static let streamTimeoutMilliseconds: Int64 = 3000

    enum Transport: Hashable, Sendable {
        case datagram
        case stream
    }

    enum Effect: Hashable, Sendable {
        case ask(DNSUpstream, Transport, [UInt8])
        case finish([UInt8])
    }

    private let query: DNSQuery
    private let overStream: Bool
    private let aliases: [NameserverMachine.Alias]
    /// What the upstream servers are asked, in its bytes.
    private let question: [UInt8]
    private let asked: DNSQuestion
    private let servers: [DNSUpstream]

    private var attempt = 0
    private var transport = Transport.datagram
    /// The id of the question that is out.
    private var id: UInt16 = 0
    /// An answer that would do if no better one comes: truncated, or a server's failure.
    private var fallback: [UInt8]?

    /// - Parameters:
    ///   - overStream: how the client asked.
    ///   - aliases, target: where the client's name is an alias of ours, see ``NameserverMachine/Decision/follow``.
    ///   - servers: the first is asked first.
    init(
        _ query: DNSQuery,
        overStream: Bool,
        aliases: [NameserverMachine.Alias] = [],
        target: DNSName? = nil,
        servers: [DNSUpstream]
    ) {
        self.query = query
        self.overStream = overStream
        self.aliases = aliases
        self.servers = servers
        if let target {
            asked = DNSQuestion(name: target, type: query.question.type, classNumber: query.question.classNumber)
            var writer = DNSWriter()
            writer.append(target.wire)
            writer.append(asked.type.rawValue)
            writer.append(asked.classNumber)
            question = writer.bytes
        } else {
            asked = query.question
            question = Array(query.questionBytes)
        }
    }

    /// Begins. Ids are drawn here so that nobody can guess one (RFC 5452).
    mutating func start(using generator: inout some RandomNumberGenerator) -> Effect {
        ask(using: &generator)
    }

    /// The server did not answer in time, or could not be reached.
    mutating func failed(using generator: inout some RandomNumberGenerator) -> Effect {
        if transport == .stream, let fallback {
            // Truncated and not to be had in full: better than nothing.
            return .finish(fallback)
        }
        return next(using: &generator)
    }

    /// Bytes from the server that was asked. nil when they are no answer to the question: somebody guesses, or an answer
    /// is late.
    mutating func received(_ bytes: [UInt8], using generator: inout some RandomNumberGenerator) -> Effect? {
        var reader = DNSReader(bytes)
        guard let header = try? DNSHeader(&reader), header.isResponse, header.id == id, header.opcode == 0 else {
            return nil
        }
        // A server that cannot read the question may leave it out.
        let isFailure = header.code != .noError && header.code != .noSuchName
        if header.questionCount == 0, isFailure {
            fallback = failure(header.code)
            return next(using: &generator)
        }
        guard header.questionCount == 1, let echoed = try? DNSQuestion(&reader) else { return nil }
        guard echoed.name.lowercased == asked.name.lowercased, echoed.type == asked.type,
            echoed.classNumber == asked.classNumber
        else { return nil }
        if header.isTruncated, transport == .datagram {
            fallback = truncated()
            transport = .stream
            return ask(using: &generator)
        }
        let answer = answer(bytes, header)
        if isFailure {
            fallback = answer
            return next(using: &generator)
        }
        return .finish(answer)
    }

    private mutating func next(using generator: inout some RandomNumberGenerator) -> Effect {
        attempt += 1
        transport = .datagram
        return ask(using: &generator)
    }

    private mutating func ask(using generator: inout some RandomNumberGenerator) -> Effect {
        guard attempt < Self.maximumAttempts, !servers.isEmpty else {
            return .finish(fallback ?? failure(.serverFailure))
        }
        id = UInt16.random(in: 0...UInt16.max, using: &generator)
        var writer = DNSWriter(capacity: 64)
        writer.append(id)
        // Recursion; and the client's wish to see or check signatures (RFC 4035, section 3.2).
        writer.append(DNSHeader.recursionDesired | query.header.flags & 0x0030)
        writer.append(UInt16(1))
        writer.append(UInt16(0))
        writer.append(UInt16(0))
        writer.append(UInt16(query.extended == nil ? 0 : 1))
        writer.append(question)
        if let extended = query.extended {
            writer.append([0])
            writer.append(DNSType.opt.rawValue)
            writer.append(UInt16(DNSQuery.datagramBytes))
            writer.append(UInt32(extended.wantsSignatures ? 0x8000 : 0))
            writer.append(UInt16(0))
        }
        return .ask(servers[attempt % servers.count], transport, writer.bytes)
    }

    // MARK: The client's answer

    private func failure(_ code: DNSResponseCode) -> [UInt8] {
        DNSResponseBuilder(query, overStream: overStream).finished(code)
    }

    private func truncated() -> [UInt8] {
        var bytes = DNSResponseBuilder(query, overStream: overStream).finished()
        bytes[2] |= UInt8(DNSHeader.truncated >> 8)
        return bytes
    }

    private func answer(_ bytes: [UInt8], _ header: DNSHeader) -> [UInt8] {
        if !aliases.isEmpty { return joined(bytes) ?? failure(.serverFailure) }
        guard bytes.count <= query.limit(overStream: overStream) else { return truncated() }
        var writer = DNSWriter(capacity: bytes.count)
        writer.append(bytes)
        writer.store(query.header.id, at: 0)
        let flags = header.flags & ~DNSHeader.recursionDesired | DNSHeader.recursionAvailable
        writer.store(flags | query.header.flags & DNSHeader.recursionDesired, at: 2)
        // The same name and length as ours; the client's upper and lower case.
        var answer = writer.bytes
        let range = DNSHeader.byteCount..<DNSHeader.byteCount + query.questionBytes.count
        guard range.upperBound <= answer.count else { return failure(.serverFailure) }
        answer.replaceSubrange(range, with: query.questionBytes)
        return answer
    }

    /// Our aliases followed by the server's records, names written out anew.
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
