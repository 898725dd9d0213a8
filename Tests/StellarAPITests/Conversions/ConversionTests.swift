import FoundationEssentials
import StellarAPI
import StellarCore
import SwiftProtobuf
import Testing

@Suite struct ConversionTests {
    /// A file in which no field has its default.
    static let file = """
        {"name": "shop", "labels": ["env=prod"], "services": [{
            "name": "web", "image": "localhost:5000/shop/web:1.2", "runtime": "io.containerd.runtime.v1.linux",
            "snapshotter": "native", "node": "ctr-01",
            "process": {"uid": 0, "gid": 7, "args": ["/bin/web"], "env": ["A=1"], "workdir": "/srv"},
            "labels": ["tier=front"],
            "mounts": [{"source": "/srv", "destination": "/data", "options": ["ro"]}, {"type": "tmpfs", "destination": "/t"}],
            "endpoints": [
                {"service": "www", "protocol": "http", "host": "shop.example.com", "port": 8080,
                 "config": {"tls": true, "timeouts": "1m30s", "proxy_try_duration": "250ms", "proxy_fail_timeout": "10s",
                            "limits": "1MB", "proxy_upstream_headers": {"X-A": "1", "X-B": "2"}}},
                {"service": "stats", "protocol": "udp", "port": 8125}, {"service": "admin", "port": 65535}],
            "replicas": 3, "placement_preference": {"node_ids": ["ctr-00"], "labels": {"zone": "a"}},
            "restart": {"condition": "on-failure", "max_retries": 5, "delay": "500ms", "max_delay": "30s"},
            "resources": {"cpu": 1.5, "memory": "256MB", "pids": 100},
            "health_check": {"port": 8080, "path": "/healthz", "interval": "10s", "retries": 4},
            "read_only": true, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "stop_grace_period": "1.5s"},
            {"name": "job", "image": "job", "process": {"user": "www"}, "network": false, "restart": false,
             "privileged": true, "health_check": {"command": ["true"]}},
            {"name": "db", "image": "db", "health_check": {"port": 5432}}]}
        """

    @Test func appIsTheSameAfterTheWire() throws {
        let app = try AppFile.parse(Self.file)
        let bytes: [UInt8] = try ApplicationCreateRequest(app).serializedBytes()
        #expect(try App(request: ApplicationCreateRequest(serializedBytes: bytes)) == app)
        for service in app.services {
            #expect(try Service(ServiceExtension.decode(ServiceExtension.encode(service))) == service)
            #expect(ServiceExtension.encode(service) == ServiceExtension.encode(service))
        }
    }

