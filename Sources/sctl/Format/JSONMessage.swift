import FoundationEssentials
import StellarCore
import SwiftProtobuf

/// What `--output json` can print.
///
/// SwiftProtobuf's own JSON is not it: the contract wants 64-bit numbers as numbers, an `Any` as its type and bytes, and names of
/// protocols and durations as the app file takes them.
protocol JSONValue {
    var json: JSONNode.Value { get }
    /// Members that are zero are left out, as in the JSON of protobuf.
    var isZero: Bool { get }
}

/// A message of the API: the names of its `.proto` file in the order of that.
protocol JSONMessage: JSONValue {
    var members: KeyValuePairs<String, any JSONValue> { get }
}

extension JSONMessage {
    var json: JSONNode.Value {
        .object(members.filter { !$0.value.isZero }.map { .init($0.key, JSONNode($0.value.json)) })
    }

    /// A nested message is printed where it is set, also when it is empty.
    var isZero: Bool { false }

    /// RFC 8259, one member per line.
    ///
    /// - Parameter indent: spaces per level; the original's `inspect` has one.
    func jsonText(indent: Int = 2) -> String { JSONNode(json).text(indent: indent) }
}

extension Array where Element: JSONMessage {
    var jsonText: String { JSONNode(json).text(indent: 2) }
}

extension String: JSONValue {
    var json: JSONNode.Value { .string(self) }
    var isZero: Bool { isEmpty }
}

extension Bool: JSONValue {
    var json: JSONNode.Value { .bool(self) }
    var isZero: Bool { !self }
}

extension JSONValue where Self: FixedWidthInteger {
    var json: JSONNode.Value { .number("\(self)") }
    var isZero: Bool { self == 0 }
}

extension Int32: JSONValue {}
extension Int64: JSONValue {}
extension UInt32: JSONValue {}
extension UInt64: JSONValue {}

extension Array: JSONValue where Element: JSONValue {
    var json: JSONNode.Value { .array(map { JSONNode($0.json) }) }
    var isZero: Bool { isEmpty }
}

/// By key.
extension [String: String]: JSONValue {
    var json: JSONNode.Value {
        .object(sorted { $0.key < $1.key }.map { .init($0.key, JSONNode($0.value.json)) })
    }
    var isZero: Bool { isEmpty }
}

/// A field that may be unset; where it is set, it is printed also as zero.
extension Optional: JSONValue where Wrapped: JSONValue {
    var json: JSONNode.Value { self?.json ?? .null }
    var isZero: Bool { self == nil }
}

/// The type and the bytes, not what they mean: types travel that this program need not know.
extension Google_Protobuf_Any: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["type_url": typeURL, "value": value.base64EncodedString()]
    }
}

/// RFC 3339, in UTC.
extension Google_Protobuf_Timestamp: JSONValue {
    var json: JSONNode.Value {
        // protobuf's JSON mapping of a timestamp is that form in quotes; it fails outside the years 1 to 9999.
        .string((try? jsonString())?.filter { $0 != "\"" } ?? "")
    }
    var isZero: Bool { false }
}

/// As a Go duration, which the app file takes: `1.5s`.
extension Google_Protobuf_Duration: JSONValue {
    var json: JSONNode.Value { .string(GoDuration.format(.seconds(seconds) + .nanoseconds(nanos))) }
    var isZero: Bool { false }
}

extension JSONNode: JSONValue {
    var json: JSONNode.Value { value }
    var isZero: Bool { false }
}
