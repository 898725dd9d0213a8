import FoundationEssentials
import Glibc

/// A directory that exists as long as a test runs.
public enum TemporaryDirectory {
    /// Makes a directory in `TMPDIR` or `/tmp`, and removes it with its content when `body` leaves.
    public static func with<R>(_ body: (String) async throws -> R) async throws -> R {
        let path = try make()
        do {
            let value = try await body(path)
            remove(path)
            return value
        } catch {
            remove(path)
            throw error
        }
    }

    /// Makes a directory; the caller removes it.
    ///
    /// - Parameter parent: nil is `TMPDIR` or `/tmp`.
    public static func make(in parent: String? = nil) throws -> String {
        let base = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/stellar-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileFailure(path: base, operation: "mkdtemp", number: errno) }
        return template.withUnsafeBufferPointer {
            String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Removes a tree, and follows no links out of it.
    public static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a whole file.
    public static func write(_ bytes: some Collection<UInt8>, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(path: path, operation: "open", number: errno) }
        defer { close(descriptor) }
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw FileFailure(path: path, operation: "write", number: errno) }
            rest = rest.dropFirst(count)
        }
    }
}

/// A failed file operation of a fixture.
public struct FileFailure: Error, CustomStringConvertible {
    public var path: String
    public var operation: String
    public var number: Int32

    public init(path: String, operation: String, number: Int32) {
        self.path = path
        self.operation = operation
        self.number = number
    }

    public var description: String { "\(operation)(\(path)): \(String(cString: strerror(number)))" }
}
