/// Spans of time as text, as in the UPTIME column: `2 minutes`.
package enum RelativeTime {
    private static let minute: Int64 = 60
    private static let hour = 60 * minute
    private static let day = 24 * hour
    private static let week = 7 * day
    private static let month = 30 * day
    private static let year = 360 * day

    /// The span in the largest unit that fits: `1 second`, `2 seconds`, `1 minute`, … `3 years`. A unit is singular
    /// until twice its length. A week has 7 days, a month 30, a year 360. Below a second, and if negative, it is `now`.
    package static func format(_ span: Duration) -> String {
        let seconds = span.components.seconds
        switch seconds {
        case ..<1: return "now"
        case ..<minute: return count(seconds, "second")
        case ..<hour: return count(seconds / minute, "minute")
        case ..<day: return count(seconds / hour, "hour")
        case ..<week: return count(seconds / day, "day")
        case ..<month: return count(seconds / week, "week")
        case ..<year: return count(seconds / month, "month")
        default: return count(seconds / year, "year")
        }
    }

    private static func count(_ number: Int64, _ unit: String) -> String {
        number == 1 ? "1 \(unit)" : "\(number) \(unit)s"
    }
}
