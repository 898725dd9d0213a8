import Glibc
import StellarTestKit
import Testing

/// The daemon's database: on a full disk, damaged, or of a later version.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .timeLimit(.minutes(30)))
struct DataDirectoryTests {
    @Test func aFullDiskIsReportedAndNothingIsLost() async throws {
        try await StellarHost.with(start: false) { host in
            try await MemoryDisk.with(at: "\(host.directory)/disk", kibibytes: 4096) { disk in
                let image = try await host.push("busybox", .busybox())
                host.flags = ["--data-dir", disk.path]
                try await host.start()
                let kept = try host.file("kept.json", shellApp("kept", image, "sleep 1000"))
                let next = try host.file("next.json", shellApp("next", image, "sleep 1000"))
                try await host.sctl("apps", "create", "-f", kept)
                let pid = try await host.pid("kept.main.0")

                try disk.fill()
                let create = try await host.run("apps", "create", "-f", next)
                #expect(create.status != 0)
                #expect(create.errors.lowercased().contains("no space left on"), "\(create.errors)")
                #expect(create.errors.contains(disk.path), "\(create.errors)")
                // Reads work, and containers keep running.
                #expect(try await host.sctl("apps", "list").contains("kept"))
                #expect(try await host.pid("kept.main.0") == pid && !pid.isEmpty)

                // A restart on the full disk loses nothing that was accepted before.
                await host.stop()
                // Also the space that the daemon freed when it stopped.
                try disk.fill()
                let refusal = try await host.refusal(host.flags)
                #expect(refusal.status == 1)
                #expect(refusal.message.lowercased().contains("no space left on"), "\(refusal.message)")
                disk.free()
                try await host.start()
                try await eventually("the app is known") {
                    try await host.runs("kept") ? true : nil
                }
                #expect(try await host.pid("kept.main.0") == pid)
                try await host.sctl("apps", "create", "-f", next)
                try await host.sctl("apps", "delete", "next")
                try await host.sctl("apps", "delete", "kept")
                #expect(await host.stop() == 0)
            }
        }
    }

    @Test func aDamagedFileIsNamedAndNotChanged() async throws {
        try await StellarHost.with { host in
            let image = try await host.push("busybox", .busybox())
            try await host.sctl("apps", "create", "-f", host.file("a.json", shellApp("back", image, "sleep 1000")))
            let pid = try await host.pid("back.main.0")
            await host.stop()
            let path = "\(host.dataDirectory)/stellar.db"
            let sound = try StellarHost.bytes(of: path)

            // The header, and a page in the middle.
            for range in [0..<100, 4096..<4196] {
                var damaged = sound
                for index in range { damaged[index] = 0xA5 }
                try TemporaryDirectory.write(damaged, to: path)
                let refusal = try await host.refusal([])
                #expect(refusal.status == 1)
                #expect(
                    refusal.message.contains("stellar: ") && refusal.message.contains("\(path) is damaged"),
                    "\(refusal.message)"
                )
                #expect(refusal.message.contains("restore"), "\(refusal.message)")
                #expect(try StellarHost.bytes(of: path) == damaged)
            }
            // A restored copy works.
            try TemporaryDirectory.write(sound, to: path)
            try await host.start()
            try await eventually("the app is known") {
                try await host.runs("back") ? true : nil
            }
            #expect(try await host.pid("back.main.0") == pid && !pid.isEmpty)
            try await host.sctl("apps", "delete", "back")
        }
    }

    @Test func aFileOfALaterVersionIsRefused() async throws {
        try await StellarHost.with { host in
            // A daemon that is only just ready stops in order, too: no log is left beside the file.
            try #require(await host.stop() == 0)
            let path = "\(host.dataDirectory)/stellar.db"
            var bytes = try StellarHost.bytes(of: path)
            // PRAGMA user_version: four bytes at 60, the first the highest (sqlite.org/fileformat2.html, 1.3).
            bytes[63] = 99
            try TemporaryDirectory.write(bytes, to: path)
            let refusal = try await host.refusal([])
            #expect(refusal.status == 1)
            #expect(refusal.message.contains(path) && refusal.message.contains("format 99"), "\(refusal.message)")
            #expect(try StellarHost.bytes(of: path) == bytes)
        }
    }
}
