import NIOCore

/// The standard reflection service, with which grpcurl and other tools list a server's services (github.com/grpc/grpc,
/// doc/server-reflection.md), as `grpc.reflection.v1.ServerReflection` and, for older tools, `v1alpha`.
public struct RPCReflection: Sendable {
    private static let serviceNames = [
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    ]

    private let index: ReflectionIndex
    private let names: [String]

    /// - Parameters:
    ///   - services: the other services of the server.
    ///   - files: serialized FileDescriptorProtos of these services and of their imports.
    /// - Throws: `invalidArgument` if a file is not a FileDescriptorProto.
    public init(services: [RPCService], files: [[UInt8]]) throws(RPCError) {
        do throws(ProtobufReader.Malformed) {
            index = try ReflectionIndex(files.map { ByteBuffer(bytes: $0) })
        } catch {
            throw RPCError(.invalidArgument, "the files to reflect are not file descriptors: \(error)")
        }
        names = (services.map(\.name) + Self.serviceNames).sorted()
    }

    /// The services for ``RPCServer``, beside the described ones.
    public var services: [RPCService] {
        Self.serviceNames.map { name in
            RPCService(
                name: name,
                methods: [
                    .streaming(bytes: "ServerReflectionInfo") { [index, names] call in
                        var session = ReflectionSession(index: index, services: names)
                        for try await request in call.requests { try await call.send(try session.respond(to: request)) }
                    }
                ]
            )
        }
    }
}
