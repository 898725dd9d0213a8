import Testing

@testable import StellarCore

/// The apps of valid files.
@Suite struct AppFileTests {
    /// The file of the original's README.
    static func readme() throws -> String { try AppFileDocumentTests.file("Examples/example.conf") }

    /// Every field with a value that is not its default.
    static let full = """
        {"name": "shop", "labels": ["a=b=c"], "services": [{
            "name": "web", "image": "localhost:5000/shop/web:1.2", "runtime": "io.containerd.runc.v2",
            "snapshotter": "native", "node": "ctr-01",
            "process": {"user": "www:www", "args": ["/bin/web", ""], "env": ["A=1", "B=x=y", "C="], "workdir": "/srv"},
            "labels": ["tier=front", "bare"], "network": true,
            "mounts": [{"type": "bind", "source": "/srv/shop", "destination": "/data", "options": ["rbind", "ro"]},
                       {"type": "tmpfs", "destination": "/tmp", "options": ["size=64m", "mode=1777"]}],
            "endpoints": [
                {"config": {"proxy_fail_timeout": "10s", "limits": "1MB", "proxy_upstream_headers": {"X-B": "2", "X-A": "1"},
                            "timeouts": "1m30s", "tls": true, "proxy_try_duration": "250ms"},
                 "service": "www", "host": "shop.example.com", "port": 8080, "protocol": "HTTP"},
                {"service": "stats", "protocol": "udp", "port": 8125}, {"service": "admin", "port": 1}],
            "replicas": 3, "placement_preference": {"node_ids": ["ctr-00", "ctr-01"], "labels": {"zone": "a"}},
            "restart": {"condition": "on-failure", "max_retries": 5, "delay": "500ms", "max_delay": "30s"},
            "resources": {"cpu": 1.5, "memory": "256MB", "pids": 100},
            "health_check": {"type": "http", "port": 8080, "path": "/healthz", "interval": "10s", "timeout": "2s",
                             "start_period": "5s", "retries": 4},
            "read_only": true, "capabilities": {"add": ["net_admin", "CAP_SYS_TIME"], "drop": ["ALL"]},
            "privileged": false, "stop_grace_period": "30s"}]}
        """

    @Test func parsesTheFileOfTheReadme() throws {
        let app = try AppFile.parse(Self.readme())
        #expect(app.name == "example")
        #expect(app.labels.list == ["env=prod", "region=us-east"])
        let service = try #require(app.services.first)
        #expect(app.services.count == 1)
        #expect(service.image == "docker.io/library/redis:alpine")
        #expect(service.runtime == "io.containerd.runtime.v1.linux")
        #expect(service.process == Process(uid: 0, gid: 0, args: ["redis-server"]))
        #expect(service.labels == ["env": "prod"])
        #expect(service.network && service.restart == .always && service.replicas == 1)
        #expect(app.slots.map(\.description) == ["example.redis.0"])
    }

    @Test func parsesEveryField() throws {
        let app = try AppFile.parse(Self.full)
        #expect(app.labels["a"] == "b=c")
        let service = try #require(app.services.first)
        let expected = Service(
            name: "web",
            image: "localhost:5000/shop/web:1.2",
            snapshotter: "native",
            node: "ctr-01",
            process: Process(user: "www:www", args: ["/bin/web", ""], env: ["A=1", "B=x=y", "C="], workdir: "/srv"),
            labels: ["tier": "front", "bare": ""],
            mounts: [
                Mount(source: "/srv/shop", destination: "/data", options: ["rbind", "ro"]),
                Mount(type: "tmpfs", source: "tmpfs", destination: "/tmp", options: ["size=64m", "mode=1777"]),
            ],
            endpoints: [
                Endpoint(
                    service: "www",
                    protocol: .http,
                    host: "shop.example.com",
                    port: 8080,
                    http: .init(
                        tls: true,
                        timeouts: .seconds(90),
                        proxyTryDuration: .milliseconds(250),
                        proxyFailTimeout: .seconds(10),
                        limits: "1MB",
                        proxyUpstreamHeaders: ["X-A": "1", "X-B": "2"]
                    )
                ),
                Endpoint(service: "stats", protocol: .udp, port: 8125), Endpoint(service: "admin", port: 1),
            ],
            replicas: 3,
            placementPreference: PlacementPreference(nodeIDs: ["ctr-00", "ctr-01"], labels: ["zone": "a"]),
            restart: RestartPolicy(
                condition: .onFailure,
                maxRetries: 5,
                delay: .milliseconds(500),
                maxDelay: .seconds(30)
            ),
            resources: Resources(cpuMillis: 1500, memory: 256_000_000, pids: 100),
            healthCheck: HealthCheck(
                probe: .http(port: 8080, path: "/healthz"),
                interval: .seconds(10),
                timeout: .seconds(2),
                startPeriod: .seconds(5),
                retries: 4
            ),
            readOnly: true,
            capabilities: Capabilities(add: ["CAP_NET_ADMIN", "CAP_SYS_TIME"], drop: ["ALL"]),
            stopGracePeriod: .seconds(30)
        )
        #expect(service == expected)
        #expect(app.slots.count == 3)
    }

