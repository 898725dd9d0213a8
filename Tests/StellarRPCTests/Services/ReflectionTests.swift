import NIOCore
import StellarRPC
import SwiftProtobuf
import Testing

@Suite struct ReflectionTests {
    /// base.proto: message Base with an extension range; main.proto imports it and declares one of everything.
    private static func descriptors() throws -> [ByteBuffer] {
        let base = Google_Protobuf_FileDescriptorProto.with {
            $0.name = "base.proto"
            $0.messageType = [.with { $0.name = "Base" }]
        }
        let main = Google_Protobuf_FileDescriptorProto.with {
            $0.name = "dir/main.proto"
            $0.package = "a.b"
            $0.dependency = ["base.proto", "missing.proto"]
            $0.messageType = [
                .with {
                    $0.name = "Outer"
                    $0.field = [.with { $0.name = "field" }]
                    $0.oneofDecl = [.with { $0.name = "choice" }]
                    $0.nestedType = [
                        .with {
                            $0.name = "Inner"
                            $0.enumType = [
                                .with {
                                    $0.name = "Deep"; $0.value = [.with { $0.name = "ONE" }]
                                }
                            ]
                        }
                    ]
                }
            ]
            $0.enumType = [
                .with {
                    $0.name = "Color"; $0.value = [.with { $0.name = "RED" }]
                }
            ]
            $0.service = [
                .with {
                    $0.name = "Service"; $0.method = [.with { $0.name = "Call" }]
                }
            ]
            $0.extension = [
                .with {
                    $0.name = "more"
                    $0.extendee = ".Base"
                    $0.number = 100
                }
            ]
        }
        return try [base, main].map { ByteBuffer(bytes: try $0.serializedBytes() as [UInt8]) }
    }

    @Test(arguments: [
        "a.b.Outer", "a.b.Outer.field", "a.b.Outer.choice", "a.b.Outer.Inner", "a.b.Outer.Inner.Deep",
        "a.b.Outer.Inner.ONE", "a.b.Color", "a.b.RED", "a.b.Service", "a.b.Service.Call", "a.b.more",
    ])
    func findsSymbols(symbol: String) throws {
        let index = try ReflectionIndex(Self.descriptors())
        #expect(index.file(declaring: symbol)?.name == "dir/main.proto")
    }

    @Test func missingSymbolsAreNotFound() throws {
        let index = try ReflectionIndex(Self.descriptors())
        for symbol in ["", "a", "a.b", "Outer", ".a.b.Outer", "a.b.Outer.ONE", "a.b.Color.RED", "a.b.Outer.Inner.x"] {
            #expect(index.file(declaring: symbol) == nil, "\(symbol)")
        }
        #expect(index.file(declaring: "Base")?.name == "base.proto")
        #expect(index.file(extending: "Base", with: 100)?.name == "dir/main.proto")
        #expect(index.file(extending: "Base", with: 101) == nil)
        #expect(index.extensionNumbers(of: "Base") == [100])
        #expect(index.extensionNumbers(of: "a.b.Outer") == [])
        #expect(index.extensionNumbers(of: "nothing") == nil)
    }

    @Test func refusesInvalidFiles() {
        #expect(throws: RPCError.self) { try RPCReflection(services: [], files: [[]]) }
        #expect(throws: RPCError.self) { try RPCReflection(services: [], files: [[0xff]]) }
    }

    /// ServerReflectionRequest with one member of its oneof.
    private func request(_ field: Int, _ text: String, host: String = "h") -> ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(host, field: 1)
        writer.write(text, field: field, always: true)
        return writer.message
    }

    /// The fields of a response, those of its body in `inner`.
    private struct Response {
        var host = ""
        var original: ByteBuffer?
        var kind = 0
        var inner: [ProtobufReader.Field] = []

        init(_ bytes: ByteBuffer) throws {
            var reader = ProtobufReader(bytes)
            while let field = try reader.next() {
                switch field.number {
                case 1: host = try field.string()
                case 2: original = try field.bytes()
                default:
                    kind = field.number
                    var body = ProtobufReader(try field.bytes())
                    while let field = try body.next() { inner.append(field) }
                }
            }
        }
    }

    @Test func respondsAsTheProtocolSpecifies() throws {
        let descriptors = try Self.descriptors()
        var session = ReflectionSession(index: try ReflectionIndex(descriptors), services: ["a.b.Service", "z"])

        let symbol = request(4, "a.b.Service")
        let first = try Response(session.respond(to: symbol))
        #expect(first.host == "h")
        #expect(first.original == symbol)
        #expect(first.kind == 4)
        #expect(
            try first.inner.map { try $0.bytes() } == [descriptors[1], descriptors[0]],
            "the file, then what it needs"
        )

        let again = try Response(session.respond(to: request(3, "dir/main.proto")))
        #expect(try again.inner.map { try $0.bytes() } == [descriptors[1]], "what was sent is not sent again")

        let services = try Response(session.respond(to: request(7, "*")))
        #expect(services.kind == 6)
        #expect(services.inner.count == 2)

        let numbers = try Response(session.respond(to: request(6, "Base")))
        #expect(numbers.kind == 5)
        #expect(try numbers.inner.last?.bytes() == ByteBuffer(bytes: [100]))

        for (field, text) in [(3, "none.proto"), (4, "none"), (6, "none")] {
            let missing = try Response(session.respond(to: request(field, text)))
            #expect(missing.kind == 7)
            #expect(try missing.inner.first?.int32() == 5, "NOT_FOUND")
        }

        var byExtension = ProtobufWriter()
        byExtension.write("Base", field: 1)
        byExtension.write(Int32(100), field: 2)
        var asked = ProtobufWriter()
        asked.write(byExtension.message, field: 5)
        #expect(try Response(session.respond(to: asked.message)).kind == 4)

        #expect(try Response(session.respond(to: ByteBuffer())).inner.first?.int32() == 3, "INVALID_ARGUMENT")
        #expect(throws: RPCError.self) { try session.respond(to: ByteBuffer(bytes: [0xff])) }
    }
}
