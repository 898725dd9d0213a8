import FoundationEssentials
import StellarCore
import StellarRPC
import StellarSystem
import StellarTestKit
import Testing

@testable import StellarRuntime

/// Cgroups version 2: parsing of the kernel's files, and a container in a real hierarchy.
struct UnifiedCgroupFileTests {
    private func write(_ text: String, _ path: String) throws {
        let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try TemporaryDirectory.write(text.utf8, to: path)
    }

    @Test func killsAreCounted() async throws {
        try await TemporaryDirectory.with { root in
            let events = "low 0\nhigh 0\nmax 142\noom 3\noom_kill 2\noom_group_kill 0\n"
            try write(events, "\(root)/default/a.b.0/memory.events")
            try write(
                "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
                "\(root)/memory/default/c.d.0/memory.oom_control"
            )
            // Before Linux 4.13.
            try write("oom_kill_disable 0\nunder_oom 0\n", "\(root)/memory/default/e.f.0/memory.oom_control")
            func kills(_ id: String) -> Int? {
                ContainerCgroup(namespace: "default", id: id, root: root).outOfMemoryKills()
            }
            #expect(kills("a.b.0") == 2)
            #expect(kills("c.d.0") == 4)
            #expect(kills("e.f.0") == nil)
            #expect(kills("g.h.0") == nil)
        }
    }

    @Test func controllersOfTheNodeAreRead() async throws {
        try await TemporaryDirectory.with { root in
            try write("cpuset cpu io memory hugetlb pids rdma misc\n", "\(root)/cgroup.controllers")
            let facts = HostFacts.current(cgroups: root)
            #expect(facts.unifiedCgroups && facts.limitsSwap)
            #expect(
                facts.controllers.isSuperset(of: ["cpu", "memory", "pids"]) && !facts.controllers.contains("freezer")
            )
            #expect(!HostFacts.current(cgroups: "\(root)/nowhere").unifiedCgroups)
        }
        let mounts = """
            proc /proc proc rw 0 0
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
            cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
            """
        #expect(HostFacts.mounted(ofMounts: mounts).isSuperset(of: ["cpu", "cpuacct", "pids"]))
        #expect(!HostFacts.mounted(ofMounts: mounts).contains("memory"))
    }
}

/// Requires a mounted hierarchy of version 2, the machine's or the one without controllers beside version 1.
private let cgroup2 = Requirement("cgroup2", remedy: "mount -t cgroup2 none /sys/fs/cgroup/unified") {
    unifiedRoot() != nil
}

private func unifiedRoot() -> String? {
    for line in (ProcFile.read("/proc/self/mounts") ?? "").split(separator: "\n") {
        let fields = line.split(separator: " ")
        if fields.count > 2, fields[2] == "cgroup2" { return String(fields[1]) }
    }
    return nil
}

@Suite(.requires(.root, .containerd, .busybox, cgroup2), .serialized, .timeLimit(.minutes(5)))
struct UnifiedCgroupTests {
    /// containerd, its shims and runc see version 2 only.
    private static let wrapper = [
        "unshare", "--mount", "sh", "-c", "mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh",
    ]

    @Test func aContainerRunsInTheUnifiedHierarchy() async throws {
        let root = try #require(unifiedRoot())
        var host = HostFacts.current(cgroups: root)
        host.capabilities = HostFacts.current().capabilities
        #expect(host.unifiedCgroups)
        try await Workshop.with(wrapper: Self.wrapper, host: host) { shop in
            let group = "\(shop.containerd.namespace)/v2.a.0"
            let script = """
                cat /proc/self/cgroup; grep -c ' /sys/fs/cgroup cgroup2 ro' /proc/mounts
                mknod /device b 7 200; cat /device 2>&1 | grep -o 'not permitted'; echo up; exec sleep 1000
                """
            try await shop.runtime.create(shop.specification("v2.a.0", script))
            let pid = try await shop.runtime.start("v2.a.0", log: shop.log("v2.a.0"))
            try await eventually("output", within: .seconds(60)) { shop.output("v2.a.0").contains("up\n") ? true : nil }
            // The container has its own cgroup namespace, mounted read-only, and the kernel filters its devices.
            #expect(shop.output("v2.a.0").split(separator: "\n").contains("0::/"))
            #expect(shop.output("v2.a.0").hasSuffix("1\nnot permitted\nup\n"), "\(shop.output("v2.a.0"))")
            let groups = try #require(ProcFile.read("/proc/\(pid)/cgroup"))
            #expect(groups.split(separator: "\n").contains("0::/\(group)"), "\(groups)")
            #expect(FileManager.default.fileExists(atPath: "\(root)/\(group)/cgroup.procs"))
            #expect(try await shop.runtime.stop("v2.a.0", grace: .zero)?.code == 137)
            try await shop.runtime.delete("v2.a.0")
            #expect(!FileManager.default.fileExists(atPath: "\(root)/\(group)"))
            try await limits(shop, host, root)
        }
    }

    /// If the hierarchy has the controllers, their files have the limits; if version 1 has them (as on this project's
    /// test machines), the service is refused by name.
    private func limits(_ shop: Workshop, _ host: HostFacts, _ root: String) async throws {
        let specification = shop.specification("v2.b.0", "exec sleep 1000") {
            $0.resources = Resources(cpuMillis: 500, memory: 64 << 20, pids: 20)
        }
        guard host.controllers.isSuperset(of: ["cpu", "memory", "pids"]) else {
            let error = await #expect(throws: RPCError.self) { try await shop.runtime.create(specification) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("this node has no cgroup controller") == true)
            #expect(try await shop.runtime.owned().snapshots.isEmpty)
            return
        }
        try await shop.runtime.create(specification)
        try await shop.runtime.start("v2.b.0", log: shop.log("v2.b.0"))
        func read(_ file: String) throws -> String {
            try String(contentsOfFile: "\(root)/\(shop.containerd.namespace)/v2.b.0/\(file)", encoding: .utf8)
        }
        #expect(try read("memory.max") == "67108864\n")
        #expect(try read("pids.max") == "20\n")
        #expect(try read("cpu.max") == "50000 100000\n")
        try await shop.runtime.delete("v2.b.0")
    }
}
