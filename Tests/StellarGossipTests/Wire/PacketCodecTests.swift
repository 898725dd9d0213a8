import StellarTestKit
import Testing

@testable import StellarGossip

struct PacketCodecTests {
    private let messages: [GossipMessage] = [
        .ping(Ping(sequence: 7, node: "b")), .suspect(Suspect(node: "c", incarnation: 1, from: "a")),
        .user([UInt8](repeating: 42, count: 300)),
    ]

    private func key(_ count: Int, _ byte: UInt8 = 1) throws -> GossipKey {
        try #require(GossipKey([UInt8](repeating: byte, count: count)))
    }

    private func packet(
        _ codec: PacketCodec,
        _ messages: [GossipMessage],
        hasChecksum: Bool = false
    ) throws -> [UInt8] {
        var random = SplitMix64(seed: 1)
        return try codec.encode(messages.map { $0.encoded() }, hasChecksum: hasChecksum) {
            SealedBlock.Nonce(using: &random)
        }
    }

    @Test func everyCombinationOfLayersDecodes() throws {
        for label in [[], Array("prod".utf8), [UInt8](repeating: 0xF4, count: 255)] {
            for length in [0, 16, 24, 32] {
                for compresses in [false, true] {
                    for hasChecksum in [false, true] {
                        var codec = PacketCodec(label: label)
                        if length > 0 { codec.keyring = Keyring(try key(length)) }
                        codec.compresses = compresses
                        for some in [messages, [messages[0]]] {
                            let bytes = try packet(codec, some, hasChecksum: hasChecksum)
                            #expect(codec.decode(bytes[...]) == PacketCodec.Decoded(messages: some))
                        }
                    }
                }
            }
        }
    }

    @Test func layersAreInTheOrderOfMemberlist() throws {
        var codec = PacketCodec(label: [0x61])
        codec.compresses = false
        let ping = messages[0].encoded()
        let sum = Checksum.crc32(ping)
        let crc = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
        #expect(try packet(codec, [messages[0]], hasChecksum: true) == [244, 1, 0x61, 12] + crc + ping)
        codec.label = []
        let suspect = messages[1].encoded()
        let lengths = [0, UInt8(ping.count), 0, UInt8(suspect.count)]
        #expect(try packet(codec, [messages[0], messages[1]]) == [7, 2] + lengths + ping + suspect)
    }

    @Test func checksumIsTheCRC32OfEthernet() {
        #expect(Checksum.crc32("123456789".utf8) == 0xCBF4_3926)
    }

    @Test func datagramsOfOtherClustersAreDropped() throws {
        let ours = PacketCodec(label: [1], keyring: Keyring(try key(16)))
        var theirs = ours
        theirs.label = [2]
        #expect(ours.decode(try packet(theirs, messages)[...]).errors == [.label])
        theirs.label = []
        #expect(ours.decode(try packet(theirs, messages)[...]).errors == [.label])
        theirs.label = [1]
        theirs.keyring = Keyring(try key(16, 9))
        #expect(ours.decode(try packet(theirs, messages)[...]).errors == [.decryption])
        theirs.keyring = nil
        #expect(ours.decode(try packet(theirs, messages)[...]).errors == [.decryption])
        // A node without a label refuses one.
        #expect(PacketCodec().decode(try packet(theirs, messages)[...]).errors == [.label])
    }

