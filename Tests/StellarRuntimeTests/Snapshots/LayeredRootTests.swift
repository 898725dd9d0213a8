import CStellarLinux
import FoundationEssentials
import Glibc
import StellarRPC
import StellarTestKit
import Testing

@testable import StellarRuntime

struct LayeredRootTests {
    /// An upper and a lower layer, and a folder outside of both.
    private func with(_ body: (LayeredRoot, String) async throws -> Void) async throws {
        try await TemporaryDirectory.with { folder in
            for path in ["upper/etc", "lower/etc", "lower/usr/share", "outside"] {
                try FileManager.default.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
            }
            try TemporaryDirectory.write("secret".utf8, to: "\(folder)/outside/passwd")
            try await body(LayeredRoot(layers: ["\(folder)/upper", "\(folder)/lower"]), folder)
        }
    }

    private func write(_ text: String, _ path: String) throws { try TemporaryDirectory.write(text.utf8, to: path) }

    private func read(_ root: LayeredRoot, _ path: String) throws -> String? {
        try root.contents(path).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func upperLayersHideLowerOnes() async throws {
        try await with { root, folder in
            #expect(try root.contents("/etc/passwd") == nil)
            try write("lower", "\(folder)/lower/etc/passwd")
            #expect(try read(root, "/etc/passwd") == "lower")
            try write("upper", "\(folder)/upper/etc/passwd")
            #expect(try read(root, "/etc/passwd") == "upper")
            #expect(try root.contents("/etc") == nil)
            #expect(try root.contents("/etc/passwd/x") == nil)
        }
    }

    @Test func linksStayInsideTheRoot() async throws {
        try await with { root, folder in
            try write("inside", "\(folder)/lower/usr/share/passwd")
            symlink("\(folder)/outside/passwd", "\(folder)/upper/etc/absolute")
            symlink("../../outside/passwd", "\(folder)/upper/etc/relative")
            symlink("../../../../usr/share/passwd", "\(folder)/upper/etc/above")
            symlink("/usr/share", "\(folder)/upper/etc/folder")
            symlink("loop", "\(folder)/upper/etc/loop")
            #expect(try read(root, "/etc/absolute") == nil)
            #expect(try read(root, "/etc/relative") == nil)
            #expect(try read(root, "/etc/above") == "inside")
            #expect(try read(root, "/etc/folder/passwd") == "inside")
            #expect(try read(root, "/etc/./folder/../share/passwd") == "inside")
            #expect(try read(root, "/etc/loop") == nil)
        }
    }

    @Test(.requires(.root)) func whiteoutsAndOpaqueFoldersHide() async throws {
        try await with { root, folder in
            try write("lower", "\(folder)/lower/etc/passwd")
            try write("lower", "\(folder)/lower/usr/share/group")
            try #require(mknod("\(folder)/upper/etc/passwd", S_IFCHR, 0) == 0)
            #expect(try read(root, "/etc/passwd") == nil)
            try FileManager.default.createDirectory(atPath: "\(folder)/upper/usr", withIntermediateDirectories: true)
            #expect(try read(root, "/usr/share/group") == "lower")
            try #require(lsetxattr("\(folder)/upper/usr", "trusted.overlay.opaque", "y", 1, 0) == 0)
            #expect(try read(root, "/usr/share/group") == nil)
        }
    }

    @Test func onlyRegularFilesWithinTheLimitAreRead() async throws {
        try await with { root, folder in
            mkfifo("\(folder)/upper/etc/pipe", 0o600)
            #expect(try root.contents("/etc/pipe") == nil)
            try write("", "\(folder)/upper/etc/huge")
            truncate("\(folder)/upper/etc/huge", 5 << 20)
            #expect(throws: RPCError.self) { try root.contents("/etc/huge") }
        }
    }

    @Test func layersAreParsedFromMounts() {
        var overlay = ContainerdMount()
        overlay.type = "overlay"
        overlay.options = ["index=off", "workdir=/w", "upperdir=/u", "lowerdir=/l1:/l2"]
        #expect(LayeredRoot(mounts: [overlay])?.layers == ["/u", "/l1", "/l2"])
        overlay.options = ["lowerdir=/l1:/l2"]
        #expect(LayeredRoot(mounts: [overlay])?.layers == ["/l1", "/l2"])
        var bind = ContainerdMount()
        bind.type = "bind"
        bind.source = "/b"
        #expect(LayeredRoot(mounts: [bind])?.layers == ["/b"])
        bind.type = "ext4"
        #expect(LayeredRoot(mounts: [bind]) == nil)
        #expect(LayeredRoot(mounts: []) == nil)
    }
}
