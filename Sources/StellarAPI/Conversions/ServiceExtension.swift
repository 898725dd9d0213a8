public import StellarCore
import SwiftProtobuf

/// The service as every container carries it, so that what runs can be read off containerd alone. Key and type URL are
/// the original's.
public enum ServiceExtension {
    /// The key among the container's extensions.
    public static let key = "stellar.io/extensions/Service"
    /// The type URL, without a prefix.
    public static let typeURL = "stellar.services.runtime.v1.Service"

    /// The value: an encoded `RuntimeService`.
    public static func encode(_ service: Service) -> [UInt8] {
        RuntimeService(service).deterministicBytes()
    }

    /// The message of a value, as it is.
    ///
    /// - Throws: `SwiftProtobuf.BinaryDecodingError` for what is none.
    public static func decode(_ bytes: [UInt8]) throws -> RuntimeService {
        try RuntimeService(serializedBytes: bytes)
    }
}
