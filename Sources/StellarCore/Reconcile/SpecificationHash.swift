/// A hash of the parts of a service that shape its containers.
///
/// A node stores it as a label of the container. If the hash of the desired service differs, the node recreates the
/// container. The hash leaves out what can change without a new container: node, replicas, placement preference,
/// restart policy, health check, endpoints and stop grace period.
package struct SpecificationHash: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The hash: 16 hexadecimal digits.
    package let description: String

    /// Creates a hash from its ``description``, e.g. from the label.
    package init(_ description: String) {
        self.description = description
    }

    /// Creates the hash of a service: FNV-1a (64 bits; Fowler, Noll, Vo) of its canonical app file form. It protects
    /// against chance and not against attackers: a person who can write the file can also delete the app.
    package init(of service: Service) {
        var shape = service
        shape.node = nil
        shape.replicas = 1
        shape.placementPreference = nil
        shape.restart = .always
        shape.healthCheck = nil
        shape.endpoints = []
        shape.stopGracePeriod = Service.defaultStopGracePeriod
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in AppFile.node(of: shape).text(indented: false).utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        description = String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The key of the container's label.
    package static let label = "stellar.io/specification"
}
