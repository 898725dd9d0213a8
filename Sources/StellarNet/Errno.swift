import Glibc

/// A system call that failed: the operation, its subject, and why.
struct SystemCallError: Error, Hashable, CustomStringConvertible {
    /// errno, positive.
    var number: Int32
    /// The call and its subject, like `mount /run/stellar/ns/a/net`.
    var operation: String
    /// The kernel's message beyond errno: netlink's extended acknowledgement.
    var detail: String?

    init(_ number: Int32, _ operation: String, detail: String? = nil) {
        self.number = number
        self.operation = operation
        self.detail = detail
    }

    /// The error's text, without the operation: `Permission denied`.
    static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let failed = strerror_r(number, &buffer, buffer.count) != 0
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return failed || bytes.isEmpty ? "error \(number)" : String(decoding: bytes, as: UTF8.self)
    }

    var description: String {
        let reason = "\(operation): \(Self.text(number))"
        guard let detail else { return reason }
        return "\(reason) (\(detail))"
    }

    /// The same as an error for the user.
    var networkError: NetworkError {
        let code: NetworkError.Code =
            switch number {
            case EPERM, EACCES: .permissionDenied
            case ENOENT, ENODEV: .notFound
            case EEXIST: .alreadyExists
            case EINVAL: .invalidArgument
            case EBUSY: .failedPrecondition
            case ENOSPC, EMFILE, ENFILE, ENOMEM, ENOBUFS: .resourceExhausted
            case EAGAIN, ETIMEDOUT: .deadlineExceeded
            default: .internalError
            }
        let advice = code == .permissionDenied ? "; the daemon must run as root (CAP_NET_ADMIN and CAP_SYS_ADMIN)" : ""
        return NetworkError(code, description + advice)
    }

    /// Throws for a C helper's `-errno`; returns 0 and above.
    @discardableResult
    static func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(SystemCallError) -> Int32 {
        guard result >= 0 else { throw SystemCallError(-result, operation()) }
        return result
    }
}
