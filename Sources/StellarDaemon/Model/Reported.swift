/// A value that another node, of a later release perhaps, reports by its name. An unknown name is kept as it came.
enum Reported<Value: RawRepresentable<String> & Hashable & Sendable>: RawRepresentable, Hashable, Sendable, Codable {
    case known(Value)
    case unknown(String)

    init(rawValue: String) {
        self = Value(rawValue: rawValue).map(Self.known) ?? .unknown(rawValue)
    }

    var rawValue: String {
        switch self {
        case .known(let value): value.rawValue
        case .unknown(let name): name
        }
    }
}
