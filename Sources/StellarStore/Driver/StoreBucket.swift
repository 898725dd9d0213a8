/// The names of the buckets. The first three are those of the original Stellar.
package enum StoreBucket {
    package static let apps = "stellar.v1.services.application"
    package static let network = "stellar.v1.services.network"
    package static let nameserver = "stellar.v1.services.nameserver"
    /// What nodes report of themselves: keys begin with the node's own name.
    package static let nodes = "stellar.v1.nodes"
}
