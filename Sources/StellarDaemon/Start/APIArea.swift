import Glibc
import Logging
import StellarAPI
import StellarRPC

/// The API's servers: on TCP for everyone, on a unix socket for programs of this host.
struct APIArea: Sendable {
    var service: APIService

    /// Takes the ports; calls are accepted from ``accept(_:)`` on.
    static func bind(_ services: [RPCService], _ context: DaemonContext) async throws -> APIArea {
        let configuration = context.configuration
        let health = RPCHealth()
        for service in services { health.set(.serving, for: service.name) }
        health.set(.serving)
        let reflection = try RPCReflection(services: services + [health.service], files: StellarAPIDescriptors.files)
        let all = (services + [health.service] + reflection.services).map { $0.authorized(by: AllowEveryone()) }
        let server = try await tcp(all, context)
        // The state directory is ours alone, so a socket that is there is what a killed daemon left.
        unlink(configuration.socketPath)
        let local = RPCServer(services: all, configuration: RPCServerConfiguration(), logger: context.logger("rpc"))
        _ = try await bind(local, .unix(path: configuration.socketPath)) { "StateDir: \($0.message)" }
        return APIArea(service: APIService(servers: [server, local], health: health))
    }

    private static func tcp(_ services: [RPCService], _ context: DaemonContext) async throws -> RPCServer {
        let configuration = context.configuration
        var settings = RPCServerConfiguration()
        if !configuration.tlsServerCertificate.isEmpty {
            settings.tls = RPCTLSConfiguration.Server(
                identity: .init(
                    certificateChainFile: configuration.tlsServerCertificate,
                    privateKeyFile: configuration.tlsServerKey
                ),
                clientCertificates: configuration.tlsServerClientCA.isEmpty
                    ? .none : .require(.file(configuration.tlsServerClientCA))
            )
        }
        guard let address = HostPort(configuration.grpcAddress) else {
            throw StartError("GRPCAddress: \"\(configuration.grpcAddress)\" is not host:port")
        }
        let server = RPCServer(services: services, configuration: settings, logger: context.logger("rpc"))
        _ = try await bind(server, .tcp(host: address.host, port: address.port)) { error in
            guard error.code == .alreadyExists else {
                let files = error.tls == nil ? "" : " (the files of --tls-cert, --tls-key and --tls-client-ca)"
                return "GRPCAddress: \(error.message)\(files)"
            }
            let holder = PortHolder.ofTCP(port: address.port).map { " by \($0)" } ?? ""
            return "GRPCAddress: \(address) is taken\(holder); stop it, or set another port with --agent-port"
        }
        return server
    }

    private static func bind(
        _ server: RPCServer,
        _ address: RPCAddress,
        explain: (RPCError) -> String
    ) async throws -> RPCAddress {
        do {
            return try await server.bind(address, accepts: false)
        } catch {
            let error = RPCError(of: error)
            throw StartError(explain(error), status: error.tls == nil ? .failure : .badConfiguration)
        }
    }

    func accept(_ context: DaemonContext) async throws {
        for server in service.servers { try await server.accept() }
        let configuration = context.configuration
        context.logger("daemon").info(
            "serving",
            metadata: [
                "address": "\(configuration.grpcAddress)", "socket": "\(configuration.socketPath)",
                "node": "\(configuration.nodeID)", "gossip": "\(configuration.clusterAddress)",
            ]
        )
    }
}
