@testable import StellarGossip

private let key = GossipKey([UInt8](repeating: 0x5A, count: 16))
private let loopback = WireAddress([127, 0, 0, 1]) ?? .none

/// Codecs with and without a label and a key: those of Seeds/packet and Seeds/stream.
private let codecs: [PacketCodec] = [[], Array("prod".utf8)].flatMap { label in
    [nil, key.map { Keyring($0) }].map { keyring in
        PacketCodec(label: label, keyring: keyring)
    }
}

/// A datagram. The first byte chooses the codec. The decoded messages are encoded and decoded again, and given to a machine.
@Sendable func fuzzPacket(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var codec = codecs[Int(first) % codecs.count]
    // A fuzzer cannot guess the tag of a sealed block, so the input after the first byte is its content.
    let isSealed = first & 0x80 != 0 && codec.keyring != nil
    if !isSealed { codec.keyring = nil }
    var numbers = Numbers(state: UInt64(first))
    let bytes = Array(input.dropFirst())
    guard let datagram = isSealed ? sealed(bytes, codec) : bytes else { return }
    let decoded = codec.decode(datagram[...])
    require(
        decoded.messages.count + decoded.errors.count <= WireLimits.messagesPerDatagram + WireLimits.nesting,
        "a datagram has at most that many messages"
    )
    for message in decoded.messages {
        guard let type = MessageType(rawValue: message.encoded()[0]) else {
            return require(false, "a message has a known type")
        }
        require(
            (try? GossipMessage(type, message.encoded().dropFirst())) == message,
            "a decoded message survives the wire"
        )
    }
    guard !decoded.messages.isEmpty, decoded.messages.count <= Compound.maximumParts else { return }
    let written = decoded.messages.map { $0.encoded() }
    guard written.allSatisfy({ $0.count <= Int(UInt16.max) }) else { return }
    let nonce = SealedBlock.Nonce(using: &numbers)
    if let again = try? codec.encode(written, hasChecksum: first & 0x40 != 0, nonce: { nonce }) {
        require(codec.decode(again[...]).messages == decoded.messages, "a datagram survives the wire")
    }
    deliver(decoded.messages, &numbers)
}

private func sealed(_ bytes: [UInt8], _ codec: PacketCodec) -> [UInt8]? {
    var numbers = Numbers(state: 1)
    let nonce = SealedBlock.Nonce(using: &numbers)
    var raw = codec
    raw.compresses = false
    return try? raw.encode([bytes], hasChecksum: false, nonce: { nonce })
}

/// Gives messages to a machine; it must stay sound after each.
private func deliver(_ messages: [GossipMessage], _ numbers: inout Numbers) {
    var now = GossipTime(nanoseconds: 0)
    let endpoint = GossipEndpoint(address: loopback, port: 7946)
    var machine = MembershipMachine(name: "real", endpoint: endpoint, configuration: .local, now: now, using: &numbers)
    for message in messages {
        machine.receive(message, from: endpoint, now: now, using: &numbers)
        requireSound(&machine)
        // Sometimes a while passes.
        if numbers.next() & 3 == 0 { pass(&machine, &now, &numbers) }
    }
    for _ in 0..<4 { pass(&machine, &now, &numbers) }
    var other = MembershipMachine(name: "other", endpoint: endpoint, configuration: .local, now: now, using: &numbers)
    try? other.merge(machine.localState(isJoin: false), now: now, using: &numbers)
    requireSound(&other)
}

private func pass(_ machine: inout MembershipMachine, _ now: inout GossipTime, _ numbers: inout Numbers) {
    now = now + .milliseconds(Int64(numbers.next() % 3000))
    for _ in 0..<64 where machine.deadline <= now { machine.advance(now: now, using: &numbers) }
    requireSound(&machine)
}

