package import NIOCore

/// Counts what a client makes a server do for nothing, and says when it is enough. Pure.
package struct ConnectionGuard {
    private var resets: RateWindow
    private var streamErrors: RateWindow
    private var pings: RateWindow
    private var settings: RateWindow
    private var idleFrames: RateWindow

    package init(limits: RPCServerLimits) {
        func window(_ limit: Int) -> RateWindow { RateWindow(limit: limit, span: limits.window) }
        resets = window(limits.maxResets)
        streamErrors = window(limits.maxStreamErrors)
        pings = window(limits.maxPings)
        settings = window(limits.maxSettings)
        idleFrames = window(limits.maxIdleFrames)
    }

    /// - Returns: what there was too much of, to be said in GOAWAY ENHANCE_YOUR_CALM; nil while all is well.
    package mutating func record(_ event: HTTP2Event, now: NIODeadline) -> String? {
        switch event {
        case .reset: resets.record(now: now) ? nil : "too many resets"
        case .streamError: streamErrors.record(now: now) ? nil : "too many stream errors"
        case .headersTooLarge: streamErrors.record(now: now) ? nil : "too many oversized header lists"
        case .ping: pings.record(now: now) ? nil : "too many pings"
        case .settings: settings.record(now: now) ? nil : "too many settings"
        case .idleFrame: idleFrames.record(now: now) ? nil : "too many empty frames"
        default: nil
        }
    }
}
