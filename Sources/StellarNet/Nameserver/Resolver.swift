import NIOCore
import StellarCore

/// Carries out what the ``NameserverMachine`` and ``Forwarding`` decide. Lives on one event loop.
final class Resolver {
    private let configuration: NameserverConfiguration
    private let zone: @Sendable () -> Zone
    private let eventLoop: any EventLoop
    private let limit: Int
    private var forwarded = 0
    private var generator = SystemRandomNumberGenerator()

    init(
        configuration: NameserverConfiguration,
        zone: @escaping @Sendable () -> Zone,
        eventLoop: any EventLoop,
        limit: Int
    ) {
        self.configuration = configuration
        self.zone = zone
        self.eventLoop = eventLoop
        self.limit = limit
    }

    /// Calls `reply` with the answer, now or later; never where the bytes deserve none.
    func resolve(_ bytes: [UInt8], from client: SocketAddress?, overStream: Bool, reply: @escaping ([UInt8]) -> Void) {
        let mayForward = mayForward(client)
        switch NameserverMachine.decide(bytes, zone: zone(), overStream: overStream, mayForward: mayForward) {
        case .drop:
            return
        case .answer(let answer):
            reply(answer)
        case .forward(let query):
            forward(
                Forwarding(query, overStream: overStream, servers: configuration.upstreams),
                query,
                overStream,
                reply
            )
        case .follow(let query, let aliases, let target):
            let forwarding = Forwarding(
                query,
                overStream: overStream,
                aliases: aliases,
                target: target,
                servers: configuration.upstreams
            )
            forward(forwarding, query, overStream, reply)
        }
    }

    private func mayForward(_ client: SocketAddress?) -> Bool {
        if configuration.clients.isEmpty { return true }
        guard let address = client?.ipAddress.flatMap({ IPv4Address($0) }) else { return false }
        return configuration.clients.contains { $0.contains(address) }
    }

    private func forward(
        _ forwarding: Forwarding,
        _ query: DNSQuery,
        _ overStream: Bool,
        _ reply: @escaping ([UInt8]) -> Void
    ) {
        guard forwarded < limit else {
            return reply(DNSResponseBuilder(query, overStream: overStream).finished(.serverFailure))
        }
        forwarded += 1
        let journey = Journey(forwarding) { [self] answer in
            forwarded -= 1
            reply(answer)
        }
        perform(journey.forwarding.start(using: &generator), for: journey)
    }

    /// One question under way, and who waits for it.
    private final class Journey {
        var forwarding: Forwarding
        let finish: ([UInt8]) -> Void

        init(_ forwarding: Forwarding, finish: @escaping ([UInt8]) -> Void) {
            self.forwarding = forwarding
            self.finish = finish
        }
    }

    private func perform(_ effect: Forwarding.Effect, for journey: Journey) {
        switch effect {
        case .finish(let answer):
            journey.finish(answer)
        case .ask(let server, let transport, let bytes):
            var next: Forwarding.Effect?
            let exchange = UpstreamExchange.run(bytes, to: server, over: transport, on: eventLoop) { [self] answer in
                next = journey.forwarding.received(answer, using: &generator)
                return next != nil
            }
            exchange.assumeIsolated().whenComplete { [self] result in
                if case .success = result, let next {
                    perform(next, for: journey)
                } else {
                    perform(journey.forwarding.failed(using: &generator), for: journey)
                }
            }
        }
    }
}
