import Glibc
import StellarTestKit
import Testing

@testable import StellarSystem

struct FileReplacementTests {
    private static func content(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    @Test(arguments: [true, false])
    func theNewFileIsWholeAndHasItsMode(isDurable: Bool) async throws {
        try await TemporaryDirectory.with { directory in
            let path = "\(directory)/file"
            // What a crash left, with a mode that would show a secret.
            close(open("\(path).new", O_WRONLY | O_CREAT, 0o666))
            for bytes in [[1, 2, 3], [], [UInt8](repeating: 7, count: 300_000)] as [[UInt8]] {
                try FileReplacement.replace(path, with: bytes, mode: 0o600, isDurable: isDurable)
                let isWhole = Self.content(path) == bytes
                #expect(isWhole, "\(bytes.count) bytes")
                var information = stat()
                #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
            }
            #expect(access("\(path).new", F_OK) != 0)
        }
    }

    @Test func failureNamesTheOperationAndKeepsTheOldFile() async throws {
        try await TemporaryDirectory.with { directory in
            let missing = "\(directory)/nowhere/file"
            let create = #expect(throws: FileReplacement.Failure.self) {
                try FileReplacement.replace(missing, with: [1], mode: 0o600)
            }
            #expect(create == FileReplacement.Failure(operation: "create", path: "\(missing).new", code: ENOENT))
            // A folder is not replaced by a file.
            let folder = "\(directory)/folder"
            #expect(mkdir(folder, 0o700) == 0)
            let replace = #expect(throws: FileReplacement.Failure.self) {
                try FileReplacement.replace(folder, with: [1], mode: 0o600)
            }
            #expect(replace == FileReplacement.Failure(operation: "replace", path: folder, code: EISDIR))
            #expect(access("\(folder).new", F_OK) != 0, "nothing is left beside it")
        }
    }
}
