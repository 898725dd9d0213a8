import FoundationEssentials
import StellarTestKit
import Testing

/// Apps whose images break, lie or cannot be had, created with the built programs: the error names image and cause, nothing
/// is left behind, and the same create works when the registry is well again.
@Suite(.requires(.root, .netns, .containerd, .cni, .registry, .busybox), .serialized, .timeLimit(.minutes(10)))
struct BadImageTests {
    /// One way in which a registry or an image is bad.
    struct Ailment: Sendable {
        /// Names the app and the repository.
        var name: String
        /// What the error says, beside the image's name.
        var says: [String]
        /// The image that is bad in itself; nil for a good one, served badly.
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

    /// Runs `body` for each element, four at a time: enough to keep the machine busy, and no more than it can take.
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

    /// Answers of the whole repository.
    private func always(_ name: String, _ says: [String], _ response: FakeRegistry.Response) -> Ailment {
        Ailment(name: name, says: says, fault: { _, _ in response })
    }

    /// Answers for requests whose path `matches`.
    private func ailing(
        _ name: String,
        _ image: BuiltImage,
        _ says: [String],
        where matches: @escaping @Sendable (FakeRegistry.Request) -> Bool,
        _ change: @escaping @Sendable (inout FakeRegistry.Response) -> Void
    ) -> Ailment {
        Ailment(name: name, says: says, image: image) { request, good in
            var response = good
            if matches(request) { change(&response) }
            return response
        }
    }

    private func ailments(
        _ build: (String, (inout ImageBuilder) -> Void) async throws -> BuiltImage
    ) async throws -> [Ailment] {
        let unauthorized = FakeRegistry.Response(401, headers: [("WWW-Authenticate", "Basic realm=r")])
        let again = FakeRegistry.Response(307, headers: [("Location", "/v2/round/manifests/latest")])
        var all = [
            always("closed", ["refuses", "(401)", "no credentials"], unauthorized),
            always("forbidden", ["refuses", "(403)"], .init(403)),
            always("missing", ["not found in registry"], .init(404)),
            always("busy", ["429"], .init(429, headers: [("Retry-After", "0")])),
            always("broken", ["500"], .init(500, headers: [("Retry-After", "0")])),
            always("round", ["redirects more than"], again),
        ]
        typealias Change = @Sendable (inout FakeRegistry.Response) -> Void
        let layers: [(String, [String], Change)] = [
            // What is asked for again from there on ends there as well.
            ("cut", ["closed", "at byte 100000 of"], { $0.cutAfter = $0.status == 206 ? 0 : 100_000 }),
            ("liar", ["is corrupt: expected sha256:", "got sha256:"], { $0.body[1000] ^= 1 }),
            ("short", ["is corrupt: the manifest says"], { $0.body.removeLast(100) }),
            ("gone", ["not found in registry"], { $0 = .init(404) }),
        ]
        for (name, says, change) in layers {
            let image = try await build(name) { _ in }
            let top = try #require(image.layers.last)
            all.append(ailing(name, image, [top] + says, where: { $0.path.hasSuffix(top) }, change))
        }
        let forger = try await build("forger") { _ in }
        all.append(
            ailing(
                "forger",
                forger,
                ["manifest", "is corrupt: expected sha256:"],
                where: { $0.path.contains("/manifests/sha256:") }
            ) { $0.body[20] ^= 1 }
        )
        let boaster = try await build("boaster") { _ in }
        all.append(
            ailing("boaster", boaster, ["manifest", "is corrupt: expected 3 bytes"], where: { $0.method == "HEAD" }) {
                $0.claimedLength = 3
            }
        )
        let plain = try await build("plain") { builder in
            builder.spoil = { try TemporaryDirectory.write([UInt8](repeating: 7, count: 5000), to: $0) }
        }
        all.append(Ailment(name: "plain", says: [try #require(plain.layers.last)], image: plain))
        let foreign = try await build("foreign") { $0.platforms = ["linux/s390x", "linux/ppc64le"] }
        all.append(Ailment(name: "foreign", says: ["it is there for linux/s390x, linux/ppc64le"], image: foreign))
        return all
    }

    /// Waits until there is nothing that was not there before.
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

    @Test func eachIsNamedLeavesNothingAndWorksLater() async throws {
        try await StellarHost.with { host in
            try await TemporaryDirectory.with { directory in
                try await ImageServer.with { server in
                    let base = try await ImageBuilder.busybox()
                    func build(_ name: String, _ change: (inout ImageBuilder) -> Void) async throws -> BuiltImage {
                        var builder = base
                        // Below is what all images share; this is what each has alone.
                        builder.layers.append([.init("data", .random(300_000))])
                        change(&builder)
                        return try await builder.build(in: "\(directory)/\(name)")
                    }
                    let good = try await build("good") { _ in }
                    let ailments = try await ailments(build)
                    let (address, before) = (host.address, try await host.leftovers())
                    var files: [String: String] = [:]
                    for ailment in ailments {
                        let image = server.serve(ailment.image ?? good, as: ailment.name, fault: ailment.fault)
                        files[ailment.name] = try host.file("\(ailment.name).json", app(ailment.name, image))
                    }
                    let paths = files

                    try await concurrently(ailments) { ailment in
                        let result = try await sctl(address, "apps", "create", "-f", paths[ailment.name] ?? "")
                        #expect(result.status != 0, "\(ailment.name)")
                        for text in ["\(server.host)/\(ailment.name):latest"] + ailment.says {
                            #expect(
                                result.errors.contains(text),
                                "\(ailment.name): \(text) is not in: \(result.errors)"
                            )
                        }
                    }
                    try await nothingIsLeft(on: host, since: before)
                    #expect(try await host.containerd.ctr("content", "ls", "-q").isEmpty)
                    #expect(try await host.containerd.ctr("snapshots", "ls").split(separator: "\n").count == 1)
                    #expect(try await host.sctl("apps", "list", "--output", "json").contains("main") == false)

                    for ailment in ailments {
                        // What is bad in itself is pushed anew, the rest was only served badly.
                        let image = ailment.fault == nil ? good : ailment.image ?? good
                        server.serve(image, as: ailment.name)
                    }
                    try await concurrently(ailments) { ailment in
                        let result = try await sctl(address, "apps", "create", "-f", paths[ailment.name] ?? "")
                        #expect(result.status == 0, "\(ailment.name): \(result.errors)")
                        let gone = try await sctl(address, "apps", "delete", ailment.name)
                        #expect(gone.status == 0, "\(ailment.name): \(gone.errors)")
                    }
                    try await nothingIsLeft(on: host, since: before)
                }
            }
        }
    }

    /// A slow registry is waited for; one that has stopped to answer is left when the app is deleted.
    @Test func slowIsWaitedForAndAHangingPullEndsWithItsApp() async throws {
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
                    try await eventually("the layer is asked for") {
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
