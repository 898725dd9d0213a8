/// The names of the buckets; those of the original where it had them.
package enum StoreBucket {
    package static let apps = "stellar.v1.services.application"
    package static let network = "stellar.v1.services.network"
    package static let nameserver = "stellar.v1.services.nameserver"
    /// What nodes tell of themselves: keys begin with the node's own name.
    package static let nodes = "stellar.v1.nodes"
}