private func requireSound(_ machine: inout MembershipMachine) {
    require(
        machine.own.state == .alive && machine.own.name == "real" || machine.name == "other",
        "a node keeps its name and is alive"
    )
    require(machine.own.endpoint.port == 7946, "a node keeps its port")
    let present = machine.members.filter(\.isPresent).count
    require(machine.presentCount == present, "the count of present members is right")
    require(machine.queue.byteCount <= machine.configuration.queueBytes, "the queue stays within its limit")
    require(
        machine.members.allSatisfy { !$0.name.isEmpty && $0.metadata.count <= WireLimits.metadata },
        "a member has a name and no more metadata than the limit"
    )
    for effect in machine.takeEffects() {
        guard case .send(let messages, to: _, hasChecksum: _) = effect else { continue }
        require(messages.count <= Compound.maximumParts, "a compound has at most that many parts")
        for message in messages {
            guard let type = message.first.flatMap({ MessageType(rawValue: $0) }) else {
                return require(false, "a sent message has a type")
            }
            require((try? GossipMessage(type, message.dropFirst())) != nil, "a sent message can be decoded")
        }
    }
}

/// A stream. The first byte chooses the codec and the side that opened it. The sizes of the pieces must not matter.
@Sendable func fuzzStream(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var packets = codecs[Int(first) % codecs.count]
    packets.verifiesIncoming = first & 0x80 == 0
    let codec = StreamCodec(packets)
    let bytes = input.dropFirst()
    let received: ArraySlice<UInt8>?
    do throws(WireError) {
        received = first & 0x40 == 0 ? bytes : try codec.withoutPreamble(bytes)
    } catch {
        return
    }
    guard let received, case .message(let message)? = try? codec.decode(received) else { return }
    for count in stride(from: 0, to: received.count, by: max(1, received.count / 8)) {
        guard let progress = try? codec.decode(received.prefix(count)) else {
            return require(false, "a prefix of a valid message is no error")
        }
        if case .message(let early) = progress { require(early == message, "the sizes of the pieces do not matter") }
    }
    guard case .pushPull(var state) = message else {
        return require((try? StreamMessage(message.encoded()[...])) == message, "a message survives the wire")
    }
    // Invalid nodes are not encoded again, only reported.
    state.refused = []
    require(
        (try? StreamMessage(StreamMessage.pushPull(state).encoded()[...])) == .pushPull(state),
        "a state survives the wire"
    )
    var numbers = Numbers(state: UInt64(first))
    var machine = MembershipMachine(
        name: "real",
        endpoint: GossipEndpoint(address: loopback, port: 7946),
        configuration: .local,
        now: GossipTime(nanoseconds: 0),
        using: &numbers
    )
    try? machine.merge(state, now: GossipTime(nanoseconds: 1), using: &numbers)
    requireSound(&machine)
    var now = GossipTime(nanoseconds: 1)
    for _ in 0..<8 { pass(&machine, &now, &numbers) }
}

/// LZW: decompresses the input, and compresses it.
@Sendable func fuzzLZW(_ input: [UInt8]) {
    let limit = 1 << 16
    if let output = try? LempelZivWelch.decompress(input[...], limit: limit) {
        require(output.count <= limit, "the output stays within the limit")
        let again = LempelZivWelch.compress(output)
        require(
            (try? LempelZivWelch.decompress(again[...], limit: limit)) == output,
            "decompression restores the input"
        )
    }
    let packed = LempelZivWelch.compress(input)
    require(
        (try? LempelZivWelch.decompress(packed[...], limit: input.count)) == input,
        "decompression restores the input"
    )
}

/// A keyring. Each byte of the input is a command with one of eight keys.
@Sendable func fuzzKeyring(_ input: [UInt8]) {
    let keys = (UInt8(0)..<8).compactMap { GossipKey([UInt8](repeating: $0, count: [16, 24, 32][Int($0) % 3])) }
    var ring = Keyring(keys[0])
    for byte in input.prefix(200) {
        let (key, before) = (keys[Int(byte & 7)], ring)
        switch byte >> 3 & 3 {
        case 0:
            ring.add(key)
            require(
                ring.keys.contains(key) && ring.primary == before.primary,
                "an added key does not become the primary one"
            )
        case 1:
            let isKnown = before.keys.contains(key)
            require(((try? ring.use(key)) != nil) == isKnown, "only a known key can be used")
            require(ring.primary == (isKnown ? key : before.primary), "the used key becomes the primary one")
        default:
            let isPrimary = before.primary == key
            require(((try? ring.remove(key)) == nil) == isPrimary, "the primary key cannot be removed")
            require(ring.keys.contains(key) == isPrimary, "only the primary key stays after a removal")
        }
        require(Set(ring.keys).count == ring.keys.count && !ring.keys.isEmpty, "a keyring has keys, each of them once")
    }
    _ = GossipKey(input)
}
