import COpenSSL
import Glibc
import StellarAPI
import StellarCore
import StellarGossip
import StellarSystem

/// The keyring on the disk: a JSON list of the keys in base64, the primary one first, as serf has it. Root alone reads it.
struct KeyringFile: Sendable {
    var path: String

    /// Far more than ``KeyringKeeper/maximumKeys`` take.
    private static let maximumBytes = 64 << 10

    /// - Returns: nil where there is none.
    /// - Throws: ``StartError``, which never shows what is in the file.
    func load() throws -> Keyring? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let text = ProcFile.read(path, limit: Self.maximumBytes) else {
            throw StartError("cannot read the gossip keys of \(path): \(String(cString: strerror(errno)))")
        }
        guard let node = try? JSONReader.read(Array(text.utf8), maximumSize: Self.maximumBytes),
            case .array(let elements) = node.value
        else {
            throw StartError(
                "\(path) is not a JSON list of gossip keys; restore it, or remove it",
                status: .badConfiguration
            )
        }
        var keys: [GossipKey] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element.value, let bytes = try? GossipKeyText.read(text),
                let key = GossipKey(bytes)
            else {
                throw StartError(
                    "\(path): entry \(index + 1) is not a key of 16, 24 or 32 bytes",
                    status: .badConfiguration
                )
            }
            keys.append(key)
        }
        guard let keyring = try? Keyring(keys) else {
            throw StartError("\(path) has no key; remove it to go without encryption", status: .badConfiguration)
        }
        return keyring
    }

    /// Durable when it returns; a crash leaves the old keys or the new.
    func save(_ keyring: Keyring) throws {
        let list = JSONNode(.array(keyring.keys.map { JSONNode(.string(GossipKeyText.base64($0.bytes))) }))
        try Disk.replace(path, with: list.text(indented: true), mode: 0o600, isDurable: true)
    }
}

extension GossipKey {
    /// What may be shown of it: the first 8 bytes of its SHA-256, in hexadecimal. A key is random, so they do not help to
    /// find it.
    var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(bytes, bytes.count, &digest)
        return digest.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
