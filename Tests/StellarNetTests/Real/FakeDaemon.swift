import Glibc
import StellarAPI
import StellarCore
import StellarNet
import StellarRPC
import StellarRPCProtobuf
import SwiftProtobuf
import Synchronization

/// The daemon's Network service, as far as `stellar-cni-ipam` uses it, on a unix socket: an address pool behind gRPC.
final class FakeDaemon: Sendable {
    let nodeID: String
    let books: Books
    /// With TLS, the TCP address beside its socket.
    let address: RPCAddress?
    private let server: RPCServer

    /// - Parameter tls: makes it listen on ``address``, a port of loopback, too.
    init(
        nodeID: String,
        subnet: IPv4Subnet,
        socket: String,
        tls: RPCTLSConfiguration.Server? = nil
    ) async throws {
        self.nodeID = nodeID
        let pool = Books(AddressPool(subnet: subnet))
        books = pool
        let service = RPCService(
            name: "stellar.services.network.v1.Network",
            methods: [
                .unary("GetSubnet") { (request: NetworkGetSubnetRequest, _) in
                    NetworkGetSubnetResponse.with {
                        $0.subnetCidr = request.node == nodeID ? subnet.description : ""
                    }
                },
                .unary("AllocateIP") { (request: NetworkAllocateIPRequest, _) in
                    let address = try pool.allocate(request.id)
                    return NetworkAllocateIPResponse.with {
                        $0.ip = address.description
                        $0.node = request.node
                    }
                },
                .unary("GetIP") { (request: NetworkGetIPRequest, _) in
                    let address = pool.address(of: request.id)
                    return NetworkGetIPResponse.with { $0.ip = address?.description ?? "" }
                },
                .unary("ReleaseIP") { (request: NetworkReleaseIPRequest, _) in
                    pool.release(request.id)
                    return Google_Protobuf_Empty()
                },
            ]
        )
        server = RPCServer(services: [service], configuration: RPCServerConfiguration(tls: tls))
        _ = try await server.bind(.unix(path: socket))
        address = tls == nil ? nil : try await server.bind(.tcp(host: "127.0.0.1", port: 0))
    }

    /// The pool, shared by calls.
    final class Books: Sendable {
        private let pool: Mutex<AddressPool>

        init(_ pool: AddressPool) {
            self.pool = Mutex(pool)
        }

        func allocate(_ id: String) throws -> IPv4Address {
            try pool.withLock { try $0.allocate(id) }
        }

        func address(of id: String) -> IPv4Address? {
            pool.withLock { $0.address(of: id) }
        }

        func release(_ id: String) {
            _ = pool.withLock { $0.release(id) }
        }

        var ids: [String] {
            pool.withLock { $0.allocations.map(\.id) }
        }
    }

    func stop() async {
        await server.shutdown(grace: .zero)
    }
}
