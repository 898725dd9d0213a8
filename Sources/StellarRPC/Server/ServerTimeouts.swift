import NIOCore

/// The deadlines of a client for handshake, header blocks, reading and idling. Pure.
struct ServerTimeouts {
    enum Effect: Hashable {
        /// Close with GOAWAY and the reason.
        case expel(String)
        /// Close at once: the client would not read a GOAWAY.
        case close(String)
        /// Announce GOAWAY.
        case drain
    }

    private let limits: RPCServerLimits
    private var handshakeBy: NIODeadline?
    private var headersBy: NIODeadline?
    private var writeBy: NIODeadline?
    private var idleBy: NIODeadline?
    private var sentGoAway = false

    init(limits: RPCServerLimits, now: NIODeadline) {
        self.limits = limits
        handshakeBy = now + TimeAmount(limits.handshakeTimeout)
    }

    /// The client's SETTINGS came.
    mutating func handshakeDone(now: NIODeadline) {
        guard handshakeBy != nil else { return }
        handshakeBy = nil
        idleBy = now + TimeAmount(limits.idleTimeout)
    }

    mutating func callsChanged(hasCalls: Bool, now: NIODeadline) {
        guard handshakeBy == nil else { return }
        idleBy = hasCalls ? nil : now + TimeAmount(limits.idleTimeout)
    }

    /// Called after each batch of input.
    mutating func headerBlock(isOpen: Bool, now: NIODeadline) {
        guard isOpen else { return headersBy = nil }
        headersBy = headersBy ?? now + TimeAmount(limits.frameTimeout)
    }

    /// Called when the channel's writability changes.
    mutating func writability(isWritable: Bool, now: NIODeadline) {
        guard !isWritable else { return writeBy = nil }
        writeBy = writeBy ?? now + TimeAmount(limits.writeTimeout)
    }

    /// The time of the next `check`.
    var next: NIODeadline? {
        [handshakeBy, headersBy, writeBy, idleBy].compactMap { $0 }.min()
    }

    mutating func check(now: NIODeadline) -> Effect? {
        if let handshakeBy, now >= handshakeBy { return .expel("the HTTP/2 handshake took too long") }
        if let headersBy, now >= headersBy { return .expel("a header block took too long") }
        if let writeBy, now >= writeBy { return .close("the client stopped reading") }
        if let idleBy, now >= idleBy {
            // Once: a client that stays is closed after the same time again.
            guard !sentGoAway else { return .expel("the client stayed without calls after GOAWAY") }
            sentGoAway = true
            self.idleBy = now + TimeAmount(limits.idleTimeout)
            return .drain
        }
        return nil
    }
}
