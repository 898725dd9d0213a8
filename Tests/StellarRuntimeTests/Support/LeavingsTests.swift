import Glibc
import StellarSystem
import Testing

@testable import StellarTestKit

@Suite(.requires(.root, .netns))
struct LeavingsTests {
    /// The mount table of a machine that runs many tests is far longer than one read returns.
    @Test func allOfManyMountsAreRemoved() async throws {
        try await TemporaryDirectory.with { directory in
            let script = """
                for i in $(seq 100); do
                    mkdir -p "$0/$i"
                    mount --bind "$0/$i" "$0/$i"
                done
                """
            try await ChildProcess.check("sh", ["-c", script, directory])
            func mounts() throws -> Int {
                try #require(ProcFile.read("/proc/self/mountinfo")).split(separator: "\n").count {
                    $0.contains("\(directory)/")
                }
            }
            #expect(try mounts() == 100)
            Leavings.unmountAll(below: directory)
            #expect(try mounts() == 0)
        }
    }
}
