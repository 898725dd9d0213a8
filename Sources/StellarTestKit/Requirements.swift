import Glibc
import Synchronization
public import Testing

/// A capability of the machine that a suite needs.
public struct Requirement: Sendable, Hashable {
    /// The name in `STELLAR_REQUIRE`.
    public let name: String
    /// How to get it.
    public let remedy: String
    private let probe: @Sendable () async -> Bool

    /// A requirement for one suite.
    ///
    /// - Parameter probe: whether it is met; called once per process.
    public init(_ name: String, remedy: String, probe: @escaping @Sendable () async -> Bool) {
        self.name = name
        self.remedy = remedy
        self.probe = probe
    }

    public static func == (left: Requirement, right: Requirement) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    private static let results = Mutex<[String: Bool]>([:])

    /// Whether the machine meets it.
    public func isMet() async -> Bool {
        if let known = Self.results.withLock({ $0[name] }) { return known }
        let result = await probe()
        Self.results.withLock { $0[name] = result }
        return result
    }

    /// Whether tests fail without it instead of being skipped: the environment variable `STELLAR_REQUIRE` lists such names,
    /// with commas between them; `all` stands for every name.
    public var isEnforced: Bool {
        guard let list = getenv("STELLAR_REQUIRE").map({ String(cString: $0) }) else { return false }
        let names = list.split { $0 == "," || $0 == " " }
        return names.contains { $0 == name || $0 == "all" }
    }
}

extension Requirement {
    /// Effective user 0.
    public static let root = Requirement("root", remedy: "run the tests as root") { geteuid() == 0 }

    /// The right to make network namespaces.
    public static let netns = Requirement("netns", remedy: "run as root with CAP_SYS_ADMIN, install iproute2") {
        await succeeds("unshare", ["--net", "ip", "link", "set", "lo", "up"])
    }

    /// containerd with its shim, runc and ctr, and the right to use them.
    public static let containerd = Requirement("containerd", remedy: "as root, apt-get install containerd runc") {
        geteuid() == 0 && finds(["containerd", "ctr", "runc", "containerd-shim-runc-v2"])
    }

    /// The plugins of containernetworking-plugins.
    public static let cni = Requirement("cni", remedy: "apt-get install containernetworking-plugins iptables") {
        ["/usr/lib/cni", "/opt/cni/bin"].contains { folder in
            ["bridge", "loopback", "host-local"].allSatisfy { access("\(folder)/\($0)", X_OK) == 0 }
        } && finds(["iptables"])
    }

    /// A registry to push to and pull from.
    public static let registry = Requirement("registry", remedy: "apt-get install docker-registry") {
        finds(["docker-registry"])
    }

    /// The static busybox that test images are made of.
    public static let busybox = Requirement("busybox", remedy: "apt-get install busybox-static") {
        access("/bin/busybox", X_OK) == 0
    }

    /// The redis server of the example image.
    public static let redis = Requirement("redis", remedy: "apt-get install redis-server") { finds(["redis-server"]) }

    /// Python with grpcio.
    public static let grpcio = Requirement("grpcio", remedy: "apt-get install python3-grpcio python3-grpc-tools") {
        await succeeds("/usr/bin/python3", ["-c", "import grpc, grpc_tools"])
    }

    /// The load generator of nghttp2.
    public static let h2load = Requirement("h2load", remedy: "apt-get install nghttp2-client") { finds(["h2load"]) }

    /// Serf, whose agent uses the gossip protocol.
    public static let serf = Requirement("serf", remedy: "apt-get install serf") { finds(["serf"]) }

    /// Go and HashiCorp's memberlist, whose protocol our gossip implements.
    public static let memberlist = Requirement(
        "memberlist",
        remedy: "apt-get install golang-go golang-github-hashicorp-memberlist-dev"
    ) {
        finds(["go"]) && access("/usr/share/gocode/src/github.com/hashicorp/memberlist/memberlist.go", R_OK) == 0
    }

    private static func succeeds(_ program: String, _ arguments: [String]) async -> Bool {
        (try? await ChildProcess.run(program, arguments))?.status == 0
    }

    private static func finds(_ programs: [String]) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let folders: [Substring] = path.split(separator: ":") + ["/usr/sbin", "/sbin"]
        return programs.allSatisfy { program in folders.contains { access("\($0)/\(program)", X_OK) == 0 } }
    }
}

/// The machine does not meet a requirement of `STELLAR_REQUIRE`.
public struct RequirementNotMet: Error, CustomStringConvertible {
    public let requirement: Requirement

    public var description: String {
        "this machine lacks \"\(requirement.name)\", which STELLAR_REQUIRE lists: \(requirement.remedy)"
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test if the machine meets all requirements. Otherwise the test is skipped, or fails if `STELLAR_REQUIRE` lists
    /// the missing one.
    public static func requires(_ requirements: Requirement...) -> ConditionTrait {
        let names = requirements.map(\.name).joined(separator: ", ")
        return .enabled("needs \(names)") {
            var met = true
            for requirement in requirements where await !requirement.isMet() {
                guard !requirement.isEnforced else { throw RequirementNotMet(requirement: requirement) }
                met = false
            }
            return met
        }
    }
}
