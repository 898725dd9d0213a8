import Glibc
import StellarSystem
import Testing

@testable import StellarTestKit

@Suite(.requires(.root, .netns))
struct LeavingsTests {
    /// The table of mounts of a machine where many tests run is far longer than what one read gives of it.
    @Test func allOfManyMountsAreTakenAway() async throws {
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
