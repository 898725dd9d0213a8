import FoundationEssentials
import Glibc
import Logging
import StellarRPC
import StellarRuntime
import StellarTestKit
import Testing

/// Pulls from Debian's docker-registry into a real containerd, with ctr as the judge.
@Suite(.requires(.root, .containerd, .registry, .busybox), .serialized, .timeLimit(.minutes(10)))
struct PullTests {
    /// What a test has at hand.
    struct Setting {
        let containerd: TestContainerd
        let registry: TestRegistry
        let runtime: ContainerRuntime
        /// For images and files.
        let directory: String

        /// Nothing is left of pulls that are over: no lease, no half-written content, no half-made snapshot.
        func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async throws {
            let leases = try await containerd.ctr("leases", "ls", "-q")
            #expect(leases.isEmpty, "leases: \(leases)", sourceLocation: sourceLocation)
            let active = try await containerd.ctr("content", "active").split(separator: "\n").dropFirst()
            #expect(active.isEmpty, "ingests: \(active)", sourceLocation: sourceLocation)
            let snapshots = try await containerd.ctr("snapshots", "ls")
            #expect(!snapshots.contains("extract-"), "\(snapshots)", sourceLocation: sourceLocation)
        }
    }

    private func with(
        authentication: TestRegistry.Authentication = .none,
        tls: Bool = false,
        _ body: (Setting) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { directory in
            try await TestRegistry.with(authentication: authentication, tls: tls) { registry in
                try await TestContainerd.with { containerd in
                    let runtime = ContainerRuntime(
                        address: containerd.address,
                        namespace: containerd.namespace,
                        logger: Logger(label: "test")
                    )
                    let setting = Setting(
                        containerd: containerd,
                        registry: registry,
                        runtime: runtime,
                        directory: directory
                    )
                    do {
                        try await body(setting)
                    } catch {
                        await runtime.close()
                        throw error
                    }
                    await runtime.close()
                }
            }
        }
    }

