public import StellarCore
import SwiftProtobuf

/// The service as an extension of each of its containers in containerd, with the original's key and type URL.
///
/// containerd alone is then enough to list what runs.
public enum ServiceExtension {
    /// The key of the extension.
    public static let key = "stellar.io/extensions/Service"
    /// The type URL of the extension, without a prefix.
    public static let typeURL = "stellar.services.runtime.v1.Service"

    /// The value of the extension: an encoded `RuntimeService`.
    public static func encode(_ service: Service) -> [UInt8] {
        RuntimeService(service).deterministicBytes()
    }

    /// The message of a value, without checking it.
    ///
    /// - Throws: `SwiftProtobuf.BinaryDecodingError` if the value is not an encoded message.
    public static func decode(_ bytes: [UInt8]) throws -> RuntimeService {
        try RuntimeService(serializedBytes: bytes)
    }
}
