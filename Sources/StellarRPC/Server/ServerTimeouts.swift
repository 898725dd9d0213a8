import NIOCore

/// How long a client may keep a connection without doing its part. Pure.
struct ServerTimeouts {
    enum Effect: Hashable {
        /// Say why and close.
        case expel(String)
        /// Close at once: nothing that is said would be read.
        case close(String)
        /// Ask the client to go away.
        case drain
    }

    private let limits: RPCServerLimits
    private var handshakeBy: NIODeadline?
    private var headersBy: NIODeadline?
    private var writeBy: NIODeadline?
    private var idleBy: NIODeadline?
    private var wasAskedToLeave = false

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

    /// Called when the channel takes bytes again or takes no more.
    mutating func writability(isWritable: Bool, now: NIODeadline) {
        guard !isWritable else { return writeBy = nil }
        writeBy = writeBy ?? now + TimeAmount(limits.writeTimeout)
    }

    /// When to `check`.
    var next: NIODeadline? {
        [handshakeBy, headersBy, writeBy, idleBy].compactMap { $0 }.min()
    }

    mutating func check(now: NIODeadline) -> Effect? {
        if let handshakeBy, now >= handshakeBy { return .expel("the HTTP/2 handshake took too long") }
        if let headersBy, now >= headersBy { return .expel("a header block took too long") }
        if let writeBy, now >= writeBy { return .close("the client does not read") }
        if let idleBy, now >= idleBy {
            // Once; if the client stays, it is closed after as long again.
            guard !wasAskedToLeave else { return .expel("the client stayed without calls after GOAWAY") }
            wasAskedToLeave = true
            self.idleBy = now + TimeAmount(limits.idleTimeout)
            return .drain
        }
        return nil
    }
}
