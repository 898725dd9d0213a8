import FoundationEssentials
import Glibc
import StellarRPC
import StellarTestKit
import Testing

@testable import StellarRuntime

struct LeftBundleTests {
    private func path(_ message: String) -> String? {
        LeftBundle(inError: message, container: "a.b.0", namespace: "default")?.path
    }

    @Test func theBundleIsParsedFromTheError() {
        let v1 = "/run/containerd/io.containerd.runtime.v1.linux/default/a.b.0"
        #expect(path("container \"a.b.0\": mkdir \(v1): file exists: unknown") == v1)
        let v2 = "/run/containerd/io.containerd.runtime.v2.task/default/a.b.0"
        #expect(path("failed to start shim: mkdir \(v2): file exists") == v2)
    }

    /// Only a bundle of this container is removed, whatever the error names.
    @Test(arguments: [
        "mkdir /run/containerd/io.containerd.runtime.v2.task/default/a.b.1: file exists",
        "mkdir /run/containerd/io.containerd.runtime.v2.task/other/a.b.0: file exists",
        "mkdir /home/default/a.b.0: file exists",
        "mkdir /run/../io.containerd.runtime.v2.task/default/a.b.0: file exists",
        "mkdir /run/containerd/io.containerd.runtime.v2.task/default/a.b.0: no space left on device",
        "mkdir io.containerd.runtime.v2.task/default/a.b.0: file exists",
        "file exists",
    ])
    func otherErrorsNameNoBundle(_ message: String) {
        #expect(path(message) == nil)
    }

    private func bundle(in folder: String) throws -> (bundle: LeftBundle, hidden: String) {
        let home = "\(folder)/io.containerd.runtime.v2.task/default"
        for name in ["a.b.0", ".a.b.0", "a.b.1"] {
            try FileManager.default.createDirectory(atPath: "\(home)/\(name)/rootfs", withIntermediateDirectories: true)
            try TemporaryDirectory.write("{}".utf8, to: "\(home)/\(name)/config.json")
        }
        let message = "mkdir \(home)/a.b.0: file exists"
        let bundle = try #require(LeftBundle(inError: message, container: "a.b.0", namespace: "default"))
        return (bundle, "\(home)/.a.b.0")
    }

    @Test func theBundleIsRemovedWithItsHiddenTwin() async throws {
        try await TemporaryDirectory.with { folder in
            let (bundle, hidden) = try bundle(in: folder)
            try bundle.remove()
            #expect(access(bundle.path, F_OK) != 0)
            #expect(access(hidden, F_OK) != 0)
            #expect(access("\(folder)/io.containerd.runtime.v2.task/default/a.b.1/config.json", F_OK) == 0)
            // A second removal has no effect.
            try bundle.remove()
        }
    }

    @Test func aRootThatIsNotEmptyStays() async throws {
        try await TemporaryDirectory.with { folder in
            let (bundle, _) = try bundle(in: folder)
            let file = "\(bundle.path)/rootfs/precious"
            try TemporaryDirectory.write("data".utf8, to: file)
            let error = #expect(throws: RPCError.self) { try bundle.remove() }
            #expect(error?.message.contains("\(bundle.path)/rootfs") == true)
            #expect(access(file, F_OK) == 0)
        }
    }
}
