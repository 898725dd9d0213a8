import StellarTestKit
import Testing

@testable import StellarGossip

/// Two nodes made of sockets that one real peer talks to: `tap` on 127.0.0.2, which answers and receives everything,
/// and `ghost` on 127.0.0.3, which never answers. All have one port, as the oldest version of the protocol requires.
final class Tap {
    /// The messages of the peer by kind; `pushPull` and those that begin with `stream` came over a stream.
    enum Kind: String, Hashable, CaseIterable {
        case ping, indirectPing, acknowledgement, negativeAcknowledgement, suspect, alive, dead, user
        case compound, compressed, checksummed
        case pushPull, streamPing, streamAcknowledgement, streamUser, streamFailure
    }

    private let port: UInt16
    private let datagrams: LoopbackSocket
    private let listener: LoopbackSocket
    private let ghost: LoopbackSocket
    private let ghostListener: LoopbackSocket
    private let packets: PacketCodec
    /// Whether the peer's encryption pads, which this implementation only reads.
    private let isPadded: Bool
    private var streams: [(socket: LoopbackSocket, received: [UInt8], isTheirs: Bool)] = []
    private var random = SplitMix64(seed: 7)
    private(set) var kinds: Set<Kind> = []

    init(_ packets: PacketCodec, isPadded: Bool, port: UInt16) throws {
        self.packets = packets
        self.isPadded = isPadded
        self.port = port
        datagrams = try .datagrams(port: port, host: 2)
        listener = try .listener(port: port, host: 2)
        ghost = try .datagrams(port: port, host: 3)
        ghostListener = try .listener(port: port, host: 3)
    }

    /// Makes the peer send every kind of message.
    func provoke(_ peer: GoPeer) throws {
        try send([.ping(Ping(sequence: 1000, node: peer.name))], to: peer)
        let ghost = Self.address(3)
        var request = IndirectPing(sequence: 2000, target: ghost, port: port, node: "ghost", wantsNack: true)
        request.sourceAddress = Self.address(2)
        request.sourcePort = port
        request.sourceNode = "tap"
        try send([.indirectPing(request)], to: peer)
        // Two nodes suspect it, so the ghost is dead soon.
        try send([.suspect(Suspect(node: "ghost", incarnation: 1, from: "tap"))], to: peer)
        // Long enough for compression to pay.
        peer.command("send \(String(repeating: "to the tap ", count: 30))")
        peer.command("stream to the tap")
        try open(StreamMessage.ping(Ping(sequence: 3000, node: peer.name)).encoded(), to: peer)
        try open(state(isJoin: false).encoded(), to: peer)
        // An unknown algorithm, and not encrypted: no peer can decode this.
        let socket = try LoopbackSocket.connection(to: peer.port)
        _ = socket.write([9, 0x82, 0xA4] + Array("Algo".utf8) + [1, 0xA3] + Array("Buf".utf8) + [0xA0])
        streams.append((socket, [], false))
    }

    /// Takes received messages, compares them with our own encoding, and responds.
    func turn(_ peer: GoPeer) throws {
        while case (.bytes(let bytes), _) = datagrams.receive() { try received(bytes, from: peer) }
        while case (.bytes, _) = ghost.receive() {}
        while let socket = listener.accept() { streams.append((socket, [], true)) }
        while let socket = ghostListener.accept() { streams.append((socket, [], true)) }
        var open: [(socket: LoopbackSocket, received: [UInt8], isTheirs: Bool)] = []
        for var stream in streams {
            while case (.bytes(let bytes), _) = stream.socket.receive() { stream.received += bytes }
            let codec = StreamCodec(packets)
            guard case .message(let message) = try codec.decode(stream.received[...]) else {
                open.append(stream)
                continue
            }
            compare(stream.received, message, codec)
            if stream.isTheirs, case .pushPull = message {
                let response = try codec.encode(state(isJoin: false).encoded()) { .init(using: &random) }
                _ = stream.socket.write(response[...])
            }
        }
        streams = open
    }

    private static func address(_ host: UInt8) -> WireAddress { WireAddress([127, 0, 0, host]) ?? .none }

