import FoundationEssentials
import StellarCore
import Testing

@testable import StellarRuntime

struct OCISpecificationTests {
    private static let host = HostFacts(
        unifiedCgroups: false,
        limitsSwap: true,
        controllers: ["cpu", "memory", "pids"],
        capabilities: Set(StellarCore.Capabilities.known)
    )

    private func image(
        _ config: String = #"{"Cmd":["redis-server"],"Env":["A=1","B=2"],"WorkingDir":"/data"}"#
    ) throws
        -> ImageConfiguration
    {
        try ImageConfiguration(
            parsing: Data(#"{"os":"linux","architecture":"amd64","config":\#(config)}"#.utf8),
            name: "test"
        )
    }

    private func input(_ change: (inout SpecInput) -> Void = { _ in }) throws -> SpecInput {
        var input = SpecInput(
            id: "example.redis.0",
            namespace: "default",
            service: Service(name: "redis", image: "docker.io/library/redis:alpine"),
            image: try image(),
            user: ImageUser(uid: 0, gid: 0),
            networkNamespace: "/run/stellar/ns/example.redis.0/net",
            hostsFile: "/d/hosts",
            resolvConf: "/d/resolv.conf",
            host: Self.host
        )
        change(&input)
        return input
    }

    private func make(_ change: (inout SpecInput) -> Void = { _ in }) throws -> OCISpecification {
        try OCISpecification.make(input(change))
    }

    @Test func theWholeDocumentIsAsExpected() throws {
        var specification = try make()
        // The filter has its own tests.
        #expect(specification.linux.seccomp != nil)
        specification.linux.seccomp = nil
        let text = String(decoding: try specification.json(), as: UTF8.self)
        let capabilities = SpecDefaults.capabilities.map { "\"\($0)\"" }.joined(separator: ",")
        let expected = [
            #"{"annotations":{"stellar.io/container":"example.redis.0"},"#,
            #""hostname":"example.redis.0","linux":{"cgroupsPath":"/default/example.redis.0","maskedPaths":["/proc/acpi","#,
            #""/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list","/proc/timer_stats","#,
            #""/proc/sched_debug","/sys/firmware","/proc/scsi","/sys/devices/virtual/powercap"],"#,
            #""namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},"#,
            #"{"path":"/run/stellar/ns/example.redis.0/net","type":"network"}],"#,
            #""readonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"],"#,
            #""resources":{"devices":[{"access":"rwm","allow":false}]}},"mounts":["#,
            #"{"destination":"/proc","options":["nosuid","noexec","nodev"],"source":"proc","type":"proc"},"#,
            #"{"destination":"/dev","options":["nosuid","strictatime","mode=755","size=65536k"],"#,
            #""source":"tmpfs","type":"tmpfs"},"#,
            #"{"destination":"/dev/pts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"],"#,
            #""source":"devpts","type":"devpts"},"#,
            #"{"destination":"/dev/shm","options":["nosuid","noexec","nodev","mode=1777","size=65536k"],"#,
            #""source":"shm","type":"tmpfs"},"#,
            #"{"destination":"/dev/mqueue","options":["nosuid","noexec","nodev"],"source":"mqueue","type":"mqueue"},"#,
            #"{"destination":"/sys","options":["nosuid","noexec","nodev","ro"],"source":"sysfs","type":"sysfs"},"#,
            #"{"destination":"/sys/fs/cgroup","options":["nosuid","noexec","nodev","relatime","ro"],"#,
            #""source":"cgroup","type":"cgroup"},"#,
            #"{"destination":"/run","options":["nosuid","strictatime","mode=755","size=65536k"],"#,
            #""source":"tmpfs","type":"tmpfs"},"#,
            #"{"destination":"/etc/hosts","options":["rbind","rprivate","ro"],"source":"/d/hosts","type":"bind"},"#,
            #"{"destination":"/etc/resolv.conf","options":["rbind","rprivate","ro"],"#,
            #""source":"/d/resolv.conf","type":"bind"}],"ociVersion":"1.0.2","#,
            #""process":{"args":["redis-server"],"capabilities":{"bounding":[\#(capabilities)],"#,
            #""effective":[\#(capabilities)],"permitted":[\#(capabilities)]},"cwd":"/data","#,
            #""env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=1","B=2"],"#,
            #""noNewPrivileges":true,"rlimits":[{"hard":1024,"soft":1024,"type":"RLIMIT_NOFILE"}],"#,
            #""user":{"additionalGids":[0],"gid":0,"uid":0}},"root":{"path":"rootfs","readonly":false}}"#,
        ].joined()
        #expect(text == expected)
    }

    @Test func theServicesArgumentsReplaceEntrypointAndCommand() throws {
        let image = try image(#"{"Entrypoint":["/entry"],"Cmd":["serve"]}"#)
        #expect(try make { $0.image = image }.process.args == ["/entry", "serve"])
        #expect(
            try make {
                $0.image = image
                $0.service.process.args = ["sh"]
            }.process.args == ["sh"]
        )
    }

    @Test func anImageWithoutAProgramIsAnErrorThatNamesTheFix() throws {
        let image = try image("{}")
        #expect(throws: SpecError.self) { try make { $0.image = image } }
        do {
            _ = try make { $0.image = image }
        } catch let error as SpecError {
            #expect(error.description.contains("service redis"))
            #expect(error.description.contains("process.args"))
        }
    }

    @Test func theServicesEnvironmentOverridesTheImages() throws {
        let env = try make { $0.service.process.env = ["B=3", "PATH=/x", "C=a=b"] }.process.env
        #expect(env == ["PATH=/x", "A=1", "B=3", "C=a=b"])
    }

    @Test func limitsAreSet() throws {
        let resources = try make {
            $0.service.resources = .init(cpuMillis: 1500, memory: 64 << 20, pids: 7)
        }.linux.resources
        #expect(resources.cpu == .init(quota: 150_000, period: 100_000))
        #expect(resources.memory == .init(limit: 64 << 20, swap: 64 << 20))
        #expect(resources.pids == .init(limit: 7))
        let withoutSwap = try make {
            $0.service.resources.memory = 64 << 20
            $0.host.limitsSwap = false
        }.linux.resources
        #expect(withoutSwap.memory == .init(limit: 64 << 20, swap: nil))
    }

    @Test(arguments: ["cpu", "memory", "pids"])
    func aLimitThatTheKernelCannotEnforceIsAnError(controller: String) throws {
        let error = #expect(throws: SpecError.self) {
            try make {
                $0.service.resources = .init(cpuMillis: 500, memory: 64 << 20, pids: 7)
                $0.host.controllers.remove(controller)
            }
        }
        #expect(error?.description.contains("resources.\(controller)") == true)
        #expect(error?.description.contains("service redis") == true)
        // A service without limits needs no controller.
        #expect(try make { $0.host.controllers = [] }.linux.resources.memory == nil)
    }

