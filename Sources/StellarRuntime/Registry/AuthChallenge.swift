/// One scheme that a server offers in `WWW-Authenticate` (RFC 9110, section 11.6.1; for `Bearer` with realm, service
/// and scope see the distribution project's token specification).
package struct AuthChallenge: Sendable, Hashable {
    /// In lower case: `bearer`, `basic`.
    package var scheme: String
    /// Names in lower case.
    package var parameters: [String: String] = [:]

    package init(scheme: String, parameters: [String: String] = [:]) {
        self.scheme = scheme
        self.parameters = parameters
    }

    /// Parses a header's value, which may hold several challenges; ends the list at a malformed one.
    package static func parse(_ header: String) -> [AuthChallenge] {
        var scanner = Scanner(bytes: Array(header.utf8))
        var challenges: [AuthChallenge] = []
        while true {
            scanner.skip(" \t,")
            guard let word = scanner.token() else { return challenges }
            scanner.skip(" \t")
            if scanner.current == UInt8(ascii: "="), !challenges.isEmpty {
                scanner.index += 1
                scanner.skip(" \t")
                guard let value = scanner.value() else { return challenges }
                challenges[challenges.count - 1].parameters[word.lowercased()] = value
            } else {
                challenges.append(AuthChallenge(scheme: word.lowercased()))
            }
        }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        var current: UInt8? { index < bytes.count ? bytes[index] : nil }

        mutating func skip(_ characters: String) {
            while let byte = current, characters.utf8.contains(byte) { index += 1 }
        }

        /// A token of RFC 9110, plus `/` and `:`, as some servers omit required quotes.
        mutating func token() -> String? {
            let start = index
            while let byte = current, byte > 32, byte < 127, !#"",=()<>@;\[]?{}"#.utf8.contains(byte) { index += 1 }
            return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
        }

        mutating func value() -> String? {
            guard current == UInt8(ascii: "\"") else { return token() }
            index += 1
            var value: [UInt8] = []
            while let byte = current {
                index += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), let next = current {
                    value.append(next)
                    index += 1
                } else {
                    value.append(byte)
                }
            }
            return nil
        }
    }
}