    @Test func encodedFilesParseToTheSameApp() throws {
        for text in [try Self.readme(), Self.full, #"{"name":"a","services":[{"name":"b","image":"c"}]}"#] {
            let app = try AppFile.parse(text)
            let written = AppFile.encode(app)
            #expect(try AppFile.parse(written) == app)
            #expect(AppFile.encode(try AppFile.parse(written)) == written)
            #expect(try app.validated() == app)
        }
    }

    @Test func encodeLeavesOutDefaults() throws {
        let app = App(name: "a", services: [Service(name: "b", image: "c")])
        let expected = """
            {
                "name": "a",
                "services": [
                    {
                        "name": "b",
                        "image": "c"
                    }
                ]
            }

            """
        #expect(String(decoding: AppFile.encode(app), as: UTF8.self) == expected)
    }

    @Test func memberNamesMatchInAnyCase() throws {
        let app = try AppFile.parse(
            #"{"Name":"a","SERVICES":[{"name":"b","Image":"c","Read_Only":true,"nEtWoRk":false}]}"#
        )
        #expect(app.services.first?.readOnly == true)
        #expect(app.services.first?.network == false)
    }

    @Test func nullCountsAsMissing() throws {
        let app = try AppFile.parse(
            #"{"name":"a","labels":null,"services":[{"name":"b","image":"c","network":null,"process":null,"restart":null,"#
                + #""mounts":null,"replicas":null,"resources":{"memory":null},"health_check":null,"node":null}]}"#
        )
        #expect(app.services == [Service(name: "b", image: "docker.io/library/c:latest")])
    }