    /// The original's client has none of the new fields, and proto3 without presence.
    @Test func acceptsRequestsOfTheOriginalsClient() throws {
        var request = ApplicationCreateRequest()
        request.name = "example"
        request.labels = ["env=prod"]
        var service = RuntimeService()
        service.name = "redis"
        service.image = "docker.io/library/redis:alpine"
        service.runtime = "io.containerd.runtime.v1.linux"
        service.process.args = ["redis-server"]
        var endpoint = RuntimeEndpoint()
        endpoint.service = "redis"
        endpoint.port = 6379
        service.endpoints = [endpoint]
        service.placementPreference.replicas = 2
        request.services = [service]
        let app = try App(request: request)
        #expect(
            app
                == App(
                    name: "example",
                    labels: ["env": "prod"],
                    services: [
                        Service(
                            name: "redis",
                            image: "docker.io/library/redis:alpine",
                            runtime: "io.containerd.runtime.v1.linux",
                            process: Process(args: ["redis-server"]),
                            endpoints: [Endpoint(service: "redis", protocol: .tcp, port: 6379)],
                            replicas: 2
                        )
                    ]
                )
        )
        request.services[0].clearProcess()
        #expect(try App(request: request).services[0].process == Process())
    }

    @Test func typeURLIsBare() throws {
        let app = try AppFile.parse(Self.file)
        var endpoint = RuntimeEndpoint(app.services[0].endpoints[0])
        #expect(endpoint.endpointConfig.typeURL == "io.stellarproject.radiant.api.v1.Server")
        let server = try RadiantServer(serializedBytes: endpoint.endpointConfig.value)
        #expect(server.tls && server.timeouts.seconds == 90 && server.proxyTryDuration.nanos == 250_000_000)
        #expect(!RuntimeEndpoint(app.services[0].endpoints[1]).hasEndpointConfig)
        // A type URL with a prefix is accepted, too.
        endpoint.endpointConfig.typeURL = "type.googleapis.com/" + endpoint.endpointConfig.typeURL
        var service = RuntimeService(app.services[0])
        service.endpoints[0] = endpoint
        #expect(try Service(service) == app.services[0])
    }

    @Test func requestsAreCheckedByTheRulesOfTheFile() throws {
        var request = ApplicationCreateRequest(try AppFile.parse(Self.file))
        request.name = "Shop"
        request.services[0].endpoints[0].port = 70_000
        request.services[0].endpoints[0].endpointConfig.value = Data([0xFF])
        request.services[0].endpoints[1].endpointConfig.typeURL = "x.y.Z"
        request.services[0].endpoints[2].protocol = .UNRECOGNIZED(9)
        request.services[0].stopGracePeriod.seconds = -1
        request.services[1].process.uid = 5
        request.services[1].healthCheck.kind = .UNRECOGNIZED(8)
        request.services[2].healthCheck.interval.seconds = .max
        request.services[2].replicas = .max
        request.services[2].restartPolicy.condition = .UNRECOGNIZED(7)
        request.services.append(RuntimeService())
        do {
            _ = try App(request: request)
            Issue.record("the request was accepted")
        } catch {
            #expect(
                error.errors.map(\.path) == [
                    "name", "services[0].endpoints[0].port", "services[0].endpoints[2].protocol",
                    "services[0].stop_grace_period", "services[1].process.user", "services[1].health_check.type",
                    "services[2].replicas", "services[2].restart.condition", "services[2].health_check.interval",
                    "services[3].image", "services[3].name",
                    "services[0].endpoints[0].endpoint_config", "services[0].endpoints[1].endpoint_config",
                ]
            )
            #expect(error.errors[1].message.contains("70000"))
        }
        #expect(throws: AppFileErrors.self) { try App(request: ApplicationCreateRequest()) }
        #expect(throws: AppFileErrors.self) { try Service(RuntimeService()) }
    }

    @Test func nodes() {
        let node = Node(id: "ctr-00", address: "10.0.1.33:9000", labels: ["zone": "a"])
        #expect(Node(ClusterNode(node)) == node)
    }

    @Test func records() throws {
        let options = Record.SRVOptions(service: "web", protocol: "http", port: 8080)
        let srv = Record(type: .srv, name: "a.b.0.stellar", value: "a.b.0.stellar", options: options)
        let message = NameserverRecord(srv)
        #expect(message.options.typeURL == "stellar.io/services/nameserver/types.SRVOptions")
        let json = String(decoding: message.options.value, as: UTF8.self)
        #expect(json == #"{"Service":"web","Protocol":"http","Priority":0,"Weight":0,"Port":8080}"#)
        #expect(try Record(message) == srv)
        for kind in Record.Kind.allCases {
            let record = Record(type: kind, name: "x", value: "y")
            #expect(!NameserverRecord(record).hasOptions)
            #expect(try Record(NameserverRecord(record)) == record)
            #expect(try Record.Kind(NameserverRecordType(kind)) == kind)
        }
    }

    @Test(arguments: [
        "", "[]", "{", #"{"Port":70000}"#, #"{"Port":"1"}"#, #"{"Service":1}"#, #"{"Port":-1}"#, #"{"Port":1.0}"#,
    ])
    func badOptions(json: String) {
        var message = NameserverRecord()
        message.type = .srv
        message.options.typeURL = Record.SRVOptions.typeURL
        message.options.value = Data(json.utf8)
        #expect(throws: RecordError.self) { try Record(message) }
        message.type = .a
        #expect((try? Record(message))?.options == nil)
    }

    @Test func goodOptions() throws {
        #expect(try Record.SRVOptions(goJSON: Array("{}".utf8)) == .init(service: "", protocol: "", port: 0))
        let loose = #"{"port":1,"PORT":2,"service":null,"Other":[1]}"#
        #expect(try Record.SRVOptions(goJSON: Array(loose.utf8)).port == 2)
        var message = NameserverRecord()
        #expect(throws: RecordError.self) { try Record(message) }
        message.type = .UNRECOGNIZED(9)
        #expect(throws: RecordError.self) { try Record(message) }
        message.type = .srv
        #expect(try Record(message) == Record(type: .srv, name: "", value: ""))
        message.options.typeURL = "x"
        #expect(throws: RecordError.self) { try Record(message) }
    }
}
