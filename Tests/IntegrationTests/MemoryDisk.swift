import Glibc
import StellarTestKit
import Testing

/// A small disk in memory (tmpfs), which a test can fill or make read-only.
struct MemoryDisk {
    let path: String

    static func with<R>(at path: String, kibibytes: Int, _ body: (MemoryDisk) async throws -> R) async throws -> R {
        mkdir(path, 0o755)
        try await ChildProcess.check("mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", path])
        do {
            let value = try await body(MemoryDisk(path: path))
            umount2(path, CInt(MNT_DETACH))
            return value
        } catch {
            umount2(path, CInt(MNT_DETACH))
            throw error
        }
    }

    func makeReadOnly() async throws {
        try await ChildProcess.check("mount", ["-o", "remount,ro", path])
    }

    /// Writes a file until nothing more fits.
    func fill() throws {
        let descriptor = open("\(path)/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0, "cannot write to \(path)")
        defer { close(descriptor) }
        let page = [UInt8](repeating: 1, count: 4096)
        while write(descriptor, page, page.count) > 0 {}
        try #require(errno == ENOSPC)
    }

    /// Removes the file of ``fill()``.
    func free() {
        unlink("\(path)/filler")
    }
}
