/// A field of an HTTP/2 header list. Names are lower case (RFC 9113 section 8.2.1).
package struct HTTP2Header: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// The bytes per field that count towards SETTINGS_MAX_HEADER_LIST_SIZE beside name and value (RFC 9113 section 6.5.2).
    package static let overhead = 32
}
