import NIOCore
import StellarCore

/// Carries out what the ``NameserverMachine`` and ``Forwarding`` decide. Lives on one event loop.
///
/// Clients that ask upstream servers the same at the same time share one exchange: nobody can have many answers to one
/// question under way in order to forge one (RFC 5452, section 5), and a question that upstream servers pass back to us
/// waits for itself instead of going round.
final class NameserverDriver {
    /// How much is under way at one time; beyond it clients get SERVFAIL at once, and ask again.
    struct Limits {
        /// Questions out to upstream servers, each with a socket.
        var forwarded = 512
        /// Clients that wait for their answers: some kilobytes each at the most.
        var waiting = 2048
    }

    private let configuration: NameserverConfiguration
    private let zone: @Sendable () -> Zone
    private let eventLoop: any EventLoop
    private let limits: Limits
    private var journeys: [ForwardedQuestion: Journey] = [:]
    private var waiting = 0
    private var generator = SystemRandomNumberGenerator()

    /// One question under way, and who waits for it.
    private final class Journey {
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

    /// Calls `reply` with the answer, now or later; never where the bytes deserve none.
    func resolve(_ bytes: [UInt8], from client: SocketAddress?, overStream: Bool, reply: @escaping ([UInt8]) -> Void) {
        let isStranger = isStranger(client)
        switch NameserverMachine.decide(bytes, zone: zone(), overStream: overStream, isStranger: isStranger) {
        case .drop:
            return
        case .answer(let answer):
            reply(answer)
        case .forward(let query):
            forward(ForwardedQuestion(query), ForwardedClient(query: query, overStream: overStream), reply)
        case .follow(let query, let aliases, let target):
            let client = ForwardedClient(query: query, overStream: overStream, aliases: aliases)
            forward(ForwardedQuestion(query, target: target), client, reply)
        }
    }

    private func isStranger(_ client: SocketAddress?) -> Bool {
        if configuration.clients.isEmpty { return false }
        guard let address = client?.ipAddress.flatMap({ IPv4Address($0) }) else { return true }
        return !configuration.clients.contains { $0.contains(address) }
    }

    private func forward(
        _ question: ForwardedQuestion,
        _ client: ForwardedClient,
        _ reply: @escaping ([UInt8]) -> Void
    ) {
        let underWay = journeys[question]
        guard waiting < limits.waiting, underWay != nil || journeys.count < limits.forwarded else {
            return reply(client.answer(.failure(.serverFailure)))
        }
        waiting += 1
        if let underWay {
            underWay.clients.append((client, reply))
            return
        }
        let journey = Journey(Forwarding(question, servers: configuration.upstreams))
        journey.clients.append((client, reply))
        journeys[question] = journey
        perform(journey.forwarding.start(using: &generator), for: question, journey)
    }

    private func perform(_ effect: Forwarding.Effect, for question: ForwardedQuestion, _ journey: Journey) {
        switch effect {
        case .finish(let outcome):
            journeys[question] = nil
            waiting -= journey.clients.count
            for (client, reply) in journey.clients { reply(client.answer(outcome)) }
        case .ask(let server, let transport, let bytes):
            var next: Forwarding.Effect?
            let exchange = UpstreamExchange.run(bytes, to: server, over: transport, on: eventLoop) { [self] answer in
                next = journey.forwarding.received(answer, using: &generator)
                return next != nil
            }
            exchange.assumeIsolated().whenComplete { [self] result in
                if case .success = result, let next {
                    perform(next, for: question, journey)
                } else {
                    perform(journey.forwarding.failed(using: &generator), for: question, journey)
                }
            }
        }
    }
}
