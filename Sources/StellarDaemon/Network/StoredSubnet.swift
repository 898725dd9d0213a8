import StellarCore
import StellarNet
import StellarStorage

/// The bucket of this node's disk that is not replicated.
private let localBucket = "stellar.v1.local"

/// The confirmed claim on this node's disk: after a restart containers need not wait for other nodes.
enum StoredClaim {
    // The name is from the first versions, and stays for their databases.
    private static let key = "settled-subnet"

    static func read(_ connection: Connection) throws -> SubnetClaim? {
        guard let value = try Buckets(connection).entries(in: localBucket, prefix: key).first?.value else { return nil }
        let words = String(decoding: value, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count == 3, let stamp = UInt64(words[0]), let subnet = IPv4Subnet(String(words[1])) else {
            return nil
        }
        return SubnetClaim(node: String(words[2]), subnet: subnet, stamp: stamp)
    }

    static func write(_ claim: SubnetClaim?, _ connection: Connection) throws {
        guard let claim else { return try Buckets(connection).remove(key, in: localBucket) }
        let text = "\(claim.stamp) \(claim.subnet) \(claim.node)"
        try Buckets(connection).set(key, in: localBucket, to: Array(text.utf8))
    }
}

/// The subnet that this node's containers are on, on its disk; see ``SubnetMove``.
enum ContainerSubnet {
    private static let key = "placed-subnet"

    static func read(_ connection: Connection) throws -> IPv4Subnet? {
        guard let value = try Buckets(connection).entries(in: localBucket, prefix: key).first?.value else { return nil }
        return IPv4Subnet(String(decoding: value, as: UTF8.self))
    }

    static func write(_ subnet: IPv4Subnet, _ connection: Connection) throws {
        try Buckets(connection).set(key, in: localBucket, to: Array("\(subnet)".utf8))
    }
}
