import Glibc
import StellarSystem
import StellarTestKit
import Testing

@testable import StellarDaemon

@Suite(.timeLimit(.minutes(5)))
struct StartTests {
    /// A configuration with a bridge and a containerd that no other test claims, as claims by name hold for the whole
    /// machine.
    private func configuration(in directory: String) -> DaemonConfiguration {
        var configuration = DaemonConfiguration(hostName: "h", address: "127.0.0.1")
        configuration.dataDirectory = "\(directory)/data"
        configuration.stateDirectory = "\(directory)/state"
        configuration.bridge = "b\(UInt32.random(in: 0...UInt32.max))"
        configuration.containerdAddress = "\(directory)/containerd.sock"
        return configuration
    }

    @Test func aClaimOfADaemonExcludesOthersUntilItEnds() async throws {
        try await TemporaryDirectory.with { directory in
            let mine = configuration(in: directory)
            let claims = try HostClaims(mine)
            let others: [(String, (inout DaemonConfiguration) -> Void)] = [
                ("DataDir \(mine.dataDirectory)", { $0.dataDirectory = mine.dataDirectory }),
                ("StateDir \(mine.stateDirectory)", { $0.stateDirectory = mine.stateDirectory }),
                ("the bridge \(mine.bridge)", { $0.bridge = mine.bridge }),
                ("the namespace default of the containerd at", { $0.containerdAddress = mine.containerdAddress }),
            ]
            for (thing, take) in others {
                var other = configuration(in: "\(directory)/other")
                take(&other)
                let error = #expect(throws: StartError.self) { try HostClaims(other) }
                #expect(error?.description.contains("another stellar works on \(thing)") == true, "\(thing): \(error)")
                #expect(error?.status == .failure)
            }
            // A failed claim holds nothing.
            try HostClaims(configuration(in: "\(directory)/other")).release()
            claims.release()
            try HostClaims(mine).release()
        }
    }

    @Test func daemonsWithDifferentNamespacesCanShareContainerd() async throws {
        try await TemporaryDirectory.with { directory in
            let mine = configuration(in: directory)
            let claims = try HostClaims(mine)
            var other = configuration(in: "\(directory)/other")
            (other.containerdAddress, other.namespace) = (mine.containerdAddress, "second")
            try HostClaims(other).release()
            claims.release()
        }
    }

    @Test func aDirectoryThatCannotBeCreatedIsNamedWithItsFlag() async throws {
        try await TemporaryDirectory.with { directory in
            var wrong = configuration(in: directory)
            wrong.stateDirectory = "\(directory)/file/state"
            try TemporaryDirectory.write([], to: "\(directory)/file")
            let error = #expect(throws: StartError.self) { try HostClaims(wrong) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("StateDir: ") && text.contains("\(directory)/file"), "\(text)")
            #expect(text.hasSuffix("set another one with --state-dir"), "\(text)")
        }
    }

    @Test func listenersAreParsedFromTheTable() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 0 100 0
               1: 0100007F:2328 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0 20 4
               2: 00000000:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0
               3: 0000000000000000FFFF00000100007F:2328 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 44 1
               4: garbage
            """
        #expect(PortHolder.sockets(table: table, port: 9000) == [41, 44])
        #expect(PortHolder.sockets(table: table, port: 9001) == [43])
        #expect(PortHolder.sockets(table: "", port: 9000).isEmpty)
    }

    @Test func holderOfAPortIsFoundByItsSocket() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        try #require(isNamed)
        // By name: a child of another test may also have the socket until it execs its program.
        let name = ProcFile.read("/proc/self/comm").map { String($0.dropLast()) }
        #expect(PortHolder.ofTCP(port: Int(UInt16(bigEndian: address.sin_port)))?.program == name)
    }

    @Test func statusesShowIfARestartCannotHelp() {
        #expect(ExitStatus(of: ConfigurationError(["x"])).rawValue == 78)
        #expect(ExitStatus(of: StartError("x", status: .notPermitted)).rawValue == 77)
        #expect(ExitStatus(of: StartError("x")).rawValue == 1)
        #expect(ExitStatus(of: CancellationError()).rawValue == 1)
    }
}
