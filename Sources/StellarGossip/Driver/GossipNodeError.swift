/// What a node was asked to be or to do, and cannot. The message names the thing and says what to do about it.
public struct GossipNodeError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// A name, label, address or metadata that there cannot be.
        case invalid
        /// Another program has the port.
        case portTaken
        /// No interface of this host has the address.
        case addressMissing
        /// The right to bind it is missing.
        case notPermitted
        /// Any other trouble of the sockets.
        case unavailable
        /// There is no node of that name.
        case unknownNode
        /// The node lives: it would be back at once.
        case isAlive
        /// The cluster is not encrypted.
        case noKeyring
        /// The peer could not be reached, or did not answer as one.
        case unreachable
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
