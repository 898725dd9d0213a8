import FoundationEssentials
import Glibc
import StellarCore
import StellarRuntime
import StellarTestKit
import Testing

/// The environment of a process in its container, on a real containerd and runc.
@Suite(.requires(.root, .containerd, .busybox), .serialized, .timeLimit(.minutes(10)))
struct ContainerInsideTests {
    @Test func usersAreLookedUpInTheImage() async throws {
        try await Workshop.with { shop in
            let script = "id -u; id -g; id -G | tr ' ' '\\n' | sort -n | xargs"
            let byName = try await shop.run("u.a.0", script) { $0.process.user = "app" }
            #expect(byName.output == "1000\n1000\n1000 2000\n")
            let both = try await shop.run("u.b.0", script) { $0.process.user = "app:extra" }
            #expect(both.output == "1000\n2000\n2000\n")
            let numbers = try await shop.run("u.c.0", script) {
                $0.process.uid = 5
                $0.process.gid = 6
            }
            #expect(numbers.output == "5\n6\n6\n")
            let standard = try await shop.run("u.d.0", "id -u; id -g")
            #expect(standard.output == "0\n0\n")
        }
    }

    @Test func serviceOverridesArgumentsEnvironmentAndFolder() async throws {
        try await Workshop.with {
            $0.entrypoint = ["/bin/echo", "entry"]
            $0.command = ["point"]
            $0.environment += ["A=image", "B=image"]
            $0.workingDirectory = "/var"
        } _: { shop in
            let own = try await shop.run("a.a.0", "") { $0.process.args = [] }
            #expect(own.output == "entry point\n")
            let other = try await shop.run("a.b.0", "echo $A $B $C; pwd; hostname") {
                $0.process.env = ["B=service", "C=c=c"]
            }
            #expect(other.output == "image service c=c\n/var\na.b.0\n")
            let folder = try await shop.run("a.c.0", "pwd") { $0.process.workdir = "/home/app" }
            #expect(folder.output == "/home/app\n")
        }
    }

