import NIOCore
import StellarCore

/// Performs what ``NameserverMachine`` and ``Forwarding`` decide, on one event loop.
///
/// Clients that wait for equal upstream queries share one exchange: an attacker cannot have many equal queries outstanding in
/// order to forge a response (RFC 5452, section 5), and a query that upstream servers pass back to us waits for itself
/// instead of going round.
final class NameserverDriver {
    /// The outstanding queries and clients at one time; beyond it clients get SERVFAIL at once.
    struct Limits {
        /// Queries to upstream servers, each with a socket.
        var forwarded = 512
        /// Clients that wait for responses: some kilobytes each at most.
        var waiting = 2048
    }

    private let configuration: NameserverConfiguration
    private let zone: @Sendable () -> Zone
    private let eventLoop: any EventLoop
    private let limits: Limits
    private var pending: [UpstreamQuery: PendingQuery] = [:]
    private var waiting = 0
    private var generator = SystemRandomNumberGenerator()

    /// One outstanding query, and the clients that wait for it.
    private final class PendingQuery {
        var forwarding: Forwarding
        var clients: [(client: ForwardedClient, reply: ([UInt8]) -> Void)] = []

        init(_ forwarding: Forwarding) {
            self.forwarding = forwarding
        }
    }

    init(
        configuration: NameserverConfiguration,
        zone: @escaping @Sendable () -> Zone,
        eventLoop: any EventLoop,
        limits: Limits = Limits()
    ) {
        self.configuration = configuration
        self.zone = zone
        self.eventLoop = eventLoop
        self.limits = limits
    }

    /// Calls `reply` with the response, now or later; never where the bytes are not a query.
    func resolve(_ bytes: [UInt8], from client: SocketAddress?, overStream: Bool, reply: @escaping ([UInt8]) -> Void) {
        let isStranger = isStranger(client)
        switch NameserverMachine.decide(bytes, zone: zone(), overStream: overStream, isStranger: isStranger) {
        case .drop:
            return
        case .respond(let response):
            reply(response)
        case .forward(let query):
            forward(UpstreamQuery(query), ForwardedClient(query: query, overStream: overStream), reply)
        case .follow(let query, let aliases, let target):
            let client = ForwardedClient(query: query, overStream: overStream, aliases: aliases)
            forward(UpstreamQuery(query, target: target), client, reply)
        }
    }

    private func isStranger(_ client: SocketAddress?) -> Bool {
        if configuration.clients.isEmpty { return false }
        guard let address = client?.ipAddress.flatMap({ IPv4Address($0) }) else { return true }
        return !configuration.clients.contains { $0.contains(address) }
    }

    private func forward(
        _ query: UpstreamQuery,
        _ client: ForwardedClient,
        _ reply: @escaping ([UInt8]) -> Void
    ) {
        let shared = pending[query]
        guard waiting < limits.waiting, shared != nil || pending.count < limits.forwarded else {
            return reply(client.response(.failure(.serverFailure)))
        }
        waiting += 1
        if let shared {
            shared.clients.append((client, reply))
            return
        }
        let new = PendingQuery(Forwarding(query, servers: configuration.upstreams))
        new.clients.append((client, reply))
        pending[query] = new
        perform(new.forwarding.start(using: &generator), for: query, new)
    }

    private func perform(_ effect: Forwarding.Effect, for query: UpstreamQuery, _ state: PendingQuery) {
        switch effect {
        case .finish(let outcome):
            pending[query] = nil
            waiting -= state.clients.count
            for (client, reply) in state.clients { reply(client.response(outcome)) }
        case .send(let server, let transport, let bytes):
            var next: Forwarding.Effect?
            let exchange = UpstreamExchange.run(bytes, to: server, over: transport, on: eventLoop) { [self] message in
                next = state.forwarding.received(message, using: &generator)
                return next != nil
            }
            exchange.assumeIsolated().whenComplete { [self] result in
                if case .success = result, let next {
                    perform(next, for: query, state)
                } else {
                    perform(state.forwarding.failed(using: &generator), for: query, state)
                }
            }
        }
    }
}
