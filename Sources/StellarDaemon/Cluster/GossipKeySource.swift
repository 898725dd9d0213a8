import Glibc
import StellarAPI
import StellarGossip
import StellarSystem

/// Where the keys come from when the daemon starts.
enum GossipKeySource {
    /// What was found, and what is to be said of it.
    struct Found: Sendable, Hashable {
        var keyring: Keyring?
        /// It is not in the file yet.
        var isNew = false
        var warning: String?
    }

    /// The keyring of the file, or else a new one of the configured key, which belongs into the file once the daemon has
    /// its ports: one that could not start has not decided anything.
    ///
    /// The file counts more: the keys may have been changed since the configuration was written.
    static func load(_ configured: String, file: KeyringFile) throws -> Found {
        let given = try configured.isEmpty ? nil : key(configured)
        if let keyring = try file.load() {
            guard let given, !keyring.keys.contains(given) else { return Found(keyring: keyring) }
            return Found(
                keyring: keyring,
                warning:
                    "the key of --gossip-key is none of \(file.path), which counts; add it with: sctl cluster keys "
                    + "add, or remove that file to start over"
            )
        }
        guard let given else { return Found() }
        return Found(keyring: Keyring(given), isNew: true)
    }

    /// - Parameter text: A key, or the path of a file with one. It is shown in no error, unless it is a file.
    private static func key(_ text: String) throws -> GossipKey {
        do throws(GossipKeyText.Problem) {
            return try checked(try GossipKeyText.read(text))
        } catch {
            guard access(text, F_OK) == 0 else {
                throw StartError("--gossip-key: \(error); nor is it a file that is there", status: .badConfiguration)
            }
        }
        guard let content = ProcFile.read(text) else {
            throw StartError("--gossip-key: cannot read \(text): \(String(cString: strerror(errno)))")
        }
        do throws(GossipKeyText.Problem) {
            return try checked(try GossipKeyText.read(content))
        } catch {
            throw StartError("--gossip-key: \(text): \(error)", status: .badConfiguration)
        }
    }

    private static func checked(_ bytes: [UInt8]) throws(GossipKeyText.Problem) -> GossipKey {
        guard let key = GossipKey(bytes) else { throw .wrongSize(bytes.count) }
        return key
    }
}
