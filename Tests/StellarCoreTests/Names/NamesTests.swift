import StellarTestKit
import Testing

@testable import StellarCore

@Suite struct NamesTests {
    @Test(arguments: ["a", "redis", "redis-2", "2048", "0", "a--b", String(repeating: "x", count: 63)])
    func goodNames(name: String) {
        #expect(Name.problem(with: name) == nil)
    }

    @Test(arguments: [
        ("Redis", "redis"), ("my_app", "my-app"), ("-a", "a"), ("a-", "a"), ("a.b", "a-b"), ("a b  c", "a-b-c"),
        ("näh", "n-h"),
        ("_", ""), ("ä", ""), ("a\n", "a"), (String(repeating: "x", count: 64), ""),
    ])
    func badNames(name: String, suggestion: String) throws {
        let problem = try #require(Name.problem(with: name))
        #expect(problem.contains("did you mean") == !suggestion.isEmpty, "\(problem)")
        if !suggestion.isEmpty {
            #expect(problem.hasSuffix("did you mean \"\(suggestion)\"?"), "\(problem)")
            #expect(Name.problem(with: suggestion) == nil)
        }
    }

    @Test(arguments: ["a.b.0", "example.redis.12", "a-1.b-2.9999"])
    func containerIDs(text: String) throws {
        let id = try #require(ContainerID(text))
        #expect(id.description == text)
        #expect(id.dnsName == text + ".stellar")
    }

    @Test(arguments: [
        "", "a", "a.b", "a.b.c", "a.b.0.0", "a.b.-1", "a.b.+1", "a.b.01", "A.b.0", "a..0", ".b.0", "a.b.", "a.b.1 ",
        "a.b.99999999999999999999", String(repeating: "a", count: 60) + ".b.10",
    ])
    func noContainerIDs(text: String) {
        #expect(ContainerID(text) == nil)
    }

    @Test func idsAreOrderedByReplicaNumber() {
        let ids = ["b.a.0", "a.web2.0", "a.web.10", "a.web.2"].compactMap(ContainerID.init)
        #expect(ids.sorted().map(\.description) == ["a.web.2", "a.web.10", "a.web2.0", "b.a.0"])
        #expect(ids[0].serviceDNSName == "b.a.stellar")
    }

    /// Whole parts are compared (D13).
    @Test(arguments: [
        ("app", ["app.web.1", "app.web.10", "app.web2.0"]), ("app.web", ["app.web.1", "app.web.10"]),
        ("app.web.1", ["app.web.1"]), ("app.we", []), ("ap", []), ("app.web.2", []), ("app2", ["app2.web.1"]),
    ])
    func selections(text: String, selected: [String]) throws {
        let selection = try #require(Selection(text))
        #expect(selection.description == text)
        let all = ["app.web.1", "app.web.10", "app.web2.0", "app2.web.1"]
        #expect(all.filter { ContainerID($0).map(selection.contains) ?? false } == selected)
    }

    @Test(arguments: ["", ".", "a.", "a.b.c", "a.b.0.1", "A", "a.b.01", "a.b.-1"])
    func noSelections(text: String) {
        #expect(Selection(text) == nil)
    }

    @Test(arguments: [
        ("a=b", "a", "b"), ("a=b=c", "a", "b=c"), ("a", "a", ""), ("a=", "a", ""), ("a==", "a", "="),
        ("a b=c", "a b", "c"),
    ])
    func labels(text: String, key: String, value: String) throws {
        let label = try #require(Labels.split(text))
        #expect(label.key == key)
        #expect(label.value == value)
    }

    @Test func labelsWithoutAKey() {
        #expect(Labels.split("") == nil)
        #expect(Labels.split("=x") == nil)
        let labels: Labels = ["b": "2", "a": "1", "c": "3"]
        #expect(labels.list == ["a=1", "b=2", "c=3"])
    }

    @Test(arguments: [("net_admin", "CAP_NET_ADMIN"), ("CAP_CHOWN", "CAP_CHOWN"), ("all", "ALL"), ("Bpf", "CAP_BPF")])
    func capabilities(text: String, name: String) {
        #expect(Capabilities.canonicalName(text) == name)
    }

    @Test func capabilitiesAreThoseOfTheKernel() {
        // linux/capability.h: CAP_LAST_CAP is CAP_CHECKPOINT_RESTORE, 40.
        #expect(Capabilities.known.count == 41 && Set(Capabilities.known).count == 41)
        #expect(Capabilities.known[12] == "CAP_NET_ADMIN" && Capabilities.known[21] == "CAP_SYS_ADMIN")
        #expect(Capabilities.known[40] == "CAP_CHECKPOINT_RESTORE")
        #expect(Capabilities.canonicalName("CAP_ALL") == nil && Capabilities.canonicalName("") == nil)
    }
}

@Suite struct ImageReferenceTests {
    static let digest = "sha256:" + String(repeating: "0123456789abcdef", count: 4)