    /// One service with the given members.
    static func service(_ members: String) throws(AppFileErrors) -> Service {
        try AppFile.parse(#"{"name":"a","services":[{"name":"b","image":"c",\#(members)}]}"#).services[0]
    }

    @Test(arguments: [
        ("true", RestartPolicy.always), ("false", .never), (#""always""#, .always), (#""on-failure""#, .onFailure),
        (#""ON_FAILURE""#, .onFailure), (#""never""#, .never), ("{}", .always),
        (#"{"condition":"never"}"#, .never), (#"{"max_retries":0}"#, .always),
        (#"{"delay":"2m"}"#, RestartPolicy(delay: .seconds(120), maxDelay: .seconds(120))),
    ])
    func restartForms(text: String, policy: RestartPolicy) throws {
        #expect(try Self.service(#""restart": \#(text)"#).restart == policy)
    }

    @Test(
        arguments: [
            ("0.5", 500), (#""0.5""#, 500), (#""500m""#, 500), ("2", 2000), (#""1.25""#, 1250), ("0.01", 10),
            ("1e1", 10_000),
            ("8192", 8_192_000), (#""10m""#, 10),
        ] as [(String, UInt64)]
    )
    func cpuForms(text: String, millis: UInt64) throws {
        #expect(try Self.service(#""resources": {"cpu": \#(text)}"#).resources.cpuMillis == millis)
    }

    @Test(
        arguments: [
            ("268435456", 268_435_456), (#""256MB""#, 256_000_000), (#""1GiB""#, 1 << 30),
            (#""1.5 gb""#, 1_500_000_000),
            (#""6MiB""#, 6 << 20), (#""10000000""#, 10_000_000), ("1e9", 1_000_000_000),
        ] as [(String, UInt64)]
    )
    func memoryForms(text: String, bytes: UInt64) throws {
        #expect(try Self.service(#""resources": {"memory": \#(text)}"#).resources.memory == bytes)
    }

    /// Section 11 of the API contract: numbers are those of the API's enum, as printed apps have them.
    @Test(arguments: [
        (#""tcp""#, Endpoint.Kind.tcp), (#""UDP""#, .udp), ("1", .tcp), ("2", .udp), (#""uDp""#, .udp), ("null", .tcp),
    ])
    func protocolForms(text: String, kind: Endpoint.Kind) throws {
        let service = try Self.service(#""endpoints": [{"service":"x","port":1,"protocol":\#(text)}]"#)
        #expect(service.endpoints.first?.protocol == kind)
    }

    @Test func numberThreeIsHTTP() throws {
        let service = try Self.service(#""endpoints": [{"service":"x","port":1,"protocol":3,"host":"*.example.com"}]"#)
        #expect(service.endpoints == [Endpoint(service: "x", protocol: .http, host: "*.example.com", port: 1)])
    }

    @Test(arguments: [
        (#"{"command":["redis-cli","ping"]}"#, HealthCheck.Probe.exec(command: ["redis-cli", "ping"])),
        (#"{"port":6379}"#, .tcp(port: 6379)), (#"{"type":"TCP","port":6379}"#, .tcp(port: 6379)),
        (#"{"type":"http","port":80}"#, .http(port: 80, path: "/")),
        (#"{"port":80,"path":"/x"}"#, .http(port: 80, path: "/x")),
    ])
    func healthCheckForms(text: String, probe: HealthCheck.Probe) throws {
        #expect(try Self.service(#""health_check": \#(text)"#).healthCheck == HealthCheck(probe: probe))
    }

    @Test(arguments: [
        (#""replicas":0"#, 1), (#""replicas":4,"placement_preference":{"replicas":2}"#, 4),
        (#""placement_preference":{"replicas":2}"#, 2), (#""replicas":0,"placement_preference":{"replicas":2}"#, 2),
        (#""placement_preference":{}"#, 1),
    ])
    func replicaForms(text: String, replicas: Int) throws {
        let service = try Self.service(text)
        #expect(service.replicas == replicas)
        #expect(service.placementPreference == nil)
    }

    @Test(
        arguments: [
            (#"{"spread":"zone"}"#, PlacementPreference(spread: ["zone"])),
            (#"{"spread":["zone","rack"]}"#, PlacementPreference(spread: ["zone", "rack"])),
            (#"{"max_replicas_per_node":2,"replicas":3}"#, PlacementPreference(maxReplicasPerNode: 2)),
        ]
    )
    func placementForms(text: String, preference: PlacementPreference) throws {
        let service = try Self.service(#""placement_preference": \#(text)"#)
        #expect(service.placementPreference == preference)
        let app = App(name: "a", services: [service])
        #expect(try AppFile.parse(AppFile.encode(app)) == app)
    }

    @Test func emptyTextCountsAsMissing() throws {
        let service = try Self.service(
            #""runtime":"","snapshotter":"","node":"","process":{"user":"","workdir":""},"#
                + #""mounts":[{"type":"","source":"/x","destination":"/y"}],"#
                + #""endpoints":[{"service":"x","port":1,"host":""}]"#
        )
        let expected = Service(
            name: "b",
            image: "docker.io/library/c:latest",
            mounts: [Mount(source: "/x", destination: "/y")],
            endpoints: [Endpoint(service: "x", port: 1)]
        )
        #expect(service == expected)
    }

    @Test func runtimeMayBeAPath() throws {
        #expect(try Self.service(#""runtime":"/usr/local/bin/shim""#).runtime == "/usr/local/bin/shim")
    }

    /// `apps inspect --format json` prints the file as the member `definition`.
    @Test func parsesTheDefinitionOfAnInspectedApp() throws {
        let text = #"{"name":"shown","definition":{"name":"a","services":[{"name":"b","image":"c"}]},"replicas":[]}"#
        #expect(try AppFile.parse(text).name == "a")
    }

    @Test func labelsOfAnAppMayHaveReservedKeys() throws {
        let app = try AppFile.parse(#"{"name":"a","labels":["stellar.io/x=y"],"services":[{"name":"b","image":"c"}]}"#)
        #expect(app.labels == ["stellar.io/x": "y"])
    }

    @Test func slotsAndServicesByName() {
        let app = App(
            name: "a",
            services: [Service(name: "b", image: "c", replicas: 2), Service(name: "d", image: "c")]
        )
        #expect(app.slots.map(\.description) == ["a.b.0", "a.b.1", "a.d.0"])
        #expect(app.service(named: "d") == app.services[1] && app.service(named: "e") == nil)
        #expect(App(name: "a", services: [Service(name: "b", image: "c", replicas: -1)]).slots.isEmpty)
    }

    @Test func byteOrderMarkIsSkipped() throws {
        let app = try AppFile.parse([0xEF, 0xBB, 0xBF] + Array(Self.readme().utf8))
        #expect(app.name == "example")
    }
}