    @Test func cgroupsOfVersionTwoHaveTheirOwnNamespace() throws {
        let types = try make { $0.host.unifiedCgroups = true }.linux.namespaces.map(\.type)
        #expect(types == ["pid", "ipc", "uts", "mount", "network", "cgroup"])
    }

    @Test func withoutANetworkNamespaceTheContainerGetsAnEmptyOne() throws {
        let network = try make { $0.networkNamespace = nil }.linux.namespaces.first { $0.type == "network" }
        #expect(network == .init(type: "network", path: nil))
    }

    @Test func capabilitiesAreDroppedThenAdded() throws {
        func names(_ change: StellarCore.Capabilities) throws -> [String] {
            try make { $0.service.capabilities = change }.process.capabilities.bounding
        }
        #expect(try names(.init(add: ["CAP_NET_ADMIN"], drop: ["ALL"])) == ["CAP_NET_ADMIN"])
        #expect(try !names(.init(drop: ["CAP_MKNOD"])).contains("CAP_MKNOD"))
        #expect(try names(.init(add: ["CAP_CHOWN"])) == SpecDefaults.capabilities)
        #expect(try names(.init(add: ["ALL"])) == StellarCore.Capabilities.known)
    }

    @Test func aCapabilityThatTheDaemonDoesNotHaveIsAnError() throws {
        do {
            _ = try make {
                $0.host.capabilities.remove("CAP_SYS_RESOURCE")
                $0.service.capabilities.add = ["CAP_SYS_RESOURCE"]
            }
            Issue.record("no error")
        } catch let error as SpecError {
            #expect(error.description.contains("CAP_SYS_RESOURCE"))
        }
        // "ALL" is all that the daemon has.
        let all = try make {
            $0.host.capabilities.remove("CAP_SYS_RESOURCE")
            $0.service.privileged = true
        }
        #expect(!all.process.capabilities.bounding.contains("CAP_SYS_RESOURCE"))
    }

    @Test func privilegedContainersHaveTheNodesRights() throws {
        let device = OCISpecification.Device(
            path: "/dev/kvm",
            type: "c",
            major: 10,
            minor: 232,
            fileMode: 0o660,
            uid: 0,
            gid: 0
        )
        let specification = try make {
            $0.service.privileged = true
            $0.hostDevices = [device]
        }
        #expect(specification.linux.seccomp == nil)
        #expect(specification.linux.maskedPaths.isEmpty && specification.linux.readonlyPaths.isEmpty)
        #expect(specification.linux.devices == [device])
        #expect(specification.linux.resources.devices == [.init(allow: true, access: "rwm")])
        #expect(!specification.process.noNewPrivileges)
        #expect(specification.mounts.first { $0.destination == "/sys" }?.options.contains("rw") == true)
        #expect(try make { $0.hostDevices = [device] }.linux.devices == nil)
    }

    @Test func mountsOfTheServiceComeLastAndReplaceDefaults() throws {
        let mounts = try make {
            $0.service.mounts = [
                .init(type: "bind", source: "/srv", destination: "/data", options: ["ro"]),
                .init(type: "tmpfs", destination: "/dev/shm", options: ["size=1g"]),
                .init(type: "bind", source: "/h", destination: "/etc/hosts", options: ["bind"]),
            ]
        }.mounts
        #expect(mounts.suffix(3).map(\.destination) == ["/data", "/dev/shm", "/etc/hosts"])
        #expect(mounts.filter { $0.destination == "/dev/shm" }.count == 1)
        #expect(mounts.filter { $0.destination == "/etc/hosts" }.map(\.source) == ["/h"])
        #expect(mounts.first { $0.destination == "/data" }?.options == ["rbind", "ro"])
        #expect(mounts.last?.options == ["bind"])
        #expect(mounts.first { $0.destination == "/dev/shm" }?.source == "tmpfs")
    }

    @Test func readOnlyRootIsSet() throws {
        #expect(try make { $0.service.readOnly = true }.root.readonly)
    }
}
