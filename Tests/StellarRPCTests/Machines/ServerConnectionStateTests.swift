import NIOCore
import StellarRPC
import Testing

/// Every event in every state of a server connection: its effects and the next state.
@Suite struct ServerConnectionStateTests {
    enum State: String, CaseIterable {
        case opening, handshaking, ready, busy, drainingHandshake, draining, closing
    }

    enum Event: CaseIterable {
        case activated, bytesReceived, settings, headers, closed, pong, drain, abort, shed, lost, keepaliveTime,
            idleTime
    }

    /// The effects of an event, and the state after it.
    struct Row: Equatable {
        var effects: String
        var state: State

        init(_ effects: String, _ state: State) {
            self.effects = effects
            self.state = state
        }
    }

    private static let table: [State: [Event: Row]] = [
        .opening: [
            .activated: Row("wake +10", .handshaking),
            .bytesReceived: Row("", .opening),
            .settings: Row("", .opening),
            .headers: Row("accept, start", .opening),
            .closed: Row("", .opening),
            .pong: Row("", .opening),
            .drain: Row("close", .closing),
            .abort: Row("goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("", .closing),
            .keepaliveTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .idleTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
        ],
        .handshaking: [
            .activated: Row("", .handshaking),
            .bytesReceived: Row("", .handshaking),
            .settings: Row("", .ready),
            .headers: Row("accept, start", .handshaking),
            .closed: Row("", .handshaking),
            .pong: Row("", .handshaking),
            .drain: Row("announceGoAway, drainPing", .drainingHandshake),
            .abort: Row("goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("", .closing),
            .keepaliveTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .idleTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
        ],
        .ready: [
            .activated: Row("", .ready),
            .bytesReceived: Row("", .ready),
            .settings: Row("", .ready),
            .headers: Row("accept, start", .busy),
            .closed: Row("", .ready),
            .pong: Row("", .ready),
            .drain: Row("announceGoAway, drainPing", .draining),
            .abort: Row("goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("", .closing),
            .keepaliveTime: Row("wake +100", .ready),
            .idleTime: Row("announceGoAway, drainPing, wake +650", .draining),
        ],
        .busy: [
            .activated: Row("", .busy),
            .bytesReceived: Row("", .busy),
            .settings: Row("", .busy),
            .headers: Row("", .busy),
            .closed: Row("cancel, forget", .ready),
            .pong: Row("", .busy),
            .drain: Row("announceGoAway, drainPing", .draining),
            .abort: Row("trailersOnly, cancel, goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("reset 1 ENHANCE_YOUR_CALM, goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("cancel, forget", .closing),
            .keepaliveTime: Row("ping, wake +55", .busy),
            .idleTime: Row("ping, wake +605", .busy),
        ],
        .drainingHandshake: [
            .activated: Row("", .drainingHandshake),
            .bytesReceived: Row("", .drainingHandshake),
            .settings: Row("", .draining),
            .headers: Row("accept, start", .drainingHandshake),
            .closed: Row("", .drainingHandshake),
            .pong: Row("goAway NO_ERROR, goAway NO_ERROR, closeAfterWriting", .closing),
            .drain: Row("", .drainingHandshake),
            .abort: Row("goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("", .closing),
            .keepaliveTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .idleTime: Row("goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
        ],
        .draining: [
            .activated: Row("", .draining),
            .bytesReceived: Row("", .draining),
            .settings: Row("", .draining),
            .headers: Row("", .draining),
            .closed: Row("cancel, forget, goAway NO_ERROR, closeAfterWriting", .closing),
            .pong: Row("goAway NO_ERROR", .draining),
            .drain: Row("", .draining),
            .abort: Row("trailersOnly, cancel, goAway NO_ERROR, closeAfterWriting", .closing),
            .shed: Row("reset 1 ENHANCE_YOUR_CALM, goAway ENHANCE_YOUR_CALM, closeAfterWriting", .closing),
            .lost: Row("cancel, forget", .closing),
            .keepaliveTime: Row("ping, wake +55", .draining),
            .idleTime: Row("ping, wake +605", .draining),
        ],
        .closing: [
            .activated: Row("close", .closing),
            .bytesReceived: Row("", .closing),
            .settings: Row("", .closing),
            .headers: Row("", .closing),
            .closed: Row("", .closing),
            .pong: Row("", .closing),
            .drain: Row("", .closing),
            .abort: Row("", .closing),
            .shed: Row("", .closing),
            .lost: Row("", .closing),
            .keepaliveTime: Row("", .closing),
            .idleTime: Row("", .closing),
        ],
    ]

    private static let start = ServerConnectionMachineTests.start

    @Test(arguments: State.allCases) func everyEvent(state: State) throws {
        for event in Event.allCases {
            var machine = Self.machine(state)
            Self.feed(event, &machine)
            let effects = machine.effects().map(Self.text).joined(separator: ", ")
            #expect(Row(effects, Self.state(of: machine)) == Self.table[state]?[event], "\(event)")
        }
    }

    private static func machine(_ state: State) -> ServerConnectionMachine {
        var configuration = RPCServerConfiguration()
        configuration.keepalive = RPCKeepalive(interval: .seconds(50), timeout: .seconds(5))
        var machine = ServerConnectionMachine(
            methods: ServerConnectionMachineTests.methods,
            configuration: configuration,
            now: start
        )
        let events: [Event] =
            switch state {
            case .opening: []
            case .handshaking: [.activated]
            case .ready: [.activated, .settings]
            case .busy: [.activated, .settings, .headers]
            case .drainingHandshake: [.activated, .drain]
            case .draining: [.activated, .settings, .headers, .drain]
            case .closing: [.activated, .settings, .abort]
            }
        for event in events { feed(event, &machine) }
        _ = machine.effects()
        return machine
    }

    private static func feed(_ event: Event, _ machine: inout ServerConnectionMachine) {
        switch event {
        case .activated: machine.activated(now: start)
        case .bytesReceived: machine.bytesReceived(now: start)
        case .settings: machine.receive(.settings(maxConcurrentStreams: 0), now: start)
        case .headers:
            let fields = ServerConnectionMachineTests.headers("Many")
            machine.receive(.headers(stream: 1, fields: fields, endStream: false), now: start)
        case .closed: machine.receive(.closed(1, .noError), now: start)
        case .pong: machine.receive(.pong(ServerConnectionMachine.drainPing), now: start)
        case .drain: machine.drain()
        case .abort: machine.abort()
        case .shed: machine.shed(unread: 0, unsent: 1 << 20)
        case .lost: machine.lost()
        case .keepaliveTime: machine.tick(now: start + .seconds(50))
        case .idleTime: machine.tick(now: start + .seconds(600))
        }
    }

    private static func text(_ effect: ServerConnectionMachine.Effect) -> String {
        switch effect {
        case .reset(let id, let code): "reset \(id) \(code)"
        case .goAway(let code, _): "goAway \(code)"
        case .wake(let time): "wake +\((time - start).nanoseconds / 1_000_000_000)"
        case .respond: "respond"
        case .send: "send"
        case .finish: "finish"
        case .trailersOnly: "trailersOnly"
        case .credit: "credit"
        case .creditConnection: "creditConnection"
        case .ping(let payload): payload == ServerConnectionMachine.drainPing ? "drainPing" : "ping"
        case .announceGoAway: "announceGoAway"
        case .accept: "accept"
        case .start: "start"
        case .deliver: "deliver"
        case .endRequests: "endRequests"
        case .cancel: "cancel"
        case .forget: "forget"
        case .closeAfterWriting: "closeAfterWriting"
        case .close: "close"
        case .report: "report"
        }
    }

    /// The state of the machine, found by its reaction to further events.
    private static func state(of machine: ServerConnectionMachine) -> State {
        var machine = machine
        machine.tick(now: start)
        let wakes = machine.effects()
        if wakes.isEmpty { return .closing }
        let isHandshaking = wakes == [.wake(at: start + .seconds(10))]
        machine.drain()
        switch machine.effects().first {
        case .close: return .opening
        case .announceGoAway:
            if isHandshaking { return .handshaking }
            machine.receive(.closed(1, .noError), now: start)
            return machine.effects().contains(.forget(1)) ? .busy : .ready
        default: return isHandshaking ? .drainingHandshake : .draining
        }
    }
}
