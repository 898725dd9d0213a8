package import NIOCore

/// Counts the frames of a client that cause work without use, against their limits. Pure.
package struct ConnectionGuard {
    private var resets: RateWindow
    private var streamErrors: RateWindow
    private var pings: RateWindow
    /// Control frames that requests and their data have paid for. gRPC's C core sends PING and WINDOW_UPDATE with each burst of
    /// calls to measure the link: thousands in a window, from an honest client.
    private var paid = 0

    /// The control frames that one frame of a request pays for, and the most that are credited.
    private static let paidPerFrame = 4
    private static let maxPaid = 512

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

    /// - Returns: the exceeded limit, as debug text of GOAWAY ENHANCE_YOUR_CALM; nil within the limits.
    package mutating func record(_ event: HTTP2Event, now: NIODeadline) -> String? {
        switch event {
        case .reset: return resets.record(now: now) ? nil : "too many resets"
        case .streamError: return streamErrors.record(now: now) ? nil : "too many stream errors"
        case .headersTooLarge: return streamErrors.record(now: now) ? nil : "too many oversized header lists"
        case .headers, .data:
            paid = min(paid + Self.paidPerFrame, Self.maxPaid)
            return nil
        case .ping where paid > 0, .idleFrame where paid > 0:
            paid -= 1
            return nil
        case .ping: return pings.record(now: now) ? nil : "too many pings"
        case .settings: return settings.record(now: now) ? nil : "too many settings"
        case .idleFrame: return idleFrames.record(now: now) ? nil : "too many empty frames"
        default: return nil
        }
    }
}
