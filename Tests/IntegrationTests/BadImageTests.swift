import FoundationEssentials
import StellarTestKit
import Testing

/// Apps whose images are broken, wrong or unavailable: the error names image and cause, nothing is left behind, and the same
/// create succeeds once the registry is healthy.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .serialized, .timeLimit(.minutes(10)))
struct BadImageTests {
    /// A fault of a registry or an image.
    struct BadImage: Sendable {
        /// The name of the app and of the repository.
        var name: String
        /// Texts that the error must have, beside the image's name.
        var texts: [String]
        /// A bad image; nil for a good one with a fault of the registry.
        var image: BuiltImage?
        var fault: ImageServer.Fault?
    }

    private func app(_ name: String, _ image: String) -> String {
        """
        {"name": "\(name)", "services": [
            {"name": "main", "image": "\(image)", "process": {"args": ["sh", "-c", "sleep 1000"]},
             "stop_grace_period": "100ms", "network": false}
        ]}
        """
    }

    /// Runs `body` for each element, four at a time: the machine is busy and not overloaded.
    private func concurrently<Element: Sendable>(
        _ elements: [Element],
        _ body: @escaping @Sendable (Element) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, element) in elements.enumerated() {
                if number >= 4 { try await group.next() }
                group.addTask { try await body(element) }
            }
            try await group.waitForAll()
        }
    }

    private func sctl(_ address: String, _ arguments: String...) async throws -> ChildProcess.Result {
        try await ChildProcess.run(BuiltProduct.path("sctl"), ["--addr", address] + arguments)
    }

    /// The registry sends one response for every path of the repository.
    private func always(_ name: String, _ texts: [String], _ response: FakeRegistry.Response) -> BadImage {
        BadImage(name: name, texts: texts, fault: { _, _ in response })
    }

    /// The registry changes the responses to requests that `matches`.
    private func faulty(
        _ name: String,
        _ image: BuiltImage,
        _ texts: [String],
        where matches: @escaping @Sendable (FakeRegistry.Request) -> Bool,
        _ change: @escaping @Sendable (inout FakeRegistry.Response) -> Void
    ) -> BadImage {
        BadImage(name: name, texts: texts, image: image) { request, good in
            var response = good
            if matches(request) { change(&response) }
            return response
        }
    }

    private func badImages(
        _ build: (String, (inout ImageBuilder) -> Void) async throws -> BuiltImage
    ) async throws -> [BadImage] {
        let unauthorized = FakeRegistry.Response(401, headers: [("WWW-Authenticate", "Basic realm=r")])
        let again = FakeRegistry.Response(307, headers: [("Location", "/v2/round/manifests/latest")])
        var all = [
            always("closed", ["401", "credentials"], unauthorized),
            always("forbidden", ["403"], .init(403)),
            always("missing", ["not found"], .init(404)),
            always("busy", ["429"], .init(429, headers: [("Retry-After", "0")])),
            always("broken", ["500"], .init(500, headers: [("Retry-After", "0")])),
            always("round", ["redirects"], again),
        ]
        typealias Change = @Sendable (inout FakeRegistry.Response) -> Void
        let layers: [(String, [String], Change)] = [
            // The retry from there on breaks off, too.
            ("cut", ["at byte 100000 of"], { $0.cutAfter = $0.status == 206 ? 0 : 100_000 }),
            ("liar", ["corrupt", "expected sha256:", "got sha256:"], { $0.body[1000] ^= 1 }),
            ("short", ["corrupt"], { $0.body.removeLast(100) }),
            ("lost", ["not found"], { $0 = .init(404) }),
        ]
        for (name, texts, change) in layers {
            let image = try await build(name) { _ in }
            let top = try #require(image.layers.last)
            all.append(faulty(name, image, [top] + texts, where: { $0.path.hasSuffix(top) }, change))
        }
        let forger = try await build("forger") { _ in }
        all.append(
            faulty(
                "forger",
                forger,
                ["manifest", "corrupt", "sha256:"],
                where: { $0.path.contains("/manifests/sha256:") }
            ) { $0.body[20] ^= 1 }
        )
        let boaster = try await build("boaster") { _ in }
        all.append(
            faulty("boaster", boaster, ["manifest", "corrupt", "3 bytes"], where: { $0.method == "HEAD" }) {
                $0.claimedLength = 3
            }
        )
        let plain = try await build("plain") { builder in
            builder.spoil = { try TemporaryDirectory.write([UInt8](repeating: 7, count: 5000), to: $0) }
        }
        all.append(BadImage(name: "plain", texts: [try #require(plain.layers.last)], image: plain))
        let foreign = try await build("foreign") { $0.platforms = ["linux/s390x", "linux/ppc64le"] }
        all.append(BadImage(name: "foreign", texts: ["linux/s390x, linux/ppc64le"], image: foreign))
        return all
    }

    /// Waits until the host has no leftovers that it did not have before.
    private func nothingIsLeft(on host: StellarHost, since before: String) async throws {
        let before = Set(before.split(separator: "\n"))
        do {
            try await eventually("nothing is left") {
                Set(try await host.leftovers().split(separator: "\n")).isSubset(of: before) ? true : nil
            }
        } catch {
            Issue.record("left: \(Set(try await host.leftovers().split(separator: "\n")).subtracting(before).sorted())")
        }
    }

    @Test func everyFaultIsNamedLeavesNothingAndIsRecoverable() async throws {
        try await StellarHost.with { host in
            try await TemporaryDirectory.with { directory in
                try await ImageServer.with { server in
                    let base = try await ImageBuilder.busybox()
                    func build(_ name: String, _ change: (inout ImageBuilder) -> Void) async throws -> BuiltImage {
                        var builder = base
                        // A layer of its own for each image, above the shared ones.
                        builder.layers.append([.init("data", .random(300_000))])
                        change(&builder)
                        return try await builder.build(in: "\(directory)/\(name)")
                    }
                    let good = try await build("good") { _ in }
                    let badImages = try await badImages(build)
                    let (address, before) = (host.address, try await host.leftovers())
                    var files: [String: String] = [:]
                    for badImage in badImages {
                        let image = server.serve(badImage.image ?? good, as: badImage.name, fault: badImage.fault)
                        files[badImage.name] = try host.file("\(badImage.name).json", app(badImage.name, image))
                    }
                    let paths = files

                    try await concurrently(badImages) { badImage in
                        let result = try await sctl(address, "apps", "create", "-f", paths[badImage.name] ?? "")
                        #expect(result.status != 0, "\(badImage.name)")
                        for text in ["\(server.host)/\(badImage.name):latest"] + badImage.texts {
                            #expect(
                                result.errors.contains(text),
                                "\(badImage.name): \(text) is not in: \(result.errors)"
                            )
                        }
                    }
                    try await nothingIsLeft(on: host, since: before)
                    #expect(try await host.containerd.ctr("content", "ls", "-q").isEmpty)
                    #expect(try await host.containerd.ctr("snapshots", "ls").split(separator: "\n").count == 1)
                    #expect(try await host.sctl("apps", "list", "--output", "json").contains("main") == false)

                    for badImage in badImages {
                        // A bad image is replaced by a good one; for the others the fault ends.
                        let image = badImage.fault == nil ? good : badImage.image ?? good
                        server.serve(image, as: badImage.name)
                    }
                    try await concurrently(badImages) { badImage in
                        let result = try await sctl(address, "apps", "create", "-f", paths[badImage.name] ?? "")
                        #expect(result.status == 0, "\(badImage.name): \(result.errors)")
                        let deleted = try await sctl(address, "apps", "delete", badImage.name)
                        #expect(deleted.status == 0, "\(badImage.name): \(deleted.errors)")
                    }
                    try await nothingIsLeft(on: host, since: before)
                }
            }
        }
    }

    /// A pull waits for a slow registry. A pull that hangs ends when its app is deleted.
    @Test func aSlowRegistryIsWaitedForAndADeleteEndsAHangingPull() async throws {
        try await StellarHost.with { host in
            try await TemporaryDirectory.with { directory in
                try await ImageServer.with { server in
                    var builder = try await ImageBuilder.busybox()
                    builder.layers.append([.init("data", .random(300_000))])
                    let image = try await builder.build(in: directory)
                    let top = try #require(image.layers.last)
                    let (address, before) = (host.address, try await host.leftovers())

                    let name = server.serve(image, as: "hanging") { request, good in
                        var response = good
                        if request.path.hasSuffix(top) { response.hangAfter = 100_000 }
                        return response
                    }
                    let file = try host.file("hanging.json", app("hanging", name))
                    async let created = sctl(address, "apps", "create", "-f", file)
                    try await eventually("the layer is requested") {
                        server.requests.contains { $0.path.hasSuffix(top) } ? true : nil
                    }
                    let deleted = try await sctl(address, "apps", "delete", "hanging")
                    #expect(deleted.status == 0, "\(deleted.errors)")
                    let result = try await created
                    #expect(result.status != 0)
                    #expect(result.errors.contains("hanging"), "\(result.errors)")
                    try await nothingIsLeft(on: host, since: before)
                    #expect(try await host.containerd.ctr("content", "ls", "-q").isEmpty)

                    server.serve(image, as: "hanging") { request, good in
                        var response = good
                        if request.path.hasSuffix(top) { response.trickle = (30_000, .milliseconds(100)) }
                        return response
                    }
                    let slow = try await sctl(address, "apps", "create", "-f", file)
                    #expect(slow.status == 0, "\(slow.errors)")
                    try await host.sctl("apps", "delete", "hanging")
                }
            }
        }
    }
}
