internal import COpenSSL

/// The errors in OpenSSL's queue of this thread, oldest first. Queues are per thread: take them in the function of the failed
/// call, and `clear` the queue before that call.
struct OpenSSLFailure {
    private(set) var codes: [CUnsignedLong] = []

    static func clear() { ERR_clear_error() }

    /// Takes the queue. It holds at most 16 entries (ERR_NUM_ERRORS).
    static func take() -> OpenSSLFailure {
        var failure = OpenSSLFailure()
        while case let code = ERR_get_error(), code != 0 { failure.codes.append(code) }
        return failure
    }

    /// Whether an entry has this reason of this library.
    func contains(library: CInt, reason: CInt) -> Bool {
        codes.contains { ERR_GET_LIB($0) == library && ERR_GET_REASON($0) == reason }
    }

    func contains(ssl reason: CInt) -> Bool { contains(library: CInt(ERR_LIB_SSL), reason: reason) }

    /// The reasons in words: `no start line`.
    var reason: String {
        var words: [String] = []
        for code in codes {
            let word = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
            if !words.contains(word) { words.append(word) }
        }
        return words.isEmpty ? "no reason given" : words.joined(separator: ": ")
    }
}
