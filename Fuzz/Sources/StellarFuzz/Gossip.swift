@testable import StellarGossip

private let key = GossipKey([UInt8](repeating: 0x5A, count: 16))
private let loopback = WireAddress([127, 0, 0, 1]) ?? .none

/// How peers may be set up. The same keys and label as in Seeds/packet and Seeds/stream.
private let codecs: [PacketCodec] = [[], Array("prod".utf8)].flatMap { label in
    [nil, key.map { Keyring($0) }].map { keyring in
        PacketCodec(label: label, keyring: keyring)
    }
}

/// A datagram. The first byte chooses the codec; what it brings is written and read again, and told to a machine.
@Sendable func fuzzPacket(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var codec = codecs[Int(first) % codecs.count]
    // Nobody guesses a tag: what follows the first byte is what is in the sealed block.
    let isSealed = first & 0x80 != 0 && codec.keyring != nil
    if !isSealed { codec.keyring = nil }
    var numbers = Numbers(state: UInt64(first))
    let bytes = Array(input.dropFirst())
    guard let datagram = isSealed ? sealed(bytes, codec) : bytes else { return }
    let decoded = codec.decode(datagram[...])
    require(
        decoded.messages.count + decoded.errors.count <= WireLimits.messagesPerDatagram + WireLimits.nesting,
        "a datagram brings so many messages at most"
    )
    for message in decoded.messages {
        guard let type = MessageType(rawValue: message.encoded()[0]) else { return require(false, "a type is a type") }
        require(
            (try? GossipMessage(type, message.encoded().dropFirst())) == message,
            "what was understood is written and understood again"
        )
    }
    guard !decoded.messages.isEmpty, decoded.messages.count <= Compound.maximumParts else { return }
    let written = decoded.messages.map { $0.encoded() }
    guard written.allSatisfy({ $0.count <= Int(UInt16.max) }) else { return }
    let nonce = SealedBlock.Nonce(using: &numbers)
    if let again = try? codec.encode(written, hasChecksum: first & 0x40 != 0, nonce: { nonce }) {
        require(codec.decode(again[...]).messages == decoded.messages, "a datagram survives the wire")
    }
    tell(decoded.messages, &numbers)
}

private func sealed(_ bytes: [UInt8], _ codec: PacketCodec) -> [UInt8]? {
    var numbers = Numbers(state: 1)
    let nonce = SealedBlock.Nonce(using: &numbers)
    var raw = codec
    raw.compresses = false
    return try? raw.encode([bytes], hasChecksum: false, nonce: { nonce })
}

/// What a machine is told, in any order, at any time, leaves it sound.
private func tell(_ messages: [GossipMessage], _ numbers: inout Numbers) {
    var now = GossipTime(nanoseconds: 0)
    let endpoint = GossipEndpoint(address: loopback, port: 7946)
    var machine = MembershipMachine(name: "real", endpoint: endpoint, configuration: .local, now: now, using: &numbers)
    for message in messages {
        machine.receive(message, from: endpoint, now: now, using: &numbers)
        requireSound(&machine)
        // Now and then nothing happens for a while.
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
    require(machine.own.state == .alive && machine.own.name == "real" || machine.name == "other", "a node is itself")
    require(machine.own.endpoint.port == 7946, "a node stays where it is")
    let present = machine.members.filter(\.isPresent).count
    require(machine.presentCount == present, "those who are present are counted")
    require(machine.queue.byteCount <= machine.configuration.queueBytes, "the queue has its limit")
    require(machine.members.allSatisfy { !$0.name.isEmpty && $0.metadata.count <= WireLimits.metadata }, "members")
    for effect in machine.takeEffects() {
        guard case .send(let messages, to: _, hasChecksum: _) = effect else { continue }
        require(messages.count <= Compound.maximumParts, "a compound has so many parts at most")
        for message in messages {
            guard let type = message.first.flatMap({ MessageType(rawValue: $0) }) else {
                return require(false, "what is sent has a type")
            }
            require((try? GossipMessage(type, message.dropFirst())) != nil, "what is sent can be read")
        }
    }
}

/// A stream. The first byte chooses the codec and who opened it; cuts do not matter.
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
            return require(false, "what is whole later is no error before")
        }
        if case .message(let early) = progress { require(early == message, "cuts do not matter") }
    }
    guard case .pushPull(var state) = message else {
        return require((try? StreamMessage(message.encoded()[...])) == message, "a message survives the wire")
    }
    // Nodes that cannot be are left out, and only told of.
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

/// LZW, read as a peer's and written as ours.
@Sendable func fuzzLZW(_ input: [UInt8]) {
    let limit = 1 << 16
    if let output = try? LempelZivWelch.decompress(input[...], limit: limit) {
        require(output.count <= limit, "no more comes out than the limit")
        let again = LempelZivWelch.compress(output)
        require((try? LempelZivWelch.decompress(again[...], limit: limit)) == output, "compression is undone")
    }
    let packed = LempelZivWelch.compress(input)
    require((try? LempelZivWelch.decompress(packed[...], limit: input.count)) == input, "compression is undone")
}

/// A keyring that is changed by commands: each byte is a verb and one of eight keys.
@Sendable func fuzzKeyring(_ input: [UInt8]) {
    let keys = (UInt8(0)..<8).compactMap { GossipKey([UInt8](repeating: $0, count: [16, 24, 32][Int($0) % 3])) }
    var ring = Keyring(keys[0])
    for byte in input.prefix(200) {
        let (key, before) = (keys[Int(byte & 7)], ring)
        switch byte >> 3 & 3 {
        case 0:
            ring.add(key)
            require(ring.keys.contains(key) && ring.primary == before.primary, "a new key is no primary one")
        case 1:
            let isThere = before.keys.contains(key)
            require(((try? ring.use(key)) != nil) == isThere, "only a known key is used")
            require(ring.primary == (isThere ? key : before.primary), "the one that is used is the primary one")
        default:
            let isPrimary = before.primary == key
            require(((try? ring.remove(key)) == nil) == isPrimary, "the primary one stays")
            require(ring.keys.contains(key) == isPrimary, "a removed key is gone")
        }
        require(Set(ring.keys).count == ring.keys.count && !ring.keys.isEmpty, "each key once, and never none")
    }
    _ = GossipKey(input)
}
