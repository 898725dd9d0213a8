/// Signals by name, as images write them (signal(7)).
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
        "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17,
        "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26,
        "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
    ]
    /// glibc reserves the first two real-time signals.
    private static let realTime: ClosedRange<Int32> = 34...64

    /// The number of `SIGQUIT`, `quit`, `3`, `SIGRTMIN+3` or `RTMAX-2`; nil for anything else.
    static func number(_ text: String) -> Int32? {
        if let number = Int32(text) { return (1...realTime.upperBound).contains(number) ? number : nil }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if let number = numbers[name] { return number }
        if name == "RTMIN" { return realTime.lowerBound }
        if name == "RTMAX" { return realTime.upperBound }
        let number: Int32?
        if name.hasPrefix("RTMIN+") {
            number = Int32(name.dropFirst(6)).map { realTime.lowerBound &+ $0 }
        } else if name.hasPrefix("RTMAX-") {
            number = Int32(name.dropFirst(6)).map { realTime.upperBound &- $0 }
        } else {
            number = nil
        }
        return number.flatMap { realTime.contains($0) ? $0 : nil }
    }
}
