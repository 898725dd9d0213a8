/// One question on its way through the upstream servers.
///
/// ## Design
/// A pure machine: the driver performs the one effect that each event returns and feeds back what came of it. A datagram
/// is asked first; a truncated answer is asked again over TCP. A server that does not answer, cannot be reached, or says
/// that it failed or refuses, is followed by the next one. There is always an end: SERVFAIL if nothing better came.
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
        case finish(Outcome)
    }

    /// What the clients that wait are told.
    enum Outcome: Hashable, Sendable {
        /// A server's whole message: its first question is ours, at its usual place and not compressed.
        case answer([UInt8])
        /// There is a longer answer, and it was not to be had.
        case truncated
        case failure(DNSResponseCode)
    }

    private let question: ForwardedQuestion
    private let servers: [DNSUpstream]

    private var attempt = 0
    private var transport = Transport.datagram
    /// The id of the question that is out.
    private var id: UInt16 = 0
    /// What would do if nothing better comes.
    private var fallback = Outcome.failure(.serverFailure)

    /// - Parameter servers: the first is asked first.
    init(_ question: ForwardedQuestion, servers: [DNSUpstream]) {
        self.question = question
        self.servers = servers
    }

    /// Begins. Ids are drawn here so that nobody can guess one (RFC 5452).
    mutating func start(using generator: inout some RandomNumberGenerator) -> Effect {
        ask(using: &generator)
    }

    /// The server did not answer in time, or could not be reached.
    mutating func failed(using generator: inout some RandomNumberGenerator) -> Effect {
        // Truncated and not to be had in full: better than nothing.
        transport == .stream ? .finish(fallback) : next(using: &generator)
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
            fallback = .failure(header.code)
            return next(using: &generator)
        }
        guard header.questionCount == 1, let echoed = try? DNSQuestion(&reader), question.matches(echoed),
            reader.position == DNSHeader.byteCount + question.questionByteCount
        else { return nil }
        if header.isTruncated, transport == .datagram {
            fallback = .truncated
            transport = .stream
            return ask(using: &generator)
        }
        guard isFailure else { return .finish(.answer(bytes)) }
        fallback = .answer(bytes)
        return next(using: &generator)
    }

    private mutating func next(using generator: inout some RandomNumberGenerator) -> Effect {
        attempt += 1
        transport = .datagram
        return ask(using: &generator)
    }

    private mutating func ask(using generator: inout some RandomNumberGenerator) -> Effect {
        guard attempt < Self.maximumAttempts, !servers.isEmpty else { return .finish(fallback) }
        id = UInt16.random(in: 0...UInt16.max, using: &generator)
        return .ask(servers[attempt % servers.count], transport, question.message(id: id))
    }
}
