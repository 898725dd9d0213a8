/// One query on its path through the upstream servers.
///
/// ## Design
/// A pure machine: the driver performs the one effect that each event returns, and reports the result as the next event. The
/// query goes out as a datagram; after a truncated response it goes out again over TCP. When a server does not respond,
/// cannot be reached, fails or refuses, the next server gets the query. It always ends: with SERVFAIL if nothing better came.
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
        case send(DNSUpstream, Transport, [UInt8])
        case finish(Outcome)
    }

    /// What waiting clients get.
    enum Outcome: Hashable, Sendable {
        /// A server's whole message: its first question is ours, at its usual place and not compressed.
        case response([UInt8])
        /// The response is longer, and could not be had over TCP.
        case truncated
        case failure(DNSResponseCode)
    }

    private let query: UpstreamQuery
    private let servers: [DNSUpstream]

    private var attempt = 0
    private var transport = Transport.datagram
    /// The id of the query that was sent last.
    private var id: UInt16 = 0
    /// The outcome if nothing better comes.
    private var fallback = Outcome.failure(.serverFailure)

    /// - Parameter servers: the first gets the query first.
    init(_ query: UpstreamQuery, servers: [DNSUpstream]) {
        self.query = query
        self.servers = servers
    }

    /// Begins. Ids are random, so that they cannot be guessed (RFC 5452).
    mutating func start(using generator: inout some RandomNumberGenerator) -> Effect {
        send(using: &generator)
    }

    /// The server did not respond in time, or could not be reached.
    mutating func failed(using generator: inout some RandomNumberGenerator) -> Effect {
        // The truncated response is better than none.
        transport == .stream ? .finish(fallback) : next(using: &generator)
    }

    /// Bytes arrived from the server. Returns nil when they are not a response to the query: a forgery, or a late response.
    mutating func received(_ bytes: [UInt8], using generator: inout some RandomNumberGenerator) -> Effect? {
        var reader = DNSReader(bytes)
        guard let header = try? DNSHeader(&reader), header.isResponse, header.id == id, header.opcode == 0 else {
            return nil
        }
        // A server that cannot decode the query may leave the question out.
        let isFailure = header.code != .noError && header.code != .noSuchName
        if header.questionCount == 0, isFailure {
            fallback = .failure(header.code)
            return next(using: &generator)
        }
        guard header.questionCount == 1, let echoed = try? DNSQuestion(&reader), query.matches(echoed),
            reader.position == DNSHeader.byteCount + query.questionByteCount
        else { return nil }
        if header.isTruncated, transport == .datagram {
            fallback = .truncated
            transport = .stream
            return send(using: &generator)
        }
        guard isFailure else { return .finish(.response(bytes)) }
        fallback = .response(bytes)
        return next(using: &generator)
    }

    private mutating func next(using generator: inout some RandomNumberGenerator) -> Effect {
        attempt += 1
        transport = .datagram
        return send(using: &generator)
    }

    private mutating func send(using generator: inout some RandomNumberGenerator) -> Effect {
        guard attempt < Self.maximumAttempts, !servers.isEmpty else { return .finish(fallback) }
        id = UInt16.random(in: 0...UInt16.max, using: &generator)
        return .send(servers[attempt % servers.count], transport, query.message(id: id))
    }
}
