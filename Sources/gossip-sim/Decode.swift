import ArgumentParser
import StellarGossip

struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures the decoding of an alive message in a datagram of sixteen; prints nanoseconds."
    )

    @Option(help: "Bytes of metadata in each.")
    var metadata = 0

    @Option(help: "Characters of each name.")
    var name = 12

    @Option(help: "Messages to decode.")
    var count = 1_000_000

    func run() throws {
        let messages = (0..<16).map { index in
            GossipMessage.alive(
                Alive(
                    node: String(repeating: "n", count: max(name - 2, 0)) + String(10 + index),
                    incarnation: UInt32(index),
                    address: WireAddress([10, 0, 0, UInt8(index)]) ?? .none,
                    port: 7946,
                    metadata: [UInt8](repeating: 1, count: metadata)
                )
            ).encoded()
        }
        var codec = PacketCodec()
        codec.compresses = false
        var random = SystemRandomNumberGenerator()
        let datagram = try codec.encode(messages, hasChecksum: true) { SealedBlock.Nonce(using: &random) }
        var decoded = 0
        let start = ProcessTime.now
        while decoded < count { decoded += codec.decode(datagram[...]).messages.count }
        let nanoseconds = (ProcessTime.now - start) * 1e9 / Double(decoded)
        print("decode_nanoseconds \(Int(nanoseconds.rounded()))")
    }
}