    private func state(isJoin: Bool) -> StreamMessage {
        let nodes = [("tap", 2), ("ghost", 3)].map { name, host in
            PushPullNode(name: name, address: Self.address(host), port: port, incarnation: 1, state: .alive)
        }
        return .pushPull(PushPull(nodes: nodes, isJoin: isJoin))
    }

    private func send(_ messages: [GossipMessage], to peer: GoPeer) throws {
        let bytes = try packets.encode(messages.map { $0.encoded() }, hasChecksum: false) { .init(using: &random) }
        datagrams.send(bytes, to: peer.port)
    }

    private func open(_ message: [UInt8], to peer: GoPeer) throws {
        let socket = try LoopbackSocket.connection(to: peer.port)
        let bytes = try StreamCodec(packets).encode(message) { .init(using: &random) }
        _ = socket.write(bytes[...])
        streams.append((socket, [], false))
    }

    // MARK: Comparing

    private func received(_ bytes: [UInt8], from peer: GoPeer) throws {
        let decoded = packets.decode(bytes[...])
        #expect(decoded.errors.isEmpty, "\(Hex.encode(bytes))")
        var plain = packets
        plain.keyring = nil
        let inner: [UInt8]
        if let keyring = packets.keyring {
            inner = try SealedBlock.open(bytes[...], keys: keyring.keys, authenticating: [])
            #expect(bytes[0] == (isPadded ? 0 : 1))
        } else {
            inner = bytes
        }
        let hasChecksum = inner[0] == MessageType.checksummed.rawValue
        let written = try plain.encode(decoded.messages.map { $0.encoded() }, hasChecksum: hasChecksum) {
            .init(using: &random)
        }
        #expect(written == inner, "\(decoded.messages)")
        if !isPadded, packets.keyring != nil {
            let sealed = try packets.encode(decoded.messages.map { $0.encoded() }, hasChecksum: hasChecksum) {
                SealedBlock.Nonce(bytes: Array(bytes[1..<13]))
            }
            #expect(sealed == bytes)
        }
        kinds.formUnion(Self.kinds(inner, decoded.messages))
        for case .ping(let ping) in decoded.messages where ping.node == "tap" {
            try send([.acknowledgement(Acknowledgement(sequence: ping.sequence))], to: peer)
        }
    }

    private func compare(_ bytes: [UInt8], _ message: StreamMessage, _ codec: StreamCodec) {
        var plain = codec
        plain.packets.keyring = nil
        #expect(throws: Never.self) {
            guard let keyring = packets.keyring else {
                #expect(try codec.encode(message.encoded()) { .init(using: &random) } == bytes)
                return
            }
            let inner = try SealedBlock.open(bytes[5...], keys: keyring.keys, authenticating: Array(bytes[..<5]))
            #expect(try plain.encode(message.encoded()) { .init(using: &random) } == inner)
            guard !isPadded else { return }
            let sealed = try codec.encode(message.encoded()) { SealedBlock.Nonce(bytes: Array(bytes[6..<18])) }
            #expect(sealed == bytes)
        }
        switch message {
        case .ping: kinds.insert(.streamPing)
        case .acknowledgement: kinds.insert(.streamAcknowledgement)
        case .pushPull: kinds.insert(.pushPull)
        case .user: kinds.insert(.streamUser)
        case .failure: kinds.insert(.streamFailure)
        }
    }

    private static func kinds(_ bytes: [UInt8], _ messages: [GossipMessage]) -> [Kind] {
        var kinds: [Kind] = messages.count > 1 ? [.compound] : []
        let isChecksummed = bytes[0] == MessageType.checksummed.rawValue
        if isChecksummed { kinds.append(.checksummed) }
        if bytes[isChecksummed ? 5 : 0] == MessageType.compressed.rawValue { kinds.append(.compressed) }
        return kinds
            + messages.map { message in
                switch message {
                case .ping: .ping
                case .indirectPing: .indirectPing
                case .acknowledgement: .acknowledgement
                case .negativeAcknowledgement: .negativeAcknowledgement
                case .suspect: .suspect
                case .alive: .alive
                case .dead: .dead
                case .user: .user
                }
            }
    }
}
