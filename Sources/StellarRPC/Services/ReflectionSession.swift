package import NIOCore

/// One reflection stream: answers each request, and does not send a dependency twice.
///
/// The messages are the same in `grpc.reflection.v1` and `v1alpha` (github.com/grpc/grpc, doc/server-reflection.md).
package struct ReflectionSession: Sendable {
    private enum Request {
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
    package mutating func answer(_ request: ByteBuffer) throws(RPCError) -> ByteBuffer {
        let (host, question) = try Self.parse(request)
        var response = ProtobufWriter()
        response.write(host, field: 1)
        response.write(request, field: 2)
        switch question {
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
                Self.writeError(.notFound, "type \(type) is not known here", to: &response)
                break
            }
            var answer = ProtobufWriter()
            answer.write(type, field: 1)
            answer.write(numbers, field: 2)
            response.write(answer.message, field: 5)
        case .services:
            var answer = ProtobufWriter()
            for name in services {
                var service = ProtobufWriter()
                service.write(name, field: 1)
                answer.write(service.message, field: 1)
            }
            response.write(answer.message, field: 6)
        case nil: Self.writeError(.invalidArgument, "the request asks for nothing that is known here", to: &response)
        }
        return response.message
    }

    private mutating func write(
        _ file: ReflectionIndex.File?,
        orMissing missing: String,
        to response: inout ProtobufWriter
    ) {
        guard let file else { return Self.writeError(.notFound, "\(missing) is not known here", to: &response) }
        var answer = ProtobufWriter()
        answer.write(file.bytes, field: 1)
        sent.insert(file.name)
        for dependency in index.dependencies(of: file) where sent.insert(dependency.name).inserted {
            answer.write(dependency.bytes, field: 1)
        }
        response.write(answer.message, field: 4)
    }

    private static func writeError(_ code: RPCCode, _ message: String, to response: inout ProtobufWriter) {
        var answer = ProtobufWriter()
        answer.write(Int32(truncatingIfNeeded: code.rawValue), field: 1)
        answer.write(message, field: 2)
        response.write(answer.message, field: 7)
    }

    /// ServerReflectionRequest: host 1, and one of 3 to 7, of which the last on the wire counts.
    private static func parse(_ request: ByteBuffer) throws(RPCError) -> (host: String, Request?) {
        do throws(ProtobufReader.Malformed) {
            var host = ""
            var question: Request?
            var reader = ProtobufReader(request)
            while let field = try reader.next() {
                switch field.number {
                case 1: host = try field.string()
                case 3: question = .file(try field.string())
                case 4: question = .symbol(try field.string())
                case 5: question = try parseExtension(try field.bytes())
                case 6: question = .extensionNumbers(try field.string())
                case 7: question = .services
                default: break
                }
            }
            return (host, question)
        } catch {
            throw RPCError(.invalidArgument, "the request is not a ServerReflectionRequest: \(error)")
        }
    }

    /// ExtensionRequest: containing_type 1, extension_number 2.
    private static func parseExtension(_ bytes: ByteBuffer) throws(ProtobufReader.Malformed) -> Request {
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
