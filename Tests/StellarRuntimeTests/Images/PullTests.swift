import FoundationEssentials
import Glibc
import Logging
import StellarRPC
import StellarTestKit
import Testing

@testable import StellarRuntime

/// Pulls from Debian's docker-registry into a real containerd, verified with ctr.
@Suite(.requires(.root, .containerd, .registry, .busybox), .serialized, .timeLimit(.minutes(10)))
struct PullTests {
    /// The environment of a test.
    struct Setting {
        let containerd: TestContainerd
        let registry: TestRegistry
        let runtime: ContainerRuntime
        /// For images and files.
        let directory: String

        /// Expects nothing of ended pulls: no lease, no partial content, no unfinished snapshot.
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
    func pulledImagesWorkWithCtr(_ compression: ImageBuilder.Compression) async throws {
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
            // The output goes to a file: ctr loses it if the process ends before ctr has opened the pipe.
            let output = "\(setting.directory)/output"
            let id = "hello-\(containerd.namespace)"
            try await containerd.ctr("run", "--rm", "--log-uri", "file://\(output)", name, id)
            #expect(try String(contentsOfFile: output, encoding: .utf8) == "hello from above\n")
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
            // containerd's own client writes the same labels for the same image.
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

    @Test func concurrentPullsShareTheirLayers() async throws {
        try await with { setting in
            let shared: [ImageBuilder.Entry] = [.init("shared", .random(8 << 20))]
            var names: [String] = []
            for number in 0..<4 {
                var builder = ImageBuilder(layers: [shared, [.init("own", .text("\(number)"))]])
                builder.command = ["/own"]
                // The shared layer is random, but built once for all images.
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
            #expect(written.value == 2, "each layer is fetched once")
            let check = try await setting.containerd.ctr("images", "check", "name==\(names[0])")
            #expect(check.contains("complete (3/3)"), "\(check)")
            try await setting.expectNothingLeft()
        }
    }

    /// Pulls, and runs `act` in the first progress report that `matches`; the pull continues only after `act`.
    private func pull(
        _ name: String,
        with runtime: ContainerRuntime,
        at matches: @escaping @Sendable (PullProgress) -> Bool,
        _ act: @escaping @Sendable (Task<ImageInfo, any Error>) -> Void
    ) async -> Result<ImageInfo, any Error> {
        let (begin, signal) = AsyncStream.makeStream(of: Void.self)
        let pull = Recorded<Task<ImageInfo, any Error>?>(nil)
        let task = Task {
            for await _ in begin { break }
            return try await runtime.pull(name) { progress in
                guard matches(progress) else { return }
                let task = pull.take(nil)
                if let task { act(task) }
            }
        }
        pull.update { $0 = task }
        signal.yield()
        return await task.result
    }

    @Test func cancelledPullLeavesNothingAndTheNextSucceeds() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: (0..<4).map { [.init("file\($0)", .random(6 << 20))] })
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "big")
            let moments: [@Sendable (PullProgress) -> Bool] = [
                { $0.state == .resolved },
                { $0.kind == .manifest },
                { $0.state == .downloading },
                { $0.state == .downloading && $0.offset > $0.total / 2 },
                { $0.state == .downloading && $0.offset == $0.total },
                { $0.state == .downloaded && $0.kind == .layer },
                { $0.state == .unpacking },
                { $0.state == .done && $0.kind == .layer },
            ]
            for moment in moments {
                let result = await pull(name, with: setting.runtime, at: moment) { $0.cancel() }
                #expect(throws: RPCError.self) { try result.get() }
                try await setting.expectNothingLeft()
                #expect(try await setting.runtime.images().isEmpty)
            }
            try await setting.runtime.pull(name)
            let check = try await setting.containerd.ctr("images", "check", "name==\(name)")
            #expect(check.contains("complete (5/5)"), "\(check)")
        }
    }

    @Test func cancelledPullDoesNotDisturbAnother() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: [[.init("file", .random(6 << 20))]])
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "big")
            let runtime = setting.runtime
            let other = Recorded<Task<ImageInfo, any Error>?>(nil)
            // The second pull begins while the first writes, and waits for it; then the first is cancelled.
            let result = await pull(name, with: runtime, at: { $0.state == .downloading }) { first in
                other.update {
                    $0 = Task {
                        try await runtime.pull(name) { progress in
                            if progress.state == .waiting { first.cancel() }
                        }
                    }
                }
            }
            let second = try #require(other.value)
            #expect(try await second.value.name == name)
            // The first may have ended before the second waited; both orders are fine.
            if case .failure(let error) = result { #expect((error as? RPCError)?.code == .cancelled, "\(error)") }
            let check = try await setting.containerd.ctr("images", "check", "name==\(name)")
            #expect(check.contains("complete (2/2)"), "\(check)")
            try await setting.expectNothingLeft()
        }
    }

    @Test func pullSucceedsAfterAContainerdCrash() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: (0..<3).map { [.init("file\($0)", .random(6 << 20))] })
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "big")
            let containerd = await setting.containerd.pid
            let result = await pull(name, with: setting.runtime, at: { $0.state == .unpacking }) { _ in
                kill(containerd, SIGKILL)
            }
            await setting.containerd.stop(crash: true)
            let error = #expect(throws: RPCError.self) { try result.get() }
            #expect(error?.code == .unavailable, "\(String(describing: error))")
            try await setting.containerd.start()
            // Leases of the crashed pull are found by their label and removed; another client's lease stays.
            try await setting.containerd.ctr("leases", "create", "--id", "theirs")
            _ = try await eventually("containerd answers again", within: .seconds(60)) {
                try? await setting.runtime.version()
            }
            #expect(try await setting.runtime.removeAbandonedLeases().count == 1)
            #expect(try await setting.containerd.ctr("leases", "ls", "-q") == "theirs\n")
            try await setting.containerd.ctr("leases", "rm", "theirs")
            try await setting.runtime.pull(name)
            #expect(try await setting.containerd.ctr("images", "check", "name==\(name)").contains("complete (4/4)"))
            try await setting.expectNothingLeft()
        }
    }

    @Test func theLeaseHoldsASnapshotOfAnotherPull() async throws {
        try await with { setting in
            var builder = ImageBuilder(layers: [[.init("file", .text("shared"))]])
            builder.command = ["/x"]
            let name = try await builder.build(in: setting.directory).push(to: setting.registry, "shared")
            let runtime = setting.runtime
            // The content exists, but no overlayfs snapshot of it.
            try await runtime.pull(name, options: PullOptions(snapshotter: "native"))
            let target = try #require(try await runtime.imageRecord(name).flatMap { Descriptor($0.target) })
            let all = ContentStore(runtime: runtime, lease: nil)
            let image = try #require(try await all.image(target, platform: .current, name: name))
            let chain = ChainID.chain(image.configuration.diffIDs)
            @Sendable func unpacker(_ lease: String?) -> Unpacker {
                Unpacker(store: ContentStore(runtime: runtime, lease: lease), snapshotter: "overlayfs", name: name)
            }
            @Sendable func unpack(_ lease: String) async throws {
                try await unpacker(lease).unpack(
                    image.manifest.layers[0],
                    diffID: image.configuration.diffIDs[0],
                    chain: chain[...0]
                )
            }
            struct Failed: Error {}
            try await runtime.withLease(for: "second") { second in
                await #expect(throws: Failed.self) {
                    try await runtime.withLease(for: "first") { first in
                        try await unpack(first)
                        try await unpack(second)
                        throw Failed()
                    }
                }
                let isThere = try await unpacker(nil).has(chain[0])
                #expect(isThere)
            }
        }
    }

    @Test(arguments: [false, true])
    func partialContentIsResumed(_ isSpoilt: Bool) async throws {
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
                "head -c 1048576 '\(isSpoilt ? "/dev/zero" : layer)' | ctr -a '\(setting.containerd.address)' "
                + "-n '\(setting.containerd.namespace)' content ingest --expected-size \(size) "
                + "--expected-digest \(built.layers[0]) 'layer-\(built.layers[0])'"
            #expect(try await ChildProcess.run("sh", ["-c", command]).status != 0)
            #expect(try await setting.containerd.ctr("content", "active").contains("layer-"))
            let offsets = Recorded<[Int64]>([])
            try await setting.runtime.pull(name) { progress in
                if progress.state == .downloading { offsets.update { $0.append(progress.offset) } }
            }
            #expect(offsets.value.first == 1 << 20)
            // The existing part was wrong, so all of it is fetched again.
            #expect(offsets.value.contains { $0 < 1 << 20 } == isSpoilt)
            let check = try await setting.containerd.ctr("images", "check", "name==\(name)")
            #expect(check.contains("complete (2/2)"), "\(check)")
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
            try TemporaryDirectory.write("{\"credsStore\":\"absent\"}".utf8, to: "\(setting.directory)/config.json")
            await refused(
                .unauthenticated,
                "'docker-credential-absent', which \(setting.directory)/config.json names, is not in the PATH"
            )
            try TemporaryDirectory.write("{".utf8, to: "\(setting.directory)/config.json")
            await refused(.invalidArgument, "\(setting.directory)/config.json: ")
            try TemporaryDirectory.write(registry.dockerConfig().utf8, to: "\(setting.directory)/config.json")
            try await setting.runtime.pull(name, options: options)
            try await setting.expectNothingLeft()
        }
    }

    @Test func failedPullsNameTheReason() async throws {
        try await with { setting in
            let (runtime, registry) = (setting.runtime, setting.registry)
            var builder = ImageBuilder(layers: [[.init("file", .random(100_000))]])
            builder.platforms = ["linux/s390x", "linux/arm/v5"]
            let foreign = try await builder.build(in: "\(setting.directory)/a").push(to: registry, "foreign")
            builder.platforms = nil
            let built = try await builder.build(in: "\(setting.directory)/b")
            let damaged = try await built.push(to: registry, "damaged")
            // The registry's copy of the layer is corrupted.
            let hex = built.layers[0].dropFirst("sha256:".count)
            let blob = "\(registry.storage)/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
            var bytes = try Data(contentsOf: URL(filePath: blob))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: blob))
            let cases: [(String, RPCCode, [String])] = [
                ("\(registry.host)/none:latest", .notFound, ["\(registry.host)/none:latest", "not found in registry"]),
                (foreign, .notFound, ["linux/s390x, linux/arm/v5"]),
                (damaged, .dataLoss, [built.layers[0], "corrupt", "expected", "got"]),
                ("UPPER//x", .invalidArgument, ["UPPER//x"]),
            ]
            var retry = RetryPolicy()
            retry.base = .milliseconds(1)
            func refused(_ name: String, _ code: RPCCode, _ texts: [String]) async {
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
            for (name, code, texts) in cases { await refused(name, code, texts) }
            try await LoopbackPort.withRefusing { port in
                await refused("127.0.0.1:\(port)/x", .unavailable, ["127.0.0.1:\(port)", "cannot be reached"])
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
            // The name then points to the archive's index, which has the image without a platform.
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
