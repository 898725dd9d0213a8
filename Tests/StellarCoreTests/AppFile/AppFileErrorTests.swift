import Testing

@testable import StellarCore

/// The errors of app files: each rule has a line here, with the place of the error and the values in its message.
@Suite struct AppFileErrorTests {
    static func errors(_ text: String) -> [AppFileError] {
        do {
            _ = try AppFile.parse(text)
            return []
        } catch {
            return error.errors
        }
    }

    /// The path of an error, or else its line and column.
    static func place(_ error: AppFileError) -> String {
        error.path.isEmpty ? "line \(error.line ?? 0), column \(error.column ?? 0)" : error.path
    }

    /// Expects a single error at the place, with all the values in its message.
    static func expect(_ text: String, _ place: String, _ values: [String]) {
        let errors = errors(text)
        #expect(errors.map(Self.place) == [place], "\(errors)")
        for value in values {
            #expect(errors.first?.message.contains(value) == true, "\(value) is not in the message: \(errors)")
        }
    }

    /// Rules of the app. The first argument is the whole file.
    @Test(
        arguments: [
            ("[]", "line 1, column 1", ["not a list"]),
            ("null", "line 1, column 1", ["null"]),
            (#"{"services":[{"name":"b","image":"c"}]}"#, "name", [#""redis""#]),
            (#"{"name":5,"services":[{"name":"b","image":"c"}]}"#, "name", ["5"]),
            (#"{"name":"My_App","services":[{"name":"b","image":"c"}]}"#, "name", [#""My_App""#, #""my-app""#, "0-9"]),
            (#"{"name":"","services":[{"name":"b","image":"c"}]}"#, "name", [#""redis""#]),
            (#"{"name":"ä","services":[{"name":"b","image":"c"}]}"#, "name", [#""ä""#, "0-9"]),
            (#"{"name":"a\u0000","services":[{"name":"b","image":"c"}]}"#, "name", [#""a\u{0}""#]),
            (#"{"name":"a"}"#, "services", ["empty"]),
            (#"{"name":"a","services":[]}"#, "services", ["empty"]),
            (#"{"name":"a","services":{}}"#, "services", ["not an object"]),
            (#"{"name":"a","services":"b"}"#, "services", [#""b""#]),
            (#"{"name":"a","services":[7]}"#, "services[0]", ["7"]),
            (#"{"name":"a","labels":["x"," =b"],"services":[{"name":"b","image":"c"}]}"#, "labels[1]", [#"" ""#]),
            (
                #"{"name":"a","labels":["=b"],"services":[{"name":"b","image":"c"}]}"#, "labels[0]",
                [#""=b""#, #""env=prod""#]
            ),
            (#"{"name":"a","labels":["b=1","b=2"],"services":[{"name":"b","image":"c"}]}"#, "labels[1]", [#""b""#]),
            (#"{"name":"a","name":"b","services":[{"name":"b","image":"c"}]}"#, "name", ["twice"]),
            (#"{"name":"a","Name":"b","services":[{"name":"b","image":"c"}]}"#, "name", ["twice"]),
            (#"{"name":"a","service":[],"services":[{"name":"b","image":"c"}]}"#, "service", [#""services""#]),
            (#"{"name":"a","foo bar":1,"services":[{"name":"b","image":"c"}]}"#, #""foo bar""#, ["(name"]),
            (
                #"{"name":"a","services":[{"name":"b","image":"c"},{"name":"b","image":"c"}]}"#, "services[1].name",
                [#""b""#, "services[0]"]
            ),
            (
                #"{"name":"a","services":[{"name":"b","image":"c","replicas":6000},{"name":"d","image":"c","replicas":6000}]}"#,
                "services[1].replicas", ["10000"]
            ),
            (
                #"{"name":"a","services":[{"name":"b"}]}"#, "services[0].image",
                ["missing", "docker.io/library/redis:alpine"]
            ),
            (#"{"name":"a","services":[{"image":"c"}]}"#, "services[0].name", ["missing", #""redis""#]),
            (#"{"name":"a","services":[{"name":"b","image":""}]}"#, "services[0].image", [#""""#]),
            (#"{"name":"a","services":[{"name":"b","image":7}]}"#, "services[0].image", ["7"]),
            (#"{"name":"a","services":[{"name":"b.c","image":"c"}]}"#, "services[0].name", [#""b.c""#, #""b-c""#]),
            (
                #"{"name":"a","labels":["\#(longLabel)"],"services":[{"name":"b","image":"c"}]}"#, "labels[0]",
                ["4097", "4096"]
            ),
            (#"{"definition":{"name":"A","services":[{"name":"b","image":"c"}]}}"#, "name", [#""A""#]),
        ] as [(String, String, [String])]
    )
    func app(text: String, place: String, values: [String]) {
        Self.expect(text, place, values)
    }

    static let longLabel = "k=" + String(repeating: "v", count: Labels.maximumBytes)

    /// Rules of a service. The first argument follows name and image; paths begin at the service.
    @Test(
        arguments: [
            (#""image":"c""#, "image", ["twice"]),
            (#""insatnces":1"#, "insatnces", ["(name"]),
            (#""instances":1"#, "instances", [#""replicas""#]),
            (#""endpoint":[]"#, "endpoint", [#""endpoints""#]),
            (#""runtime":"a b""#, "runtime", [#""a b""#, #""io.containerd.runc.v2""#]),
            (#""runtime":"/x/../y""#, "runtime", [#""/x/../y""#, #""..""#]),
            (#""runtime":1"#, "runtime", ["1"]),
            (#""snapshotter":"ü""#, "snapshotter", [#""ü""#, #""overlayfs""#]),
            (#""node":"a b""#, "node", [#""a b""#]),
            (#""network":"yes""#, "network", [#""yes""#]),
            (#""privileged":1"#, "privileged", ["1"]),
            (#""read_only":[]"#, "read_only", ["not a list"]),
            (#""replicas":-1"#, "replicas", ["-1", "0-10000"]),
            (#""replicas":1.5"#, "replicas", ["1.5", "0-10000"]),
            (#""replicas":10001"#, "replicas", ["10001", "0-10000"]),
            (#""replicas":"two""#, "replicas", [#""two""#]),
            (#""replicas":1e999999999"#, "replicas", ["1e999999999", "0-10000"]),
            (#""stop_grace_period":30"#, "stop_grace_period", [#""30s""#, #""1m30s""#, "30"]),
            (#""stop_grace_period":"2h""#, "stop_grace_period", [#""2h""#, "0s", "1h0m0s"]),
            (#""stop_grace_period":"5 s""#, "stop_grace_period", [#""5 s""#, #""30s""#, #""1m30s""#]),
            (#""process":[]"#, "process", ["not a list"]),
            (#""process":{"uid":-1}"#, "process.uid", ["-1", "0-4294967294"]),
            (#""process":{"gid":4294967295}"#, "process.gid", ["4294967295", "0-4294967294"]),
            (#""process":{"uid":"root"}"#, "process.uid", [#""root""#]),
            (#""process":{"uid":0,"user":"www"}"#, "process.user", [#""user""#, #""uid""#]),
            (#""process":{"user":"a:b:c"}"#, "process.user", [#""a:b:c""#, "NAME:GROUP"]),
            (#""process":{"args":["a",1]}"#, "process.args[1]", ["1"]),
            (#""process":{"args":[""]}"#, "process.args[0]", ["empty"]),
            (#""process":{"env":["A"]}"#, "process.env[0]", [#""A""#]),
            (#""process":{"env":["=A"]}"#, "process.env[0]", [#""=A""#]),
            (#""process":{"env":["A=1","A=2"]}"#, "process.env[1]", [#""A""#]),
            (#""process":{"workdir":"data"}"#, "process.workdir", [#""data""#, #""/""#]),
            (#""process":{"arg":[]}"#, "process.arg", [#""args""#]),
            (#""labels":["stellar.io/restart=true"]"#, "labels[0]", [#""stellar.io/restart""#]),
            (#""mounts":[{"destination":"/x"}]"#, "mounts[0].source", ["missing"]),
            (#""mounts":[{"source":"x","destination":"/x"}]"#, "mounts[0].source", [#""x""#]),
            (#""mounts":[{"source":"/x"}]"#, "mounts[0].destination", ["missing"]),
            (#""mounts":[{"source":"/x","destination":"x"}]"#, "mounts[0].destination", [#""x""#]),
            (#""mounts":[{"source":"/x","destination":"//."}]"#, "mounts[0].destination", [#""/""#]),
            (
                #""mounts":[{"source":"/x","destination":"/a/../b"}]"#, "mounts[0].destination",
                [#""/a/../b""#, #""..""#]
            ),
            (#""mounts":[{"type":"nfs","source":"/x","destination":"/x"}]"#, "mounts[0].type", [#""nfs""#]),
            (
                #""mounts":[{"source":"/x","destination":"/x"},{"source":"/y","destination":"/x/"}]"#,
                "mounts[1].destination", [#""/x/""#, "services[0].mounts[0]"]
            ),
            (
                #""mounts":[{"source":"/x","destination":"/x","options":["ro,rbind"]}]"#, "mounts[0].options[0]",
                [#""ro,rbind""#]
            ),
            (
                #""mounts":[{"source":"/x","destination":"/x","options":["ro","rw"]}]"#, "mounts[0].options[1]",
                [#""rw""#, #""ro""#]
            ),
            (#""mounts":[{"source":"/x","target":"/x","destination":"/x"}]"#, "mounts[0].target", [#""destination""#]),
            (#""endpoints":[{"service":"x","port":70000}]"#, "endpoints[0].port", ["70000", "1-65535"]),
            (#""endpoints":[{"service":"x","port":0}]"#, "endpoints[0].port", ["0", "1-65535"]),
            // The forms of other tools.
            (#""process":{"args":"redis-server --save"}"#, "process.args", [#""redis-server --save""#]),
            (#""process":{"env":{"A":"b"}}"#, "process.env", [#""KEY=value""#]),
            (#""labels":{"a":"b"}"#, "labels", [#""env=prod""#]),
            (#""mounts":["/a:/b"]"#, "mounts[0]", [#""/a:/b""#]),
            (#""replicas":"3""#, "replicas", [#""3""#]),
            (#""read_only":"true""#, "read_only", [#""true""#]),
            (#""process":{"user":1000}"#, "process.user", ["1000"]),
            (#""stop_grace_period":"5""#, "stop_grace_period", [#""5""#, #""30s""#, #""1m30s""#, #""5s""#]),
            (#""restart":{"retries":3}"#, "restart.retries", [#""max_retries""#]),
            (#""depends_on":["y"]"#, "depends_on", ["not a field of a service", "wait"]),
            (#""endpoints":[{"service":"x","port":"80"}]"#, "endpoints[0].port", [#""80""#]),
            (#""endpoints":[{"service":"x"}]"#, "endpoints[0].port", ["1-65535"]),
            (#""endpoints":[{"port":1}]"#, "endpoints[0].service", ["missing"]),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"sctp"}]"#, "endpoints[0].protocol",
                [#""sctp""#, "tcp"]
            ),
            (#""endpoints":[{"service":"x","port":1,"protocol":0}]"#, "endpoints[0].protocol", [#""tcp""#, "0"]),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":true}]"#, "endpoints[0].protocol",
                [#""tcp""#, #""udp""#, #""http""#]
            ),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"http"}]"#, "endpoints[0].host",
                ["missing", #""protocol": "tcp""#]
            ),
            (#""endpoints":[{"service":"x","port":1,"host":"a..b"}]"#, "endpoints[0].host", [#""a..b""#]),
            (#""endpoints":[{"service":"x","port":1,"tls":true}]"#, "endpoints[0].tls", [#""config""#]),
            (#""endpoints":[{"service":"x","port":1,"config":{}}]"#, "endpoints[0].config", [#""protocol": "http""#]),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"tls":"yes"}}]"#,
                "endpoints[0].config.tls", [#""yes""#]
            ),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"timeouts":30}}]"#,
                "endpoints[0].config.timeouts", ["30"]
            ),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"proxy_upstream_headers":{"a b":"c"}}}]"#,
                #"endpoints[0].config.proxy_upstream_headers."a b""#, [#""a b""#]
            ),
            (
                #""endpoints":[{"service":"x","port":1,"protocol":"http","host":"h","config":{"proxy_upstream_headers":{"A":"b\nc"}}}]"#,
                "endpoints[0].config.proxy_upstream_headers.A", ["line break"]
            ),
            (
                #""endpoints":[{"service":"x","port":1},{"service":"x","port":1,"protocol":1}]"#, "endpoints[1]",
                ["services[0].endpoints[0]"]
            ),
            (#""network":false,"endpoints":[{"service":"x","port":1}]"#, "endpoints", [#""network": false"#]),
            (#""placement_preference":{"node_ids":[""]}"#, "placement_preference.node_ids[0]", [#""""#]),
            (#""placement_preference":{"node_ids":["a","a"]}"#, "placement_preference.node_ids[1]", [#""a""#]),
            (#""placement_preference":{"labels":["a=b"]}"#, "placement_preference.labels", ["not a list"]),
            (#""placement_preference":{"labels":{"a":1}}"#, "placement_preference.labels.a", ["1"]),
            (#""placement_preference":{"labels":{"a":"1","a":"2"}}"#, "placement_preference.labels.a", ["twice"]),
            (#""restart":"sometimes""#, "restart", [#""sometimes""#]),
            (#""restart":1"#, "restart", [#""always""#, #""on-failure""#, #""never""#, "1"]),
            (#""restart":{"delay":"1ms"}"#, "restart.delay", [#""1ms""#, "100ms", "24h0m0s"]),
            (#""restart":{"delay":"10s","max_delay":"5s"}"#, "restart.max_delay", [#""delay""#, "10s"]),
            (#""restart":{"max_retries":-1}"#, "restart.max_retries", ["-1", "0-1000000"]),
            (
                #""resources":{"memory":"256M"}"#, "resources.memory",
                [#""256M""#, #""256MB""#, #""256MiB""#, "1000", "1024"]
            ),
            (#""resources":{"memory":"lots"}"#, "resources.memory", [#""lots""#, #""256MB""#, #""1GiB""#]),
            (#""resources":{"memory":1000}"#, "resources.memory", ["1000", "6MiB"]),
            (#""resources":{"memory":-1}"#, "resources.memory", ["-1"]),
            (#""resources":{"memory":true}"#, "resources.memory", [#""256MB""#]),
            (#""resources":{"cpu":0}"#, "resources.cpu", [#""500m""#, "0", "0.5"]),
            (#""resources":{"cpu":"0.5m"}"#, "resources.cpu", [#""0.5m""#]),
            (#""resources":{"cpu":0.0001}"#, "resources.cpu", ["0.0001"]),
            (#""resources":{"cpu":{}}"#, "resources.cpu", ["0.5"]),
            (#""resources":{"cpus":1}"#, "resources.cpus", [#""cpu""#]),
            (#""resources":{"pids":0}"#, "resources.pids", ["0", "1-4194304"]),
            (#""health_check":{}"#, "health_check.port", ["missing"]),
            (#""health_check":{"type":"grpc"}"#, "health_check.type", [#""grpc""#]),
            (#""health_check":{"command":[]}"#, "health_check.command", ["empty"]),
            (#""health_check":{"command":["x"],"port":1}"#, "health_check.port", [#""exec""#]),
            (#""health_check":{"port":1,"path":"x y"}"#, "health_check.path", [#""x y""#]),
            (#""health_check":{"port":1,"interval":"0s"}"#, "health_check.interval", [#""0s""#, "100ms", "24h0m0s"]),
            (#""health_check":{"port":1,"retries":0}"#, "health_check.retries", ["0", "1-1000"]),
            (#""capabilities":{"add":["NET_ADMN"]}"#, "capabilities.add[0]", [#""NET_ADMN""#, #""CAP_NET_ADMIN""#]),
            (#""capabilities":{"add":["everything"]}"#, "capabilities.add[0]", [#""everything""#]),
            (#""capabilities":{"add":["KILL"],"drop":["cap_kill"]}"#, "capabilities.add", ["CAP_KILL"]),
            (
                #""privileged":true,"capabilities":{"add":["KILL"]}"#, "capabilities",
                [#""privileged""#, #""capabilities""#]
            ),
            (#""snapshotter":"\#(long(77))""#, "snapshotter", [#""overlayfs""#]),
            (#""node":"\#(long(254))""#, "node", ["sctl cluster nodes"]),
            (#""stop_grace_period":"-1s""#, "stop_grace_period", [#""-1s""#, "0s", "1h0m0s"]),
            (#""process":{"gid":0,"user":"www"}"#, "process.user", [#""user""#, #""gid""#]),
            (#""process":{"user":"a/b"}"#, "process.user", [#""a/b""#, "NAME:GROUP"]),
            (#""process":{"env":["A B=1"]}"#, "process.env[0]", [#""A B=1""#, "KEY=value"]),
            (#""process":{"workdir":"/\#(long(4095))"}"#, "process.workdir", ["4096", "4095"]),
            (#""labels":["containerd.io/x=y"]"#, "labels[0]", [#""containerd.io/x""#, "containerd.io/"]),
            (
                #""mounts":[{"source":"/x","destination":"/x","read_only":true}]"#, "mounts[0].read_only",
                [#""options": ["ro"]"#]
            ),
            (#""mounts":[{"type":7,"source":"/x","destination":"/x"}]"#, "mounts[0].type", ["7"]),
            (
                #""mounts":[{"source":"/x","destination":"/x","options":["exec","noexec"]}]"#,
                "mounts[0].options[1]", [#""noexec""#, #""exec""#]
            ),
            (#""mounts":[{"source":"/x","destination":"/x","options":[""]}]"#, "mounts[0].options[0]", [#""""#]),
            (#""endpoints":[{"service":"\#(long(63))","port":1}]"#, "endpoints[0].service", ["63", "62"]),
            (#""endpoints":[{"service":"a_b","port":1}]"#, "endpoints[0].service", [#""a_b""#, #""a-b""#]),
            (#""endpoints":[{"service":"x","port":1,"protocol":9}]"#, "endpoints[0].protocol", ["9", #""http""#]),
            (
                #""endpoints":[\#(http("")),\#(http(#""config":{"tls":true}"#))]"#,
                "endpoints[1]", ["services[0].endpoints[0]"]
            ),
            (
                #""endpoints":[\#(http(#""config":{"timeouts":"0s"}"#))]"#, "endpoints[0].config.timeouts",
                [#""0s""#, "1ms", "24h"]
            ),
            (
                #""endpoints":[\#(http(#""config":{"proxy_try_duration":"25h"}"#))]"#,
                "endpoints[0].config.proxy_try_duration", [#""25h""#, "0s", "24h"]
            ),
            (
                #""endpoints":[\#(http(#""config":{"proxy_fail_timeout":"25h"}"#))]"#,
                "endpoints[0].config.proxy_fail_timeout", [#""25h""#, "0s", "24h"]
            ),
            (#""endpoints":[\#(http(#""config":{"limits":1}"#))]"#, "endpoints[0].config.limits", ["1"]),
            (#""placement_preference":{"spread":"zone=a"}"#, "placement_preference.spread", [#""zone=a""#]),
            (#""placement_preference":{"spread":["a",""]}"#, "placement_preference.spread[1]", [#""""#]),
            (#""placement_preference":{"spread":["a","a"]}"#, "placement_preference.spread[1]", [#""a""#]),
            (#""placement_preference":{"labels":{"":"x"}}"#, #"placement_preference.labels."""#, ["empty"]),
            (#""placement_preference":{"labels":{"a b":"x"}}"#, #"placement_preference.labels."a b""#, [#""a b""#]),
            (
                #""placement_preference":{"max_replicas_per_node":0}"#,
                "placement_preference.max_replicas_per_node", ["0", "1-10000"]
            ),
            (#""restart":{"condition":"sometimes"}"#, "restart.condition", [#""sometimes""#, #""on-failure""#]),
            (#""restart":{"max_delay":"25h"}"#, "restart.max_delay", [#""25h""#, "100ms", "24h0m0s"]),
            (#""resources":{"cpu":8193}"#, "resources.cpu", ["8193", "8192"]),
            (#""resources":{"memory":9223372036854775808}"#, "resources.memory", ["9223372036854775808"]),
            (#""resources":{"pids":4194305}"#, "resources.pids", ["4194305", "1-4194304"]),
            (#""health_check":{"type":"http"}"#, "health_check.port", ["missing"]),
            (#""health_check":{"type":"tcp","port":1,"path":"/"}"#, "health_check.path", [#""tcp""#]),
            (#""health_check":{"port":1,"timeout":"25h"}"#, "health_check.timeout", [#""25h""#, "24h0m0s"]),
            (#""health_check":{"port":1,"start_period":"25h"}"#, "health_check.start_period", [#""25h""#, "24h0m0s"]),
            (#""health_check":{"port":1,"retries":1001}"#, "health_check.retries", ["1001", "1-1000"]),
            (#""capabilities":["KILL"]"#, "capabilities", ["not a list"]),
        ] as [(String, String, [String])]
    )
    func service(members: String, path: String, values: [String]) {
        Self.expect(
            #"{"name":"a","services":[{"name":"b","image":"c",\#(members)}]}"#,
            "services[0]." + path,
            values
        )
    }

    static func long(_ count: Int) -> String { String(repeating: "x", count: count) }

    static func http(_ member: String) -> String {
        #"{"service":"x","port":1,"protocol":"http","host":"h"\#(member.isEmpty ? "" : ",")\#(member)}"#
    }

    @Test(
        arguments: [
            ("{", "line 1, column 2", ["a member name", "ends"]),
            ("", "line 1, column 1", ["empty"]), (" \n ", "line 2, column 2", ["empty"]),
            ("{\"name\": \"ü\",\n  \"x\": tru}", "line 2, column 8", [#""tru""#]),
            ("{\n\"a\": 1,\n}", "line 2, column 7", [#""}""#]),
            ("{\"a\": 01}", "line 1, column 7", ["leading zeros"]),
            ("{\"a\" 1}", "line 1, column 6", [#"":""#, #""a""#, #""1""#]),
            ("{\"a\": 1 \"b\"}", "line 1, column 9", [#"",""#, #""}""#]),
            ("{'a': 1}", "line 1, column 2", ["double quotes"]),
            ("// x\n{}", "line 1, column 1", ["comment"]),
            ("name: a", "line 1, column 1", [#""{""#, #""name""#]),
            ("{} {}", "line 1, column 4", [#""{""#]),
            ("{\"a\": \"b\n\"}", "line 1, column 7", ["closing quote", "line"]),
            ("{\"a\": \"b", "line 1, column 7", ["closing quote"]),
            ("{\"a\": \"\\x\"}", "line 1, column 8", [#""\\""#]),
            ("{\"a\": \"\\ud800\"}", "line 1, column 8", ["surrogate"]),
            ("{\"a\": \"\\u12g4\"}", "line 1, column 8", ["hexadecimal"]),
            ("{\"a\": 1.}", "line 1, column 9", [#""}""#]),
            ("[\u{1}]", "line 1, column 2", ["0x1"]),
        ] as [(String, String, [String])]
    )
    func syntax(text: String, place: String, values: [String]) {
        Self.expect(text, place, values)
    }

    /// Hints are for names that are not fields, in lower case.
    @Test func hintsDoNotHideFields() {
        let hints = Set(AppDecoder.serviceHints.keys)
        #expect(hints.isDisjoint(with: AppDecoder.Fields.service))
        #expect(hints.allSatisfy { $0 == $0.lowercased() })
        for hint in hints {
            #expect(Self.errors(#"{"name":"a","services":[{"name":"b","image":"c","\#(hint)":1}]}"#).count == 1)
        }
    }

    @Test func reportsAllMistakesOfOneObject() {
        let mounts = #"[{"source":"x","destination":"/a"},{"source":"/x","destination":"/a/"}]"#
        let process = #"{"user":"a:b:c","uid":1}"#
        #expect(
            Self.errors(
                #"{"name":"a","services":[{"name":"b","image":"c:","process":\#(process),"mounts":\#(mounts)}]}"#
            ).map(\.path) == [
                "services[0].image", "services[0].process.user", "services[0].process.user",
                "services[0].mounts[0].source", "services[0].mounts[1].destination",
            ]
        )
    }

    @Test func textThatIsNotUTF8() {
        let bytes = Array(#"{"name": ""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)
        #expect(throws: AppFileErrors.self) { try AppFile.parse(bytes) }
        do {
            _ = try AppFile.parse(bytes)
        } catch {
            #expect(error.errors.map(Self.place) == ["line 1, column 10"])
            #expect(error.description.contains("UTF-8"))
        }
    }

    @Test func reportsErrorsInTheOrderOfTheFile() throws {
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
            Issue.record("the file was accepted")
        } catch {
            #expect(
                error.errors.map(\.path) == [
                    "services[1].replicas", "services[1].endpoints[0].port", "services[1].image", "services[1].colour",
                    "services[1].name", "name",
                ]
            )
            #expect(error.errors.map(\.line) == [4, 5, 6, 7, 8, 10])
            #expect(error.errors[1].message.contains("70000"))
            #expect(error.errors[1].description == "\(error.errors[1].path): \(error.errors[1].message)")
            #expect(error.errors[1].column == 51)
        }
    }

    @Test func longNames() {
        let label = String(repeating: "a", count: 63)
        let service = #""services":[{"name":"b","image":"c"}]"#
        Self.expect(#"{"name":"\#(label)",\#(service)}"#, "services[0].name", ["\(label).b.0", "67", "64"])
        Self.expect(#"{"name":"\#(label)a",\#(service)}"#, "name", ["\(label)a", "64", "63"])
        // The longest id is that of the highest replica.
        let sixty = String(repeating: "a", count: 60)
        #expect(Self.errors(#"{"name":"\#(sixty)","services":[{"name":"b","image":"c","replicas":10}]}"#).isEmpty)
        #expect(Self.errors(#"{"name":"\#(sixty)","services":[{"name":"b","image":"c","replicas":11}]}"#).count == 1)
    }

    @Test func limits() {
        let many = Array(repeating: #"{"name":"b","image":"c"}"#, count: 1001).joined(separator: ",")
        Self.expect(#"{"name":"a","services":[\#(many)]}"#, "services", ["1001", "1000"])
        let args = Array(repeating: #""x""#, count: 1001).joined(separator: ",")
        Self.expect(
            #"{"name":"a","services":[{"name":"b","image":"c","process":{"args":[\#(args)]}}]}"#,
            "services[0].process.args",
            ["1001", "1000"]
        )
        let deep = String(repeating: "[", count: 100_000)
        Self.expect(deep, "line 1, column 65", ["64"])
        let huge = String(repeating: " ", count: AppFile.maximumSize + 1)
        Self.expect(huge, "line 1, column 1", ["8388609", "8388608"])
        let errors = Self.errors(
            #"{"name":"a","services":[\#(Array(repeating: "1", count: 1000).joined(separator: ","))],"x":1}"#
        )
        #expect(errors.count == 1001)
        #expect(errors.last == AppFileError(path: "", message: "and 1 more error"))
    }

    @Test func parseReadsTheLargestEncodedApps() throws {
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
        do {
            try app(services: 1000, headers: 120).validate()
            Issue.record("the app was accepted")
        } catch {
            #expect(error.errors.map(\.path) == [""])
            #expect(error.description.contains("\(AppFile.maximumAppSize)"))
        }
    }

    @Test func validateReportsThePathsOfAFile() {
        let endpoint = Endpoint(service: "x", protocol: .http, port: 0)
        let app = App(name: "A", services: [Service(name: "b", image: "c:", endpoints: [endpoint], replicas: -1)])
        do {
            try app.validate()
            Issue.record("the app was accepted")
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
