/// Why bytes from another node are not a message of the store.
package enum StoreWireError: Error, Sendable, Hashable {
    /// The bytes end in the middle of something.
    case truncated
    /// A message that cannot come now, or flags that do not exist.
    case wrongType
    /// A number outside the field's range.
    case outOfRange
    /// More than a limit allows, or bytes after the end.
    case tooLarge
    /// There is no message of this type.
    case unknownType(UInt8)
    /// A text that is empty or not UTF-8, or a node's name with control characters.
    case name
}
