// The CNI plugin that gives containers their addresses: it calls the daemon of its node, which allocates them.
//
// It runs for every container that starts or is removed, so it is small and quick: one thread, one connection, two calls, no
// teardown.

import FoundationEssentials
import Glibc
import Logging
import NIOPosix
import StellarAPI
import StellarCore
import StellarNet
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf

/// A network configuration has some hundred bytes; with a previous result about a thousand.
let maximumInputBytes = 1 << 20
/// For all calls together; the daemon responds in milliseconds.
let deadline = Duration.seconds(5)

func standardInput() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(STDIN_FILENO, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw IPAMPluginFailure("cannot read standard input") }
        if count == 0 { return bytes }
        bytes += chunk.prefix(count)
        guard bytes.count <= maximumInputBytes else {
            throw IPAMPluginFailure("the network configuration is longer than \(maximumInputBytes) bytes")
        }
    }
}

func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

/// A client of the daemon: over its socket where the configuration names one that exists.
func connect(_ target: IPAMPluginRequest.Target) throws -> RPCClient {
    let loop = MainThread.eventLoop ?? MultiThreadedEventLoopGroup.singleton.next()
    if let socket = target.socket, access(socket, F_OK) == 0 {
        return RPCClient(address: .unix(path: socket), eventLoopGroup: loop, logger: quiet)
    }
    guard let address = RPCAddress(target.peerAddress) else {
        throw IPAMPluginFailure("peer_addr \"\(target.peerAddress)\" is not host:port")
    }
    return RPCClient(
        address: address,
        configuration: RPCClientConfiguration(tls: try security(target.tls)),
        eventLoopGroup: loop,
        logger: quiet
    )
}

/// The TLS settings for the daemon's address, with the rules of sctl's options.
func security(_ tls: IPAMPluginRequest.TLS) throws -> RPCTLSConfiguration.Client? {
    let files = ClientTLS(
        certificate: tls.cert,
        key: tls.key,
        authorities: tls.ca,
        skipVerification: tls.skipVerify ?? false
    )
    do throws(ClientTLS.Problem) {
        return try files.configuration()
    } catch {
        switch error {
        case .keyAlone: throw IPAMPluginFailure("IPAM config has key and no cert: add cert, or remove key")
        case .keyMissing: throw IPAMPluginFailure("IPAM config has ca and cert and no key: add key, or remove cert")
        }
    }
}

/// Logs nothing: standard output is for the result, and callers quote standard error in their own errors.
let quiet = Logger(label: "stellar-cni-ipam") { _ in SwiftLogNoOpLogHandler() }

func call<Q: Message, A: Message>(_ client: RPCClient, _ method: RPCMethod, _ request: Q) async throws -> A {
    do {
        return try await client.unary(method, request, returning: A.self, options: RPCCallOptions(timeout: deadline))
    } catch let error as RPCError {
        let fix = error.tls == nil ? "" : " (IPAM config: socket, or cert, key, ca and skip_verify as sctl has them)"
        throw IPAMPluginFailure("\(method.path): \(error)\(fix)")
    }
}

func subnet(_ client: RPCClient, of node: String) async throws -> String {
    let response: NetworkGetSubnetResponse = try await call(
        client,
        StellarMethods.Network.getSubnet,
        NetworkGetSubnetRequest.with { $0.node = node }
    )
    return response.subnetCidr
}

func address(_ client: RPCClient, of target: IPAMPluginRequest.Target) async throws -> String {
    let response: NetworkGetIPResponse = try await call(
        client,
        StellarMethods.Network.getIP,
        NetworkGetIPRequest.with {
            $0.id = target.containerID
            $0.node = target.nodeID
        }
    )
    return response.ip
}

func perform(_ request: IPAMPluginRequest) async throws -> String {
    switch request {
    case .describe:
        write("CNI plugin \(IPAMPluginRequest.program): addresses of Stellar's containers\n", to: STDERR_FILENO)
        return ""
    case .version:
        return IPAMPluginResult.versionText
    case .add(let target):
        let client = try connect(target)
        let subnet = try await subnet(client, of: target.nodeID)
        guard !subnet.isEmpty else {
            return try IPAMPluginResult(version: target.version, address: "", subnet: "", nodeID: target.nodeID).text
        }
        let response: NetworkAllocateIPResponse = try await call(
            client,
            StellarMethods.Network.allocateIP,
            NetworkAllocateIPRequest.with {
                $0.id = target.containerID
                $0.node = target.nodeID
                $0.subnetCidr = subnet
            }
        )
        return try IPAMPluginResult(
            version: target.version,
            address: response.ip,
            subnet: subnet,
            nodeID: target.nodeID
        ).text
    case .check(let target):
        let held = try await address(try connect(target), of: target)
        guard !held.isEmpty else {
            throw IPAMPluginFailure("container \(target.containerID) holds no address on node \(target.nodeID)")
        }
        if let previous = target.previous, !previous.contains(where: { $0.description == held }) {
            throw IPAMPluginFailure(
                "container \(target.containerID) holds \(held), which is not the address that ADD gave it"
            )
        }
        return ""
    case .delete(let target):
        let client = try connect(target)
        let held: String
        do {
            held = try await address(client, of: target)
        } catch let error as IPAMPluginFailure where error.message.contains("NOT_FOUND") {
            return ""
        }
        guard !held.isEmpty else { return "" }
        let _: Google_Protobuf_Empty = try await call(
            client,
            StellarMethods.Network.releaseIP,
            NetworkReleaseIPRequest.with {
                $0.id = target.containerID
                $0.ip = held
                $0.node = target.nodeID
            }
        )
        return ""
    }
}

/// The text to print, and the exit status.
func outcome(_ body: () async throws -> String) async -> (text: String, status: Int32) {
    do {
        return (try await body(), 0)
    } catch let failure as IPAMPluginFailure {
        return (failure.text + "\n", 1)
    } catch {
        return (IPAMPluginFailure("\(error)").text + "\n", 1)
    }
}

MainThread.run {
    let (text, status) = await outcome {
        let environment = ProcessInfo.processInfo.environment
        return try await perform(IPAMPluginRequest.parse(environment: environment, input: standardInput))
    }
    write(text, to: STDOUT_FILENO)
    exit(status)
}