    @Test(arguments: ImageBuilder.Compression.allCases)
    func whatIsPulledSuitsCtr(_ compression: ImageBuilder.Compression) async throws {
        try await with { setting in
            var builder = try await ImageBuilder.busybox(
                command: ["/bin/cat", "/etc/motd"],
                further: [[.init("etc/motd", .text("below\n"))], [.init("etc/motd", .text("hello from above\n"))]]
            )
            builder.compression = compression
            builder.format = compression == .zstd ? .oci : .docker
            builder.platforms = [ImageBuilder.platform, "linux/s390x"]
            let built = try await builder.build(in: setting.directory)
            let name = try await built.push(to: setting.registry, "team/hello")
            let seen = Recorded<[PullProgress]>([])
            let image = try await setting.runtime.pull(name) { progress in seen.update { $0.append(progress) } }
            #expect(image.name == name)
            #expect(image.digest == built.target.digest)
            #expect(image.size > 500_000)

            let (containerd, progress) = (setting.containerd, seen.value)
            #expect(try await containerd.ctr("images", "ls", "-q").contains(name))
            let check = try await containerd.ctr("images", "check", "name==\(name)")
            #expect(check.contains("complete (") && check.hasSuffix("true\n"), "\(check)")
            let run = try await containerd.ctr("run", "--rm", name, "hello-\(containerd.namespace)")
            #expect(run == "hello from above\n")
            for digest in built.layers {
                let states = progress.filter { $0.digest == digest }.map(\.state)
                #expect(states.first == .waiting && states.last == .done, "\(states)")
                #expect(states.contains(.downloaded) && states.contains(.unpacking))
                #expect(
                    progress.filter { $0.digest == digest && $0.state == .downloaded }.allSatisfy {
                        $0.offset == $0.total
                    }
                )
            }
            #expect(progress.first?.state == .resolving && progress.last?.state == .done)
            try await setting.expectNothingLeft()
            // The labels are those that containerd's own client writes for the same image.
            func described(_ lines: String) -> [Set<Substring>] {
                lines.split(separator: "\n").map { Set($0.split(separator: "\t").last?.split(separator: ",") ?? []) }
            }
            let ours = described(try await containerd.ctr("content", "ls"))
            _ = try await ChildProcess.check(
                "ctr",
                ["-a", containerd.address, "-n", "peer", "images", "pull", "--plain-http", name]
            )
            let theirs = described(
                try await ChildProcess.check("ctr", ["-a", containerd.address, "-n", "peer", "content", "ls"])
            )
            #expect(ours == theirs)
            for command in [["images", "rm", "--sync", name]] {
                _ = try await ChildProcess.check("ctr", ["-a", containerd.address, "-n", "peer"] + command)
            }

            let again = Recorded<[PullProgress]>([])
            #expect(try await setting.runtime.pull(name) { progress in again.update { $0.append(progress) } } == image)
            #expect(!again.value.contains { $0.state == .downloading || $0.state == .unpacking })
            #expect(try await setting.runtime.hasImage(name) == image)
            #expect(try await setting.runtime.images() == [image])
            let configuration = try await setting.runtime.imageConfiguration(name)
            #expect(configuration.command == ["/bin/cat", "/etc/motd"])
            #expect(configuration.diffIDs.map(\.description) == built.diffIDs)

            try await setting.runtime.deleteImage(name)
            #expect(try await setting.runtime.images().isEmpty)
            #expect(try await setting.runtime.hasImage(name) == nil)
            #expect(try await containerd.ctr("content", "ls", "-q").isEmpty)
            #expect(try await containerd.ctr("snapshots", "ls").split(separator: "\n").count == 1)
            let error = await #expect(throws: RPCError.self) { try await setting.runtime.deleteImage(name) }
            #expect(error?.code == .notFound && error?.message.contains(name) == true)
        }
    }

    @Test func pullsAtOnceShareTheirLayers() async throws {
        try await with { setting in
            let shared: [ImageBuilder.Entry] = [.init("shared", .random(8 << 20))]
            var names: [String] = []
            for number in 0..<4 {
                var builder = ImageBuilder(layers: [shared, [.init("own", .text("\(number)"))]])
                builder.command = ["/own"]
                // The shared layer is random but the same: built once, used by all.
                let directory = "\(setting.directory)/\(number)"
                if number == 0 {
                    names.append(try await builder.build(in: directory).push(to: setting.registry, "shared/app0"))
                } else {
                    names.append(names[0])
                }
            }
            let runtime = setting.runtime
            let written = Recorded(0)
            try await withThrowingTaskGroup { group in
                for name in names {
                    group.addTask {
                        try await runtime.pull(name) { progress in
                            if progress.state == .downloaded, progress.kind == .layer { written.update { $0 += 1 } }
                        }
                    }
                }
                for try await image in group { #expect(image.name == names[0]) }
            }
            #expect(written.value == 2, "each layer is fetched once, whoever comes first")
            let check = try await setting.containerd.ctr("images", "check", "name==\(names[0])")
            #expect(check.contains("complete (3/3)"), "\(check)")
            try await setting.expectNothingLeft()
        }
    }

    @Test func cancelledPullLeavesNothingAndTheNextOneWorks() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: (0..<4).map { [.init("file\($0)", .random(12 << 20))] })
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "big")
            for state in [PullProgress.State.downloading, .unpacking, .resolved] {
                let runtime = setting.runtime
                // Cancelled by the pull's own report, so that it cannot be over before.
                let (start, ready) = AsyncStream.makeStream(of: Void.self)
                let task = Recorded<Task<Void, any Error>?>(nil)
                let pull = Task {
                    for await _ in start {}
                    _ = try await runtime.pull(name) { progress in
                        if progress.state == state { task.value?.cancel() }
                    }
                }
                task.update { $0 = pull }
                ready.finish()
                let result = await pull.result
                #expect(throws: RPCError.self) { try result.get() }
                try await setting.expectNothingLeft()
                #expect(try await setting.runtime.images().isEmpty)
            }
            try await setting.runtime.pull(name)
            let check = try await setting.containerd.ctr("images", "check", "name==\(name)")
            #expect(check.contains("complete (5/5)"), "\(check)")
        }
    }

    @Test func containerdKilledInTheMiddleIsPulledAgain() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: (0..<3).map { [.init("file\($0)", .random(16 << 20))] })
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "big")
            let runtime = setting.runtime
            let pid = await setting.containerd.pid
            let error = await #expect(throws: RPCError.self) {
                // Killed by the pull's own report, so that the pull cannot be over before.
                try await runtime.pull(name) { progress in if progress.state == .unpacking { kill(pid, SIGKILL) } }
            }
            await setting.containerd.stop(crash: true)
            #expect(error?.code == .unavailable, "\(String(describing: error))")
            try await setting.containerd.start()
            // What a crash leaves is found and removed by its label; a lease of somebody else stays.
            try await setting.containerd.ctr("leases", "create", "--id", "theirs")
            _ = try await eventually("containerd answers again") { try? await runtime.version() }
            #expect(try await setting.runtime.removeAbandonedLeases().count == 1)
            #expect(try await setting.containerd.ctr("leases", "ls", "-q") == "theirs\n")
            try await setting.containerd.ctr("leases", "rm", "theirs")
            try await setting.runtime.pull(name)
            #expect(try await setting.containerd.ctr("images", "check", "name==\(name)").contains("complete (4/4)"))
            try await setting.expectNothingLeft()
        }
    }

    @Test func halfWrittenContentIsTakenUp() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: [[.init("file", .random(3 << 20))]])
            builder.command = ["/x"]
            builder.compression = .none
            let built = try await builder.build(in: setting.directory)
            let name = try await built.push(to: setting.registry, "half")
            // ctr writes the first megabyte under the name that a pull uses, and stops.
            let layer = built.layout.path(of: built.layers[0])
            let size = try #require(FileManager.default.attributesOfItem(atPath: layer)[.size] as? Int)
            let command =
                "head -c 1048576 '\(layer)' | ctr -a '\(setting.containerd.address)' "
                + "-n '\(setting.containerd.namespace)' content ingest --expected-size \(size) "
                + "--expected-digest \(built.layers[0]) 'layer-\(built.layers[0])'"
            #expect(try await ChildProcess.run("sh", ["-c", command]).status != 0)
            #expect(try await setting.containerd.ctr("content", "active").contains("layer-"))
            let offsets = Recorded<[Int64]>([])
            try await setting.runtime.pull(name) { progress in
                if progress.state == .downloading { offsets.update { $0.append(progress.offset) } }
            }
            #expect(offsets.value.first == 1 << 20)
            try await setting.expectNothingLeft()
        }
    }

    @Test func credentialsAndCertificatesAreUsed() async throws {
        try await with(authentication: .basic, tls: true) { setting in
            var builder = ImageBuilder(layers: [[.init("file", .text("x"))]])
            builder.command = ["/x"]
            let registry = setting.registry
            let name = try await builder.build(in: "\(setting.directory)/image").push(to: registry, "secret/app")
            let certificates = "\(setting.directory)/certs.d/\(registry.host)"
            try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
            var options = PullOptions()
            options.registry.hostsDirectories = ["\(setting.directory)/certs.d"]
            options.registry.dockerConfigs = ["\(setting.directory)/config.json"]
            func refused(_ code: RPCCode, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
                let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) {
                    try await setting.runtime.pull(name, options: options)
                }
                #expect(error?.code == code, "\(String(describing: error))", sourceLocation: sourceLocation)
                #expect(
                    error?.message.contains(text) == true,
                    "\(String(describing: error))",
                    sourceLocation: sourceLocation
                )
            }
            let hosts = "\(certificates)/hosts.toml"
            try TemporaryDirectory.write("server = \"\(registry.url)\"\n".utf8, to: hosts)
            await refused(.unavailable, "is not trusted")
            let authority = try #require(registry.authority)
            try TemporaryDirectory.write("server = \"\(registry.url)\"\nca = \"\(authority)\"\n".utf8, to: hosts)
            await refused(
                .unauthenticated,
                "no credentials for \(registry.host) (looked in \(setting.directory)/config.json)"
            )
            try TemporaryDirectory.write(
                registry.dockerConfig(password: "wrong").utf8,
                to: "\(setting.directory)/config.json"
            )
            await refused(.unauthenticated, "does not accept the credentials of \(setting.directory)/config.json")
            try TemporaryDirectory.write("{\"credsStore\":\"pass\"}".utf8, to: "\(setting.directory)/config.json")
            await refused(.unauthenticated, "'docker-credential-pass', which is not supported")
            try TemporaryDirectory.write("{".utf8, to: "\(setting.directory)/config.json")
            await refused(.invalidArgument, "\(setting.directory)/config.json: ")
            try TemporaryDirectory.write(registry.dockerConfig().utf8, to: "\(setting.directory)/config.json")
            try await setting.runtime.pull(name, options: options)
            try await setting.expectNothingLeft()
        }
    }

    @Test func whatCannotBePulledSaysWhy() async throws {
        try await with { setting in
            let (runtime, registry) = (setting.runtime, setting.registry)
            var builder = ImageBuilder(layers: [[.init("file", .random(100_000))]])
            builder.platforms = ["linux/s390x", "linux/arm/v5"]
            let foreign = try await builder.build(in: "\(setting.directory)/a").push(to: registry, "foreign")
            builder.platforms = nil
            let built = try await builder.build(in: "\(setting.directory)/b")
            let damaged = try await built.push(to: registry, "damaged")
            // The registry's own copy of the layer changes under its name.
            let hex = built.layers[0].dropFirst("sha256:".count)
            let blob = "\(registry.storage)/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
            var bytes = try Data(contentsOf: URL(filePath: blob))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: blob))
            let free = try LoopbackPort.free()
            let cases: [(String, RPCCode, [String])] = [
                ("\(registry.host)/none:latest", .notFound, ["\(registry.host)/none:latest", "not found in registry"]),
                (foreign, .notFound, ["it is there for linux/s390x, linux/arm/v5"]),
                (damaged, .dataLoss, [built.layers[0], "corrupt", "expected", "got"]),
                ("127.0.0.1:\(free)/x", .unavailable, ["127.0.0.1:\(free)", "cannot be reached"]),
                ("UPPER//x", .invalidArgument, ["UPPER//x"]),
            ]
            var retry = RetryPolicy()
            retry.base = .milliseconds(1)
            for (name, code, texts) in cases {
                let error = await #expect(throws: RPCError.self) {
                    try await runtime.pull(
                        name,
                        options: PullOptions(),
                        timeouts: HTTPTimeouts(),
                        retry: retry,
                        progress: { _ in }
                    )
                }
                #expect(error?.code == code, "\(String(describing: error))")
                for text in texts { #expect(error?.message.contains(text) == true, "\(String(describing: error))") }
            }
            let error = await #expect(throws: RPCError.self) {
                try await runtime.pull(damaged, options: PullOptions(snapshotter: "none"))
            }
            #expect(error?.message.contains("no snapshotter \"none\"") == true, "\(String(describing: error))")
            #expect(try await runtime.images().isEmpty)
            try await setting.expectNothingLeft()
            #expect(try await setting.containerd.ctr("content", "ls", "-q").isEmpty)
        }
    }

    @Test func imagesOfCtrAreUsedAndUnpackedForAnotherSnapshotter() async throws {
        try await with { setting in
            var builder = try await ImageBuilder.busybox()
            builder.labels = ["from": "archive"]
            let built = try await builder.build(in: setting.directory)
            // The archive's index, which names the image without its platform, becomes what the name stands for.
            try await built.writeArchive("\(setting.directory)/image.tar")
            try await setting.containerd.ctr(
                "images",
                "import",
                "--no-unpack",
                "--index-name",
                "imported.example/app:1",
                "\(setting.directory)/image.tar"
            )
            let runtime = setting.runtime
            let names = try await runtime.images().map(\.name)
            let name = try #require(names.first { $0.hasPrefix("imported.example/app") }, "\(names)")
            let image = try #require(try await runtime.hasImage(name, snapshotter: "native"))
            #expect(image.mediaType == MediaType.ociIndex && image.size > 500_000)
            #expect(try await setting.containerd.ctr("snapshots", "--snapshotter", "native", "ls").contains("sha256:"))
            #expect(!(try await setting.containerd.ctr("snapshots", "ls").contains("sha256:")))
            #expect(try await runtime.hasImage(name) != nil)
            #expect(try await setting.containerd.ctr("snapshots", "ls").contains("sha256:"))
            #expect(try await runtime.imageConfiguration(name).labels == ["from": "archive"])
            try await setting.expectNothingLeft()
        }
    }
}
