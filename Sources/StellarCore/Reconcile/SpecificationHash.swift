/// Tells whether a container was made from the same description as is wanted now. Kept as a label of the container.
///
/// It covers what shapes the container itself. Where and how often it runs, when it is restarted, how it is probed and
/// under which names it is announced can change without making it anew, so those are left out.
public struct SpecificationHash: Sendable, Hashable, Codable, CustomStringConvertible {
    /// 16 hexadecimal digits.
    public let description: String

    /// Takes what ``description`` gave, e.g. from the label.
    public init(_ description: String) {
        self.description = description
    }

    /// The hash of a service: FNV-1a (64 bits; Fowler, Noll, Vo) of its canonical app file form. It guards against chance and
    /// not against an attacker: whoever may write the file may also delete the app.
    public init(of service: Service) {
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

    /// The label of the container.
    public static let label = "stellar.io/specification"
}
