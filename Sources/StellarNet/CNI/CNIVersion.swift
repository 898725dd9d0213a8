/// A version of the Container Network Interface specification.
public enum CNIVersion: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case v0_1_0 = "0.1.0"
    case v0_2_0 = "0.2.0"
    case v0_3_0 = "0.3.0"
    case v0_3_1 = "0.3.1"
    case v0_4_0 = "0.4.0"
    case v1_0_0 = "1.0.0"

    public static func < (a: Self, b: Self) -> Bool {
        // All parts are single digits.
        a.rawValue < b.rawValue
    }

    /// The versions of our configurations, best first. Before 0.3.1 a result cannot name its interfaces.
    static let offered: [CNIVersion] = [.v1_0_0, .v0_4_0, .v0_3_1]
}

/// The commands of the specification: the values of `CNI_COMMAND`.
public enum CNICommand: String, Sendable, Hashable {
    case add = "ADD"
    case check = "CHECK"
    case delete = "DEL"
    case version = "VERSION"
}
