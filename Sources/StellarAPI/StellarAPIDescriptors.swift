import FoundationEssentials
import NIOCore
import StellarRPC

/// The descriptors of the API, for the gRPC reflection service.
public enum StellarAPIDescriptors {
    /// Serialized FileDescriptorProtos of all services of the API and of the standard gRPC services, with their
    /// imports.
    public static let files: [[UInt8]] = {
        guard let bytes = Data(base64Encoded: GeneratedDescriptors.base64) else { return [] }
        // FileDescriptorSet { repeated FileDescriptorProto file = 1 }
        var files: [[UInt8]] = []
        var reader = ProtobufReader(ByteBuffer(bytes: bytes))
        while let field = try? reader.next() {
            guard field.number == 1, let file = try? field.bytes() else { continue }
            files.append(Array(file.readableBytesView))
        }
        return files
    }()
}
