import StellarGossip

/// The command line of `gossip-node`. It is parsed by hand, because a node for measurements should contain only what a
/// node needs.
struct Options {
    static let usage = """
        usage: gossip-node NAME BIND:PORT [--advertise ADDRESS:PORT] [--preset local|lan|wan] [--key HEX]... \
        [--label TEXT] [--plain] [--join HOST:PORT]... [--meta TEXT] [--state FILE] [--application MIN,MAX,CURRENT] [--log LEVEL]

        A node of a memberlist cluster and nothing else, for tests and measurements. It prints one line for each event. It reads
        commands from standard input: join HOST:PORT | members | nodes | meta TEXT | leave | send TEXT |
        key add|use|remove HEX | rtt | counters | peers | forget NAME | quit. It ends when the input ends.

        The first --key is the primary one. --plain turns compression off. --application is the range of versions of the
        application, for peers that check it: Serf's is 2,5,4.
        """

    /// An error in the command line, or in a command.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    var configuration: GossipNodeConfiguration
    var statePath: String?
    var logLevel = "info"

    init(_ arguments: [String]) throws {
        guard arguments.count >= 2 else { throw Failure(description: "NAME and BIND:PORT are missing") }
        configuration = GossipNodeConfiguration(name: arguments[0])
        configuration.bind = try Self.endpoint(arguments[1])
        // Like the other programs in its tests.
        configuration.gossip = .local
        var keys: [GossipKey] = []
        var rest = arguments.dropFirst(2)
        while let option = rest.popFirst() {
            if option == "--plain" {
                configuration.compresses = false
                continue
            }
            guard let value = rest.popFirst() else {
                throw Failure(description: "\(option) is unknown, or its value is missing")
            }
            switch option {
            case "--advertise": configuration.advertise = try Self.endpoint(value)
            case "--preset": configuration.gossip = try Self.preset(value)
            case "--key": keys.append(try Self.key(value))
            case "--label": configuration.label = value
            case "--join": configuration.peers.append(value)
            case "--meta": configuration.metadata = Array(value.utf8)
            case "--application": configuration.versions = try Self.versions(value)
            case "--state": statePath = value
            case "--log": logLevel = value
            default: throw Failure(description: "unknown option \(option)")
            }
        }
        if !keys.isEmpty { configuration.keyring = try Keyring(keys) }
    }

    private static func endpoint(_ text: String) throws -> GossipEndpoint {
        guard let endpoint = GossipEndpoint(text) else {
            throw Failure(description: "\(text) is not ADDRESS:PORT or [IPv6]:PORT")
        }
        return endpoint
    }

    private static func preset(_ name: String) throws -> GossipConfiguration {
        switch name {
        case "local": return .local
        case "lan": return .lan
        case "wan": return .wan
        default: throw Failure(description: "unknown preset \(name); the presets are local, lan and wan")
        }
    }

    private static func versions(_ text: String) throws -> ProtocolVersions {
        let numbers = text.split(separator: ",").compactMap { UInt8($0) }
        guard numbers.count == 3 else { throw Failure(description: "\(text) is not MIN,MAX,CURRENT") }
        var versions = ProtocolVersions.ours
        (versions.delegateMinimum, versions.delegateMaximum, versions.delegateCurrent) = (
            numbers[0], numbers[1], numbers[2]
        )
        return versions
    }

    static func key(_ text: String) throws -> GossipKey {
        let digits = Array(text.utf8)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { index in
            UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
        }
        guard 2 * bytes.count == digits.count, let key = GossipKey(bytes) else {
            throw Failure(description: "a key must be 16, 24 or 32 bytes in hexadecimal digits")
        }
        return key
    }
}
