package import NIOCore

/// One reflection stream: responds to each request, and sends each dependency once.
///
/// The messages are the same in `grpc.reflection.v1` and `v1alpha` (github.com/grpc/grpc, doc/server-reflection.md).
package struct ReflectionSession: Sendable {
    /// The oneof of a ServerReflectionRequest.
    private enum Query {
        case file(String)
        case symbol(String)
        case `extension`(type: String, number: Int32)
        case extensionNumbers(String)
        case services
    }

    private let index: ReflectionIndex
    private let services: [String]
    private var sent: Set<String> = []

    package init(index: ReflectionIndex, services: [String]) {
        self.index = index
        self.services = services
    }

    /// A ServerReflectionResponse: valid_host 1, original_request 2, and one of files 4, extension numbers 5, services 6,
    /// error 7.
    package mutating func respond(to request: ByteBuffer) throws(RPCError) -> ByteBuffer {
        let (host, query) = try Self.parse(request)
        var response = ProtobufWriter()
        response.write(host, field: 1)
        response.write(request, field: 2)
        switch query {
        case .file(let name): write(index.file(named: name), orMissing: "file \(name)", to: &response)
        case .symbol(let name): write(index.file(declaring: name), orMissing: "symbol \(name)", to: &response)
        case .extension(let type, let number):
            write(
                index.file(extending: type, with: number),
                orMissing: "extension \(number) of \(type)",
                to: &response
            )
        case .extensionNumbers(let type):
            guard let numbers = index.extensionNumbers(of: type) else {
                Self.writeError(.notFound, "type \(type) is unknown", to: &response)
                break
            }
            var body = ProtobufWriter()
            body.write(type, field: 1)
            body.write(numbers, field: 2)
            response.write(body.message, field: 5)
        case .services:
            var body = ProtobufWriter()
            for name in services {
                var service = ProtobufWriter()
                service.write(name, field: 1)
                body.write(service.message, field: 1)
            }
            response.write(body.message, field: 6)
        case nil: Self.writeError(.invalidArgument, "the request has no known query", to: &response)
        }
        return response.message
    }

    private mutating func write(
        _ file: ReflectionIndex.File?,
        orMissing missing: String,
        to response: inout ProtobufWriter
    ) {
        guard let file else { return Self.writeError(.notFound, "\(missing) is unknown", to: &response) }
        var body = ProtobufWriter()
        body.write(file.bytes, field: 1)
        sent.insert(file.name)
        for dependency in index.dependencies(of: file) where sent.insert(dependency.name).inserted {
            body.write(dependency.bytes, field: 1)
        }
        response.write(body.message, field: 4)
    }

    private static func writeError(_ code: RPCCode, _ message: String, to response: inout ProtobufWriter) {
        var body = ProtobufWriter()
        body.write(Int32(truncatingIfNeeded: code.rawValue), field: 1)
        body.write(message, field: 2)
        response.write(body.message, field: 7)
    }

    /// ServerReflectionRequest: host 1, and one of 3 to 7; the last one on the wire counts.
    private static func parse(_ request: ByteBuffer) throws(RPCError) -> (host: String, Query?) {
        do throws(ProtobufReader.Malformed) {
            var host = ""
            var query: Query?
            var reader = ProtobufReader(request)
            while let field = try reader.next() {
                switch field.number {
                case 1: host = try field.string()
                case 3: query = .file(try field.string())
                case 4: query = .symbol(try field.string())
                case 5: query = try parseExtension(try field.bytes())
                case 6: query = .extensionNumbers(try field.string())
                case 7: query = .services
                default: break
                }
            }
            return (host, query)
        } catch {
            throw RPCError(.invalidArgument, "the request is not a ServerReflectionRequest: \(error)")
        }
    }

    /// ExtensionRequest: containing_type 1, extension_number 2.
    private static func parseExtension(_ bytes: ByteBuffer) throws(ProtobufReader.Malformed) -> Query {
        var type = ""
        var number: Int32 = 0
        var reader = ProtobufReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: type = try field.string()
            case 2: number = try field.int32()
            default: break
            }
        }
        return .extension(type: type, number: number)
    }
}
