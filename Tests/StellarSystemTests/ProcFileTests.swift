import Glibc
import StellarTestKit
import Testing

@testable import StellarSystem

struct ProcFileTests {
    @Test func fileOfUnknownSizeIsReadToItsEnd() throws {
        // Longer than a page, which is all that one read gives; this process's stack is among the last lines.
        let maps = try #require(ProcFile.read("/proc/self/maps"))
        #expect(maps.utf8.count > 4096)
        #expect(maps.contains("[stack]") && maps.hasSuffix("\n"))
    }

    @Test func missingAndLongFilesAreNil() async throws {
        #expect(ProcFile.read("/proc/self/none") == nil && errno == ENOENT)
        #expect(ProcFile.read("/proc/self") == nil && errno == EISDIR)
        try await TemporaryDirectory.with { directory in
            let path = "\(directory)/file"
            try TemporaryDirectory.write([UInt8](repeating: 7, count: 100_000), to: path)
            #expect(ProcFile.bytes(path, limit: 99_999) == nil && errno == EFBIG)
            #expect(ProcFile.bytes(path, limit: 100_000)?.count == 100_000)
        }
        #expect(ProcFile.read("/dev/zero", limit: 1 << 20) == nil && errno == EFBIG)
    }

    @Test func argumentsOfProcesses() async throws {
        #expect(ProcFile.commandLine(of: getpid()) == CommandLine.arguments)
        #expect(ProcFile.commandLine(of: .max) == nil)
    }
}
