import Glibc

/// Whole files, as the two things sctl does with them.
enum FileBytes {
    struct ReadError: Error, CustomStringConvertible {
        let description: String
    }

    struct WriteError: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads a file.
    ///
    /// - Throws: `ReadError` with the kernel's words, or when there are more than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(ReadError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ReadError(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        return try readAll(descriptor, limit: limit)
    }

    /// Reads a descriptor to its end.
    static func readAll(_ descriptor: Int32, limit: Int) throws(ReadError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw ReadError(description: String(cString: strerror(errno)))
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { throw ReadError(description: "longer than \(limit) bytes") }
        }
    }

    /// Writes all of a text. A reader that went away (`sctl … | head`) is no error.
    ///
    /// - Throws: `WriteError` with the kernel's words: a full disk must not look like a short result.
    static func write(_ text: String, to descriptor: Int32) throws(WriteError) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { return }
                throw WriteError(description: String(cString: strerror(errno)))
            }
            written += count
        }
    }

    /// Opens those of stdin, stdout and stderr that the caller closed (`sctl … >&-`), so that no connection gets their
    /// number and is written results into. For reading alone: writing to them fails as it would have.
    static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDONLY)
        }
    }
}
