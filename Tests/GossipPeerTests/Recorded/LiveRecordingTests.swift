import StellarTestKit
import Testing

@testable import StellarGossip

/// Every kind of message of a memberlist peer, received from its sockets in this run: each decodes, and encodes to the
/// same bytes.
@Suite(.requires(.memberlist))
struct LiveRecordingTests {
    struct Layers: Sendable, CustomTestStringConvertible {
        var compresses = true
        /// Bytes of the key; 0 for none.
        var key = 0
        var isPadded = false

        var testDescription: String {
            let encryption = key == 0 ? "not encrypted" : "AES-\(8 * key)\(isPadded ? ", padded" : "")"
            return "\(compresses ? "compressed" : "as it is"), \(encryption)"
        }
    }

    struct NotYetSaid: Error {
        var kinds: Set<Tap.Kind>
    }

    @Test(arguments: [
        Layers(compresses: false), Layers(), Layers(key: 16), Layers(compresses: false, key: 24), Layers(key: 32),
        Layers(key: 16, isPadded: true),
    ])
    func everyMessageDecodesAndEncodesToTheSameBytes(layers: Layers) async throws {
        let key = [UInt8](repeating: 0x5A, count: layers.key)
        var codec = PacketCodec(keyring: GossipKey(key).map { Keyring($0) })
        codec.compresses = layers.compresses
        var options = GoPeer.Options()
        options.keys = layers.key == 0 ? [] : [key]
        options.compresses = layers.compresses
        options.metadata = "hello"
        options.protocolVersion = layers.isPadded ? 1 : 2
        try await TemporaryDirectory.with { folder in
            let peer = try await GoPeer.start("real", in: folder, options)
            let tap = try Tap(codec, isPadded: layers.isPadded, port: peer.port)
            peer.command("join 127.0.0.2:\(peer.port)")
            var wanted = Set(Tap.Kind.allCases)
            if !layers.compresses { wanted.remove(.compressed) }
            try await eventually("every kind of message", every: .milliseconds(300)) {
                try tap.provoke(peer)
                try tap.turn(peer)
                let missing = wanted.subtracting(tap.kinds)
                guard missing.isEmpty else { throw NotYetSaid(kinds: missing) }
                return true
            }
        }
    }
}