    @Test(arguments: [
        ("redis", "docker.io/library/redis:latest"), ("redis:7", "docker.io/library/redis:7"),
        ("docker.io/redis", "docker.io/library/redis:latest"),
        ("index.docker.io/redis", "docker.io/library/redis:latest"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("docker.io/library/redis:alpine", "docker.io/library/redis:alpine"),
        ("localhost/x", "localhost/x:latest"), ("localhost:5000/a/b:t", "localhost:5000/a/b:t"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"), ("[::1]:5000/x:1", "[::1]:5000/x:1"),
        ("[::1]/x", "[::1]/x:latest"),
        ("ghcr.io/a/b/c_d__e-f.g", "ghcr.io/a/b/c_d__e-f.g:latest"), ("Host/x", "Host/x:latest"),
        ("a---b", "docker.io/library/a---b:latest"),
        ("x:" + String(repeating: "t", count: 128), "docker.io/library/x:" + String(repeating: "t", count: 128)),
        ("redis@" + digest, "docker.io/library/redis@" + digest),
        ("redis:7@" + digest, "docker.io/library/redis:7@" + digest),
        ("localhost:5000/x@" + digest, "localhost:5000/x@" + digest),
    ])
    func table(text: String, full: String) throws {
        let reference = try ImageReference.parse(text)
        #expect(reference.description == full)
        #expect(try ImageReference.parse(full) == reference)
    }

    @Test(arguments: [
        "", ":", "@", "/", "redis:", "redis@", "redis@sha256:12", "redis@md5:" + String(repeating: "0", count: 32),
        "redis@sha256:" + String(repeating: "A", count: 64), "Redis", "a/Redis", "redis:a b", " redis", "redis ",
        "redis:-x",
        "redis:.x", "a//b", "/a", "a/", "a..b", "a___b", "_a", "a_", "-a", "a-", "a.", "https://docker.io/redis",
        "x:y:z",
        "localhost:/x", "localhost:99999/x", "localhost:0/x", "a.-b/x", "[::1/x", "[zz]/x", "[]:5000/x", "ünix",
        "x:" + String(repeating: "t", count: 129), String(repeating: "a", count: 239), "x\n", "x@y@z", "redis:ü",
        ".a/b",
    ])
    func refused(text: String) {
        #expect(throws: ImageReference.ParseError.self) { try ImageReference.parse(text) }
    }

    @Test func errorsNameTheTextAndTheFix() {
        func reason(_ text: String) -> String {
            do {
                return try ImageReference.parse(text).description
            } catch {
                return error.description
            }
        }
        for (text, values) in [
            ("https://docker.io/redis", ["\"https://\""]), ("Redis", ["lower case"]), ("redis:", [":latest"]),
            ("redis@sha256:12", ["sha256", "64"]), ("re dis", ["white space"]), ("redis:-x", ["\"-x\"", "128"]),
            ("localhost:0/x", ["\"localhost:0\"", "host:port"]), ("", ["docker.io/library/redis:alpine"]),
        ] {
            for value in ["\"\(text)\""] + values { #expect(reason(text).contains(value), "\(reason(text))") }
        }
    }

    @Test(arguments: 0..<16)
    func randomTextNeverTraps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("abAB09.:/@-_[]% ü")
        for _ in 0..<1000 {
            let text = String(
                (0..<Int.random(in: 0...14, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" }
            )
            guard let reference = ImageReference(text) else { continue }
            #expect(ImageReference(reference.description) == reference, "\(text)")
        }
    }
}

@Suite struct RecordTests {
    @Test(arguments: [
        Record(type: .a, name: "a.b.stellar", value: "10.0.0.1"),
        Record(type: .cname, name: "www", value: "example.com."),
        Record(type: .mx, name: "x.", value: "mail.example.com"), Record(type: .txt, name: "x", value: ""),
        Record(type: .srv, name: "_web._tcp.x", value: "a.b.0.stellar"),
        Record(type: .txt, name: "x", value: String(repeating: "t", count: 255)),
    ])
    func good(record: Record) throws {
        try record.validate()
    }

    @Test func errorsNameTheRecordAndTheValue() {
        for (record, values) in [
            (Record(type: .a, name: "x.stellar", value: "10.0.0"), ["A record x.stellar", "\"10.0.0\""]),
            (Record(type: .mx, name: "x.stellar", value: "b c"), ["MX record x.stellar", "\"b c\""]),
            (Record(type: .txt, name: "x", value: String(repeating: "t", count: 256)), ["TXT record x", "256", "255"]),
            (Record(type: .a, name: "a..b", value: "10.0.0.1"), ["\"a..b\""]),
        ] {
            let error = #expect(throws: RecordError.self) { try record.validate() }
            for value in values { #expect(error?.description.contains(value) == true, "\(String(describing: error))") }
        }
    }

    @Test(arguments: [
        Record(type: .a, name: "a", value: "10.0.0"), Record(type: .a, name: "", value: "10.0.0.1"),
        Record(type: .a, name: "a..b", value: "10.0.0.1"), Record(type: .a, name: ".", value: "10.0.0.1"),
        Record(type: .cname, name: "a", value: "b c"), Record(type: .mx, name: "a", value: ""),
        Record(type: .txt, name: "x", value: String(repeating: "t", count: 256)),
        Record(type: .a, name: String(repeating: "a.", count: 127) + "ab", value: "1.1.1.1"),
        Record(type: .a, name: String(repeating: "a", count: 64), value: "1.1.1.1"),
    ])
    func bad(record: Record) {
        #expect(throws: RecordError.self) { try record.validate() }
    }

    @Test func optionsAsText() {
        let options = Record.SRVOptions(service: "web", protocol: "http", port: 8080)
        #expect(options.description == "service=web proto=http priority=0 weight=0 port=8080")
        #expect(Record.Kind(name: "srv") == .srv && Record.Kind(name: "AAAA") == nil)
    }
}
