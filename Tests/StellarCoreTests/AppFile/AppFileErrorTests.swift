import Testing

@testable import StellarCore

/// What a bad file is told: every rule has its line here.
@Suite struct AppFileErrorTests {
    static func errors(_ text: String) -> [String] {
        do {
            _ = try AppFile.parse(text)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    /// Rules of the app. The first argument is the whole file.
    @Test(arguments: [
        ("[]", "line 1, column 1: expected an object (an app), not a list"),
        ("null", "line 1, column 1: expected an object (an app), not null"),
        (#"{"services":[{"name":"b","image":"c"}]}"#, #"name: is missing; give the app a name such as "redis""#),
        (
            #"{"name":5,"services":[{"name":"b","image":"c"}]}"#,
            "name: expected a string, not a number (5); write it in quotes"
        ),
        (
            #"{"name":"My_App","services":[{"name":"b","image":"c"}]}"#,
            #"name: "My_App" is not a DNS label (a-z, 0-9 and - inside); did you mean "my-app"?"#
        ),
        (#"{"name":"","services":[{"name":"b","image":"c"}]}"#, #"name: is empty; give it a name such as "redis""#),
        (
            #"{"name":"ä","services":[{"name":"b","image":"c"}]}"#,
            #"name: "ä" is not a DNS label (a-z, 0-9 and - inside)"#
        ),
        (#"{"name":"a\u0000","services":[{"name":"b","image":"c"}]}"#, #"name: "a\u{0}" contains a NUL character"#),
        (#"{"name":"a"}"#, "services: is empty; an app has at least one service"),
        (#"{"name":"a","services":[]}"#, "services: is empty; an app has at least one service"),
        (#"{"name":"a","services":{}}"#, "services: expected a list of services, not an object"),
        (
            #"{"name":"a","services":"b"}"#,
            #"services: expected a list of services, not a string ("b"); a list stands in brackets: ["b"]"#
        ),
        (#"{"name":"a","services":[7]}"#, "services[0]: expected an object (a service), not a number (7)"),
        (
            #"{"name":"a","labels":["x"," =b"],"services":[{"name":"b","image":"c"}]}"#,
            #"labels[1]: the label key " " contains a space"#
        ),
        (
            #"{"name":"a","labels":["=b"],"services":[{"name":"b","image":"c"}]}"#,
            #"labels[0]: "=b" is not a label such as "env=prod""#
        ),
        (
            #"{"name":"a","labels":["b=1","b=2"],"services":[{"name":"b","image":"c"}]}"#,
            #"labels[1]: the label "b" is given twice; keep one"#
        ),
        (#"{"name":"a","name":"b","services":[{"name":"b","image":"c"}]}"#, "name: is given twice; keep one"),
        (#"{"name":"a","Name":"b","services":[{"name":"b","image":"c"}]}"#, "name: is given twice; keep one"),
        (
            #"{"name":"a","service":[],"services":[{"name":"b","image":"c"}]}"#,
            #"service: is not a field of an app; did you mean "services"?"#
        ),
        (
            #"{"name":"a","foo bar":1,"services":[{"name":"b","image":"c"}]}"#,
            #""foo bar": is not a field of an app (name, labels, services)"#
        ),
        (
            #"{"name":"a","services":[{"name":"b","image":"c"},{"name":"b","image":"c"}]}"#,
            #"services[1].name: "b" is the name of services[0] too; give each service its own"#
        ),
        (
            #"{"name":"a","services":[{"name":"b","image":"c","replicas":6000},{"name":"d","image":"c","replicas":6000}]}"#,
            "services[1].replicas: with this service the app has more than 10000 containers"
        ),
    ])
    func app(text: String, error: String) {
        #expect(Self.errors(text) == [error])
    }

    /// Rules of a service. The first argument is what follows name and image; paths are told from services[0] on.
    @Test(arguments: [
        (#""image":"c""#, "image: is given twice; keep one"),
        (#""insatnces":1"#, "insatnces: is not a field of a service (name"),
        (#""instances":1"#, #"instances: is not a field of a service; the number of containers is "replicas""#),
        (#""endpoint":[]"#, #"endpoint: is not a field of a service; did you mean "endpoints"?"#),
        (#""runtime":"a b""#, #"runtime: "a b" is not a runtime such as "io.containerd.runc.v2""#),
        (#""runtime":"/x/../y""#, #"runtime: "/x/../y" contains "..""#),
        (#""runtime":1"#, "runtime: expected a string, not a number (1)"),
        (#""snapshotter":"ü""#, #"snapshotter: "ü" is not a snapshotter such as "overlayfs""#),
        (#""node":"a b""#, #"node: "a b" is not the id of a node"#),
        (#""network":"yes""#, #"network: expected true or false, not a string ("yes")"#),
        (#""privileged":1"#, "privileged: expected true or false, not a number (1)"),
        (#""read_only":[]"#, "read_only: expected true or false, not a list"),
        (#""replicas":-1"#, "replicas: -1 is not a number of replicas (0-10000)"),
        (#""replicas":1.5"#, "replicas: 1.5 is not a number of replicas (0-10000)"),
        (#""replicas":10001"#, "replicas: 10001 is not a number of replicas (0-10000)"),
        (#""replicas":"two""#, #"replicas: expected a number, not a string ("two")"#),
        (#""replicas":1e999999999"#, "replicas: 1e999999999 is not a number of replicas (0-10000)"),
        (
            #""stop_grace_period":30"#,
            #"stop_grace_period: expected a duration such as "30s" or "1m30s", not a number (30)"#
        ),
        (#""stop_grace_period":"2h""#, #"stop_grace_period: "2h" is out of range (0s to 1h0m0s)"#),
        (#""stop_grace_period":"5 s""#, #"stop_grace_period: "5 s" is not a duration such as "30s" or "1m30s""#),
        (#""process":[]"#, "process: expected an object (a process), not a list"),
        (#""process":{"uid":-1}"#, "process.uid: -1 is not a user id (0-4294967294)"),
        (#""process":{"gid":4294967295}"#, "process.gid: 4294967295 is not a group id (0-4294967294)"),
        (#""process":{"uid":"root"}"#, #"process.uid: expected a number, not a string ("root")"#),
        (#""process":{"uid":0,"user":"www"}"#, #"process.user: "user" and "uid" exclude each other; keep one"#),
        (#""process":{"user":"a:b:c"}"#, #"process.user: "a:b:c" is not a user (NAME, NAME:GROUP, UID or UID:GID)"#),
        (#""process":{"args":["a",1]}"#, "process.args[1]: expected a string, not a number (1)"),
        (#""process":{"args":[""]}"#, "process.args[0]: is empty; it is the program to run"),
        (#""process":{"env":["A"]}"#, #"process.env[0]: "A" is not KEY=value"#),
        (#""process":{"env":["=A"]}"#, #"process.env[0]: "=A" is not KEY=value"#),
        (#""process":{"env":["A=1","A=2"]}"#, #"process.env[1]: the variable "A" is given twice; keep one"#),
        (#""process":{"workdir":"data"}"#, #"process.workdir: "data" is not an absolute path; begin it with "/""#),
        (#""process":{"arg":[]}"#, #"process.arg: is not a field of a process; did you mean "args"?"#),
        (
            #""labels":["stellar.io/restart=true"]"#,
            #"labels[0]: the label "stellar.io/restart" is set by the daemon; keys under stellar.io/ are not for apps"#
        ),
        (#""mounts":[{"destination":"/x"}]"#, "mounts[0].source: is missing; a bind mount shows a path of the node"),
        (#""mounts":[{"source":"x","destination":"/x"}]"#, #"mounts[0].source: "x" is not an absolute path"#),
        (#""mounts":[{"source":"/x"}]"#, "mounts[0].destination: is missing"),
        (#""mounts":[{"source":"/x","destination":"x"}]"#, #"mounts[0].destination: "x" is not an absolute path"#),
        (#""mounts":[{"source":"/x","destination":"//."}]"#, #"mounts[0].destination: "/" is the image's root"#),
        (#""mounts":[{"source":"/x","destination":"/a/../b"}]"#, #"mounts[0].destination: "/a/../b" contains "..""#),
        (
            #""mounts":[{"type":"nfs","source":"/x","destination":"/x"}]"#,
            #"mounts[0].type: "nfs" is not a mount type (bind, tmpfs"#
        ),
        (
            #""mounts":[{"source":"/x","destination":"/x"},{"source":"/y","destination":"/x/"}]"#,
            #"mounts[1].destination: "/x/" is the destination of services[0].mounts[0] too"#
        ),
        (
            #""mounts":[{"source":"/x","destination":"/x","options":["ro,rbind"]}]"#,
            #"mounts[0].options[0]: "ro,rbind" is not one mount option"#
        ),
        (
            #""mounts":[{"source":"/x","destination":"/x","options":["ro","rw"]}]"#,
            #"mounts[0].options[1]: "rw" contradicts "ro"; keep one"#
        ),
        (
            #""mounts":[{"source":"/x","target":"/x","destination":"/x"}]"#,
            #"mounts[0].target: is not a field of a mount; it is "destination""#
        ),
        (#""endpoints":[{"service":"x","port":70000}]"#, "endpoints[0].port: 70000 is not a port (1-65535)"),
        (#""endpoints":[{"service":"x","port":0}]"#, "endpoints[0].port: 0 is not a port (1-65535)"),
        // What people coming from other tools write is told how it is written here.
        (
            #""process":{"args":"redis-server --save"}"#,
            #"process.args: expected a list of strings, not a string ("redis-server --save"); a list stands in brackets"#
        ),
        (
            #""process":{"env":{"A":"b"}}"#,
            #"process.env: expected a list of strings such as "KEY=value", not an object"#
        ),
        (#""labels":{"a":"b"}"#, #"labels: expected a list of strings such as "env=prod", not an object"#),
        (#""mounts":["/a:/b"]"#, #"mounts[0]: expected an object (a mount), not a string ("/a:/b")"#),
        (#""replicas":"3""#, #"replicas: expected a number, not a string ("3"); write it without quotes"#),
        (#""read_only":"true""#, #"read_only: expected true or false, not a string ("true"); write it without quotes"#),
        (#""process":{"user":1000}"#, "process.user: expected a string, not a number (1000); write it in quotes"),
        (
            #""stop_grace_period":"5""#,
            #"stop_grace_period: "5" is not a duration such as "30s" or "1m30s"; did you mean "5s"?"#
        ),
        (
            #""restart":{"retries":3}"#,
            #"restart.retries: is not a field of a restart policy; did you mean "max_retries"?"#
        ),
        (#""depends_on":["y"]"#, "depends_on: is not a field of a service; all services start at once"),
        (#""endpoints":[{"service":"x","port":"80"}]"#, #"endpoints[0].port: expected a number, not a string ("80")"#),
        (#""endpoints":[{"service":"x"}]"#, "endpoints[0].port: is missing; give it a port (1-65535)"),
        (#""endpoints":[{"port":1}]"#, "endpoints[0].service: is missing; give the endpoint a name"),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"sctp"}]"#,
            #"endpoints[0].protocol: "sctp" is not a protocol (tcp, udp or http)"#
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":0}]"#,
            #"endpoints[0].protocol: 0 is not a protocol; write "tcp""#
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":true}]"#,
            #"endpoints[0].protocol: expected a protocol ("tcp", "udp" or "http"), not true"#
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"http"}]"#,
            "endpoints[0].host: is missing; the proxy finds"
        ),
        (#""endpoints":[{"service":"x","port":1,"host":"a..b"}]"#, #"endpoints[0].host: "a..b" is not a host name"#),
        (
            #""endpoints":[{"service":"x","port":1,"tls":true}]"#,
            #"endpoints[0].tls: is not a field of an endpoint; it belongs into "config""#
        ),
        (#""endpoints":[{"service":"x","port":1,"config":{}}]"#, "endpoints[0].config: is for http endpoints only"),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"tls":"yes"}}]"#,
            #"endpoints[0].config.tls: expected true or false, not a string ("yes")"#
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"timeouts":30}}]"#,
            "endpoints[0].config.timeouts: expected a duration"
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"proxy_upstream_headers":{"a b":"c"}}}]"#,
            #"endpoints[0].config.proxy_upstream_headers."a b": "a b" is not the name of an HTTP header"#
        ),
        (
            #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"proxy_upstream_headers":{"A":"b\nc"}}}]"#,
            "endpoints[0].config.proxy_upstream_headers.A: the value of a header has no line breaks"
        ),
        (
            #""endpoints":[{"service":"x","port":1},{"service":"x","port":1,"protocol":1}]"#,
            "endpoints[1]: is the same as services[0].endpoints[0]; keep one"
        ),
        (
            #""network":false,"endpoints":[{"service":"x","port":1}]"#,
            "endpoints: a service without network has no endpoints"
        ),
        (
            #""placement_preference":{"node_ids":[""]}"#,
            #"placement_preference.node_ids[0]: "" is not the id of a node"#
        ),
        (#""placement_preference":{"node_ids":["a","a"]}"#, #"placement_preference.node_ids[1]: "a" is given twice"#),
        (
            #""placement_preference":{"labels":["a=b"]}"#,
            "placement_preference.labels: expected an object of strings, not a list"
        ),
        (
            #""placement_preference":{"labels":{"a":1}}"#,
            "placement_preference.labels.a: expected a string, not a number (1)"
        ),
        (#""placement_preference":{"labels":{"a":"1","a":"2"}}"#, "placement_preference.labels.a: is given twice"),
        (#""restart":"sometimes""#, #"restart: "sometimes" is not a restart condition"#),
        (
            #""restart":1"#,
            #"restart: expected true, false, "always", "on-failure", "never" or an object, not a number (1)"#
        ),
        (#""restart":{"delay":"1ms"}"#, #"restart.delay: "1ms" is out of range (100ms to 24h0m0s)"#),
        (#""restart":{"delay":"10s","max_delay":"5s"}"#, #"restart.max_delay: is shorter than "delay" (10s)"#),
        (#""restart":{"max_retries":-1}"#, "restart.max_retries: -1 is not a number of restarts (0-1000000)"),
        (
            #""resources":{"memory":"256M"}"#,
            #"resources.memory: "256M" has no full unit: write "256MB" (1000) or "256MiB" (1024)"#
        ),
        (#""resources":{"memory":"lots"}"#, #"resources.memory: "lots" is not a size such as "256MB" or "1GiB""#),
        (#""resources":{"memory":1000}"#, "resources.memory: 1000 bytes are too few"),
        (#""resources":{"memory":-1}"#, "resources.memory: -1 is not a number of bytes"),
        (#""resources":{"memory":true}"#, #"resources.memory: expected bytes or a text such as "256MB", not true"#),
        (#""resources":{"cpu":0}"#, #"resources.cpu: 0 is not a number of CPUs such as 0.5 or "500m""#),
        (#""resources":{"cpu":"0.5m"}"#, #"resources.cpu: "0.5m" is not a number of CPUs"#),
        (#""resources":{"cpu":0.0001}"#, "resources.cpu: 0.0001 is not a number of CPUs"),
        (#""resources":{"cpu":{}}"#, "resources.cpu: expected CPUs such as 0.5"),
        (#""resources":{"cpus":1}"#, #"resources.cpus: is not a field of resources; it is "cpu""#),
        (#""resources":{"pids":0}"#, "resources.pids: 0 is not a number of processes (1-4194304)"),
        (#""health_check":{}"#, "health_check.port: is missing"),
        (#""health_check":{"type":"grpc"}"#, #"health_check.type: "grpc" is not a kind of health check"#),
        (#""health_check":{"command":[]}"#, "health_check.command: is empty"),
        (#""health_check":{"command":["x"],"port":1}"#, "health_check.port: does not belong to a health check by exec"),
        (#""health_check":{"port":1,"path":"x y"}"#, #"health_check.path: "x y" is not the path of a URL"#),
        (
            #""health_check":{"port":1,"interval":"0s"}"#,
            #"health_check.interval: "0s" is out of range (100ms to 24h0m0s)"#
        ),
        (#""health_check":{"port":1,"retries":0}"#, "health_check.retries: 0 is not a number of failures (1-1000)"),
        (
            #""capabilities":{"add":["NET_ADMN"]}"#,
            #"capabilities.add[0]: "NET_ADMN" is not a Linux capability; did you mean "CAP_NET_ADMIN"?"#
        ),
        (
            #""capabilities":{"add":["everything"]}"#,
            #"capabilities.add[0]: "everything" is not a Linux capability such as"#
        ),
        (
            #""capabilities":{"add":["KILL"],"drop":["cap_kill"]}"#,
            "capabilities.add: CAP_KILL is both added and dropped"
        ),
        (
            #""privileged":true,"capabilities":{"add":["KILL"]}"#,
            "capabilities: a privileged service has every capability"
        ),
    ])
    func service(members: String, error: String) throws {
        let found = Self.errors(#"{"name":"a","services":[{"name":"b","image":"c",\#(members)}]}"#)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("services[0]." + error) == true, "\(found)")
    }

    @Test(arguments: [
        ("{", "line 1, column 2: expected a member name in double quotes, but the document ends here"),
        ("", "line 1, column 1: the document is empty"), (" \n ", "line 2, column 2: the document is empty"),
        (
            "{\"name\": \"ü\",\n  \"x\": tru}",
            "line 2, column 8: expected a value, not \"tru\"; strings stand in double quotes"
        ),
        ("{\n\"a\": 1,\n}", "line 2, column 7: a comma before \"}\" is not JSON; remove it"),
        ("{\"a\": 01}", "line 1, column 7: a number has no leading zeros"),
        ("{\"a\" 1}", "line 1, column 6: expected \":\" after \"a\", not \"1\""),
        ("{\"a\": 1 \"b\"}", "line 1, column 9: expected \",\" or \"}\", not \"\"\""),
        ("{'a': 1}", "line 1, column 2: expected a member name in double quotes; strings stand in double quotes"),
        ("// x\n{}", "line 1, column 1: JSON has no comments; remove this one"),
        ("name: a", "line 1, column 1: expected a JSON document, which begins with \"{\", not \"name\""),
        ("{} {}", "line 1, column 4: expected the end of the document, not \"{\""),
        ("{\"a\": \"b\n\"}", "line 1, column 7: the string that begins here does not end on its line"),
        ("{\"a\": \"b", "line 1, column 7: the string that begins here does not end"),
        ("{\"a\": \"\\x\"}", "line 1, column 8: unknown escape in a string; a backslash itself is written \"\\\\\""),
        ("{\"a\": \"\\ud800\"}", "line 1, column 8: half of a surrogate pair in a string"),
        ("{\"a\": \"\\u12g4\"}", "line 1, column 8: \\u stands before four hexadecimal digits"),
        ("{\"a\": 1.}", "line 1, column 9: expected a digit, not \"}\""),
        ("[\u{1}]", "line 1, column 2: expected a value, not the byte 0x1"),
    ])
    func syntax(text: String, error: String) {
        #expect(Self.errors(text) == [error])
    }

    /// One mistake does not hide another, where a value has two.
    @Test func bothMistakesOfOneObject() {
        let mounts = #"[{"source":"x","destination":"/a"},{"source":"/x","destination":"/a/"}]"#
        let process = #"{"user":"a:b:c","uid":1}"#
        #expect(
            Self.errors(
                #"{"name":"a","services":[{"name":"b","image":"c:","process":\#(process),"mounts":\#(mounts)}]}"#
            ) == [
                #"services[0].image: "c:" is not an image reference: after the last ":" stands its tag, such as "latest""#,
                #"services[0].process.user: "a:b:c" is not a user (NAME, NAME:GROUP, UID or UID:GID)"#,
                #"services[0].process.user: "user" and "uid" exclude each other; keep one"#,
                #"services[0].mounts[0].source: "x" is not an absolute path; begin it with "/""#,
                #"services[0].mounts[1].destination: "/a/" is the destination of services[0].mounts[0] too"#,
            ]
        )
    }

    @Test func textThatIsNotUTF8() {
        let bytes = Array(#"{"name": ""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)
        #expect(throws: AppFileErrors.self) { try AppFile.parse(bytes) }
        do {
            _ = try AppFile.parse(bytes)
        } catch {
            #expect(error.description == "line 1, column 10: this string is not UTF-8")
        }
    }

    @Test func allErrorsInTheOrderOfTheFile() throws {
        let text = """
            {
                "services": [
                    {"image": "c", "name": "ok", "endpoints": [{"service": "web", "port": 1}]},
                    {"replicas": "two",
                     "endpoints": [{"service": "web", "port": 70000}],
                     "image": "",
                     "colour": "red",
                     "name": "Bad Name"}
                ],
                "name": 7
            }
            """
        do {
            _ = try AppFile.parse(text)
            Issue.record("a file full of mistakes was taken")
        } catch {
            #expect(
                error.errors.map(\.path) == [
                    "services[1].replicas", "services[1].endpoints[0].port", "services[1].image", "services[1].colour",
                    "services[1].name", "name",
                ]
            )
            #expect(error.errors.map(\.line) == [4, 5, 6, 7, 8, 10])
            #expect(error.errors[1].description == "services[1].endpoints[0].port: 70000 is not a port (1-65535)")
            #expect(error.errors[1].column == 51)
        }
    }

    @Test func longNames() {
        let label = String(repeating: "a", count: 63)
        #expect(
            Self.errors(#"{"name":"\#(label)","services":[{"name":"b","image":"c"}]}"#).first?
                .hasPrefix(
                    #"services[0].name: the container id "\#(label).b.0" has 67 characters, but it is also the host"#
                )
                == true
        )
        #expect(
            Self.errors(#"{"name":"\#(label)a","services":[{"name":"b","image":"c"}]}"#)
                == [#"name: "\#(label)a" has 64 characters; a DNS label has at most 63"#]
        )
        // 64 characters are just right, and the highest replica is what counts.
        let sixty = String(repeating: "a", count: 60)
        #expect(Self.errors(#"{"name":"\#(sixty)","services":[{"name":"b","image":"c","replicas":10}]}"#).isEmpty)
        #expect(Self.errors(#"{"name":"\#(sixty)","services":[{"name":"b","image":"c","replicas":11}]}"#).count == 1)
    }

    @Test func limits() {
        let many = Array(repeating: #"{"name":"b","image":"c"}"#, count: 1001).joined(separator: ",")
        #expect(
            Self.errors(#"{"name":"a","services":[\#(many)]}"#) == ["services: has 1001 services; the limit is 1000"]
        )
        let args = Array(repeating: #""x""#, count: 1001).joined(separator: ",")
        #expect(
            Self.errors(#"{"name":"a","services":[{"name":"b","image":"c","process":{"args":[\#(args)]}}]}"#)
                == ["services[0].process.args: has 1001 entries; the limit is 1000"]
        )
        let deep = String(repeating: "[", count: 100_000)
        #expect(Self.errors(deep) == ["line 1, column 65: values are nested more than 64 deep"])
        let huge = String(repeating: " ", count: AppFile.maximumSize + 1)
        #expect(Self.errors(huge) == ["line 1, column 1: the document has 8388609 bytes; the limit is 8388608"])
        let errors = Self.errors(
            #"{"name":"a","services":[\#(Array(repeating: "1", count: 1000).joined(separator: ","))],"x":1}"#
        )
        #expect(errors.count == 1001)
        #expect(errors.last == "and 1 errors more")
    }

    /// However an app came, what is written of it can be read again.
    @Test func theLargestAppsCanBeReadAgain() throws {
        func app(services: Int, headers: Int) -> App {
            let http = Endpoint.HTTP(
                proxyUpstreamHeaders: Dictionary(uniqueKeysWithValues: (0..<headers).map { ("h\($0)", "") })
            )
            let endpoint = Endpoint(service: "x", protocol: .http, host: "h", port: 1, http: http)
            return App(
                name: "a",
                services: (0..<services).map { Service(name: "s\($0)", image: "i", endpoints: [endpoint]) }
            )
        }
        let large = try app(services: 1000, headers: 80).validated()
        let written = AppFile.encode(large)
        #expect(written.count > 3 * AppFile.maximumAppSize)
        #expect(try AppFile.parse(written) == large)
        #expect(throws: AppFileErrors.self) { try app(services: 1000, headers: 120).validate() }
    }

    @Test func anAppMadeInCodeIsToldTheSame() {
        let endpoint = Endpoint(service: "x", protocol: .http, port: 0)
        let app = App(name: "A", services: [Service(name: "b", image: "c:", endpoints: [endpoint], replicas: -1)])
        do {
            try app.validate()
            Issue.record("it was taken")
        } catch {
            #expect(
                error.errors.map(\.path) == [
                    "name", "services[0].image", "services[0].endpoints[0].host", "services[0].endpoints[0].port",
                    "services[0].replicas",
                ]
            )
            #expect(error.errors.allSatisfy { $0.line == nil && $0.column == nil })
        }
    }
}