    @Test func mountsExistAndReadOnlyHolds() async throws {
        try await Workshop.with { shop in
            let source = "\(shop.folder)/data/deep"
            let files = "\(shop.folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try TemporaryDirectory.write("127.0.0.1 localhost me\n".utf8, to: "\(files)/hosts")
            try TemporaryDirectory.write("nameserver 10.9.8.7\n".utf8, to: "\(files)/resolv.conf")
            for name in ["hosts", "resolv.conf"] { try #require(chmod("\(files)/\(name)", 0o644) == 0) }
            var specification = shop.specification(
                "m.a.0",
                """
                exec 2>&1
                cat /etc/hosts /etc/resolv.conf
                (echo x >> /etc/hosts) 2>/dev/null || echo hosts-fixed
                echo kept > /data/file || echo no-data
                touch /new 2>/dev/null || echo root-fixed
                touch /scratch/x && stat -f -c %T /scratch
                """
            ) {
                $0.readOnly = true
                $0.process.uid = 1000
                $0.process.gid = 1000
                $0.mounts = [
                    Mount(type: "bind", source: source, destination: "/data", options: ["rbind", "rw"]),
                    Mount(type: "tmpfs", source: "tmpfs", destination: "/scratch", options: ["size=1m", "mode=1777"]),
                ]
            }
            specification.hosts = "\(files)/hosts"
            specification.resolvConf = "\(files)/resolv.conf"
            try await shop.runtime.create(specification)
            var status = stat()
            #expect(stat(source, &status) == 0)
            #expect(status.st_uid == 1000 && status.st_gid == 1000 && status.st_mode & 0o7777 == 0o755)
            try await shop.runtime.start("m.a.0", log: shop.log("m.a.0"))
            _ = try await shop.runtime.wait("m.a.0", timeout: .seconds(300))
            try await shop.runtime.delete("m.a.0")
            let output = shop.output("m.a.0")
            #expect(output.hasPrefix("127.0.0.1 localhost me\nnameserver 10.9.8.7\n"))
            #expect(output.contains("hosts-fixed") && output.contains("root-fixed"), "\(output)")
            #expect(!output.contains("no-data"))
            #expect(output.hasSuffix("tmpfs\n"))
            #expect(FileManager.default.contents(atPath: "\(source)/file") == Data("kept\n".utf8))
        }
    }

    @Test func limitsAreSetInTheCgroup() async throws {
        try await Workshop.with { shop in
            try await shop.runtime.create(
                shop.specification("r.a.0", "echo up; sleep 1000") {
                    $0.resources = Resources(cpuMillis: 500, memory: 64 << 20, pids: 20)
                }
            )
            try await shop.runtime.start("r.a.0", log: shop.log("r.a.0"))
            let group = "\(shop.containerd.namespace)/r.a.0"
            func read(_ v1: String, _ v2: String) -> String? {
                for path in ["/sys/fs/cgroup/\(v1)", "/sys/fs/cgroup/\(v2)"] {
                    if let bytes = FileManager.default.contents(atPath: path) {
                        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
                    }
                }
                return nil
            }
            #expect(read("memory/\(group)/memory.limit_in_bytes", "\(group)/memory.max") == "67108864")
            #expect(read("pids/\(group)/pids.max", "\(group)/pids.max") == "20")
            let quota = read("cpu/\(group)/cpu.cfs_quota_us", "\(group)/cpu.max")
            #expect(quota == "50000" || quota == "50000 100000")
            try await shop.runtime.delete("r.a.0")
            #expect(read("memory/\(group)/memory.limit_in_bytes", "\(group)/memory.max") == nil)
        }
    }

    @Test func memoryBeyondTheLimitIsReported() async throws {
        try await Workshop.with { shop in
            let events = shop.runtime.events().makeAsyncIterator()
            #expect(await events.next()?.kind == .resynchronize)
            let result = try await shop.run("oom.a.0", "head -c 200000000 /dev/zero | tail -n 1 > /dev/null; exit $?") {
                $0.resources = Resources(memory: 32 << 20)
            }
            #expect(result.code != 0)
            var sawOutOfMemory = false
            while let event = await events.next(), event.kind != .containerDeleted {
                sawOutOfMemory = sawOutOfMemory || (event.kind == .outOfMemory && event.id == "oom.a.0")
            }
            #expect(sawOutOfMemory)
        }
    }

    /// The kernel's own count, which exists until the task is deleted.
    @Test func outOfMemoryKillsAreCounted() async throws {
        try await Workshop.with { shop in
            // The kernel kills the hungry process or the shell that waits for it.
            let hungry = "head -c 200000000 /dev/zero | tail -n 1 > /dev/null; exit 9"
            for (id, script) in [("oom.a.0", hungry), ("oom.b.0", "exec sleep 1000")] {
                try await shop.runtime.create(
                    shop.specification(id, script) { $0.resources = Resources(memory: 32 << 20) }
                )
                try await shop.runtime.start(id, log: shop.log(id))
            }
            try await shop.runtime.kill("oom.b.0", signal: SIGKILL)
            #expect(try await shop.runtime.wait("oom.a.0", timeout: .seconds(60))?.code != 0)
            #expect(try await shop.runtime.wait("oom.b.0", timeout: .seconds(60))?.code == 137)
            func kills(_ id: String) -> Int? {
                ContainerCgroup(namespace: shop.containerd.namespace, id: id).outOfMemoryKills()
            }
            #expect(try #require(kills("oom.a.0")) > 0)
            #expect(kills("oom.b.0") == 0)
            for id in ["oom.a.0", "oom.b.0"] {
                try await shop.runtime.delete(id)
                #expect(kills(id) == nil)
            }
        }
    }

    @Test func capabilitiesAndPrivilegesAreAsSpecified() async throws {
        try await Workshop.with { shop in
            let script = "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status | tr -s '\\t ' ' '"
            let standard = try await shop.run("c.a.0", script)
            #expect(standard.output == "CapBnd: 00000000a80425fb\nNoNewPrivs: 1\nSeccomp: 2\n")
            let changed = try await shop.run("c.b.0", script) {
                $0.capabilities = Capabilities(add: ["CAP_NET_ADMIN"], drop: ["ALL"])
            }
            #expect(changed.output.hasPrefix("CapBnd: 0000000000001000\n"))
            let privileged = try await shop.run(
                "c.c.0",
                script + "; ls /dev | grep -c .; mkdir /m && mount -t tmpfs none /m && echo mounted"
            ) {
                $0.privileged = true
            }
            #expect(privileged.output.contains("NoNewPrivs: 0\nSeccomp: 0\n"))
            #expect(privileged.output.hasSuffix("mounted\n"), "\(privileged.output)")
        }
    }

    @Test func theFilterRefusesCallsThatReachOut() async throws {
        try await Workshop.with { shop in
            let script = """
                mkdir /m
                mount -t tmpfs none /m 2>/dev/null || echo mount
                unshare -n true 2>/dev/null || echo unshare
                unshare -U true 2>/dev/null || echo user-namespace
                nsenter -t 1 -n true 2>/dev/null || echo nsenter
                swapon /m 2>/dev/null || echo swapon
                date -s 2020-01-01 2>&1 | grep -q set && echo date
                chroot / /bin/true && echo chroot-allowed
                """
            let refused = try await shop.run("s.a.0", script) {
                // A user namespace needs no capability: only the filter refuses it.
                $0.capabilities = Capabilities(add: ["CAP_NET_ADMIN"])
            }
            #expect(refused.output == "mount\nunshare\nuser-namespace\nnsenter\nswapon\ndate\nchroot-allowed\n")
        }
    }

    /// A program with threads, files and sockets, and the README's example: the filter must allow all its calls.
    @Test(.requires(.redis)) func redisRunsUnderTheFilter() async throws {
        let paths: [String] = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
        let found = try #require(paths.first { access($0, X_OK) == 0 })
        let program = try await real(found)
        let libraries = try await ChildProcess.check("ldd", [program]).split(whereSeparator: \.isWhitespace)
            .filter { $0.hasPrefix("/") }.map(String.init)
        var files: [ImageBuilder.Entry] = []
        for library in libraries {
            files.append(ImageBuilder.Entry(String(library.dropFirst()), .copy(try await real(library))))
        }
        let copies = files
        try await Workshop.with { builder in
            builder.layers.append(
                [
                    ImageBuilder.Entry("bin/redis-server", .copy(program)),
                    ImageBuilder.Entry("data", .directory, owner: 1000),
                ] + copies
            )
        } _: { shop in
            let script = """
                redis-server --port 6379 --dir /data --appendonly yes > /data/log 2>&1 &
                until printf 'PING\\r\\n' | nc 127.0.0.1 6379 2>/dev/null | grep -q PONG; do
                    kill -0 $! || exit 1
                    sleep 0.05
                done
                printf 'SET a b\\r\\nBGSAVE\\r\\nGET a\\r\\nSHUTDOWN\\r\\n' | nc 127.0.0.1 6379
                wait $!
                cat /data/log >&2
                """
            let result = try await shop.run("redis.a.0", script) {
                $0.process.user = "app"
                $0.readOnly = true
                $0.mounts = [
                    Mount(type: "tmpfs", source: "tmpfs", destination: "/data", options: ["uid=1000", "gid=1000"])
                ]
            }
            #expect(result.output.contains("DB saved on disk"), "\(result)")
            #expect(result.output.contains("Ready to accept connections"), "\(result)")
            #expect(result.output.contains("bye bye"), "\(result)")
        }
    }

    /// The target of a link.
    private func real(_ path: String) async throws -> String {
        try await ChildProcess.check("readlink", ["-f", path]).split(separator: "\n").joined()
    }
}