    @Test func alteredBytesAreNoticed() throws {
        let codec = PacketCodec(label: [1], keyring: Keyring(try key(32)))
        let bytes = try packet(codec, messages)
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 0x10
            #expect(codec.decode(altered[...]).messages.isEmpty, "byte \(index)")
        }
        let plain = PacketCodec()
        let summed = try packet(plain, [messages[2]], hasChecksum: true)
        for index in 5..<summed.count {
            var altered = summed
            altered[index] ^= 1
            #expect(plain.decode(altered[...]).errors == [.checksum])
        }
    }

    @Test func keysChangeWithoutAGap() throws {
        let (old, new) = (try key(16, 1), try key(32, 2))
        var first = PacketCodec(keyring: Keyring(old))
        var second = first
        func bothReceive() throws {
            #expect(first.decode(try packet(second, messages)[...]).errors.isEmpty)
            #expect(second.decode(try packet(first, messages)[...]).errors.isEmpty)
        }
        try bothReceive()
        first.keyring?.add(new)
        try bothReceive()
        second.keyring?.add(new)
        try first.keyring?.use(new)
        try bothReceive()
        try second.keyring?.use(new)
        try first.keyring?.remove(old)
        try bothReceive()
        try second.keyring?.remove(old)
        try bothReceive()
        #expect(throws: KeyringError.isPrimary) { try first.keyring?.remove(new) }
        #expect(throws: KeyringError.isUnknown) { try first.keyring?.use(old) }
    }

    @Test func plaintextIsAcceptedWhileAClusterIsBeingEncrypted() throws {
        var codec = PacketCodec(keyring: Keyring(try key(16)))
        let plain = try packet(PacketCodec(), messages)
        #expect(codec.decode(plain[...]).messages.isEmpty)
        codec.verifiesIncoming = false
        #expect(codec.decode(plain[...]).messages == messages)
        #expect(codec.decode(try packet(codec, messages)[...]).messages == messages)
        codec.encryptsOutgoing = false
        #expect(try packet(codec, messages) == plain)
    }

    @Test func completePartsOfATruncatedCompoundAreUsed() throws {
        var codec = PacketCodec()
        codec.compresses = false
        let bytes = try packet(codec, messages)
        let decoded = codec.decode(bytes.dropLast(1))
        #expect(decoded.messages == Array(messages.prefix(2)) && decoded.errors == [.truncated])
    }

    @Test func badMessageDoesNotAffectTheOthers() throws {
        let parts = [messages[0].encoded(), [99, 1, 2], [4, 0x05], messages[1].encoded()]
        let decoded = PacketCodec().decode(Compound.encode(parts)[...])
        #expect(decoded.messages == Array(messages.prefix(2)))
        #expect(decoded.errors == [.unknownType(99), .wrongType])
    }

    @Test func decompressionIsBounded() throws {
        let codec = PacketCodec()
        // Grows to a megabyte.
        let bomb = Compressed.encode([8] + [UInt8](repeating: 0, count: 1 << 20))
        #expect(codec.decode(bomb[...]).errors == [.tooLarge])
        // Compounds in compounds in compounds: each level is 255 times the one below.
        var nest = [UInt8]([8, 1])
        for _ in 0..<3 {
            nest = Compound.encode([[UInt8]](repeating: nest, count: min(255, 60_000 / (nest.count + 2))))
        }
        let decoded = codec.decode(nest[...])
        #expect(decoded.messages.count <= WireLimits.messagesPerDatagram)
        var deep = messages[0].encoded()
        for _ in 0..<100 { deep = Compound.encode([deep]) }
        #expect(codec.decode(deep[...]) == PacketCodec.Decoded(errors: [.tooDeep]))
    }

    @Test func randomBytesAreDecodedOrRefused() throws {
        var random = SplitMix64(seed: 2)
        let codec = PacketCodec()
        let good = try packet(codec, messages, hasChecksum: false)
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0...Int.random(in: 0...5, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            _ = codec.decode(bytes[...])
        }
    }

    /// A block of version 0, whose plaintext is padded.
    @Test func paddedBlocksAreDecrypted() throws {
        let key = try key(16)
        var random = SplitMix64(seed: 4)
        for length in [0, 1, 15, 16, 17] {
            let text = [UInt8](repeating: 0x55, count: length)
            let padding = 16 - length % 16
            let padded = text + [UInt8](repeating: UInt8(padding), count: padding)
            var block = try SealedBlock.seal(padded, key: key, nonce: .init(using: &random), authenticating: [])
            block[0] = 0
            #expect(try SealedBlock.open(block[...], keys: [key], authenticating: []) == text)
        }
    }
}

extension Compound {
    fileprivate static func encode(_ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        append(parts, to: &bytes)
        return bytes
    }
}
