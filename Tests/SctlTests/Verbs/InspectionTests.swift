import StellarAPI
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("apps inspect")
struct InspectionTests {
    static func container(_ name: String, _ change: (inout RuntimeService) -> Void = { _ in }) -> RuntimeService {
        var service = RuntimeService.with {
            $0.name = name
            $0.image = "docker.io/library/redis:alpine"
            $0.runtime = "io.containerd.runtime.v1.linux"
            $0.snapshotter = "overlayfs"
            $0.node = "ctr-00"
            $0.labels = [
                "containerd.io/restart.status=running", "stellar.io/application=example", "stellar.io/network=true",
            ]
        }
        change(&service)
        return service
    }

    @Test("The original's README, to the letter")
    func readme() {
        let app = ApplicationApp.with {
            $0.name = "example"
            $0.services = [Self.container("example.redis")]
        }
        #expect(
            ApplicationInspection(app).text == """
                Name: example

                Services:
                  Name: example.redis
                  Image: docker.io/library/redis:alpine
                  Runtime: io.containerd.runtime.v1.linux
                  Snapshotter: overlayfs
                  Labels:
                    containerd.io/restart.status=running
                    stellar.io/application=example
                    stellar.io/network=true


                """
        )
    }

    @Test("Additions follow the README's lines: other labels, endpoints, replicas by number")
    func extended() {
        let app = ApplicationApp.with {
            $0.name = "example"
            $0.services = [10, 2].map { number in
                Self.container("example.redis.\(number)") {
                    $0.labels += ["env=prod", "stellar.io/restart=true"]
                    $0.endpoints = [
                        .with {
                            $0.service = "redis"; $0.protocol = .tcp; $0.port = 6379
                        }
                    ]
                    $0.status = .with {
                        $0.state = number == 2 ? "running" : "failed"
                        $0.address = "172.16.0.\(number)"
                        $0.restarts = number == 2 ? 0 : 3
                        $0.reason = number == 2 ? "" : "exit code 1"
                    }
                }
            }
        }
        #expect(
            ApplicationInspection(app).text == """
                Name: example

                Services:
                  Name: example.redis
                  Image: docker.io/library/redis:alpine
                  Runtime: io.containerd.runtime.v1.linux
                  Snapshotter: overlayfs
                  Labels:
                    containerd.io/restart.status=running
                    stellar.io/application=example
                    stellar.io/network=true
                    env=prod
                    stellar.io/restart=true
                  Endpoints:
                    - Service: redis
                      Protocol: TCP
                      Host: \("")
                      Port: 6379
                  Replicas:
                    - Name: example.redis.2
                      Node: ctr-00
                      Address: 172.16.0.2
                      Status: running
                    - Name: example.redis.10
                      Node: ctr-00
                      Address: 172.16.0.10
                      Status: failed (exit code 1)
                      Restarts: 3


                """
        )
    }

    @Test("apps list counts containers and running ones")
    func list() {
        let apps = [
            ApplicationApp.with {
                $0.name = "web"
                $0.services = [
                    Self.container("web.a.0") { $0.status.state = "running" },
                    Self.container("web.a.1") { $0.status.state = "restarting" },
                    Self.container("web.a.2") {
                        $0.node = "ctr-02"
                        $0.status.state = "unknown"
                        $0.status.nodeStatus = "dead"
                        $0.status.nodeLastSeen.seconds = 1000 - 180
                    },
                ]
            },
            ApplicationApp.with {
                $0.name = "example"
                $0.services = [
                    Self.container("example.redis.0") {
                        $0.status.state = "running"
                        $0.status.nodeStatus = "alive"
                    }
                ]
            },
        ]
        #expect(
            ApplicationsList.table(apps, now: 1000) == """
                NAME                SERVICES            STATUS                               LAST SEEN
                example             1                   running                              now
                web                 3                   1 of 3 running, 1 on ctr-02 (dead)   3 minutes ago

                """
        )
    }
}
