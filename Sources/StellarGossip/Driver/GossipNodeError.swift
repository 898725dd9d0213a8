/// Why a configuration is invalid, or a request to a node failed. The message names the object, the reason and the
/// remedy.
public struct GossipNodeError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// An invalid name, label, address, metadata or message.
        case invalid
        /// Another program uses the port.
        case portTaken
        /// No interface of this host has the address.
        case addressMissing
        /// This process may not bind the port.
        case notPermitted
        /// Any other error of the sockets, or the node is not running.
        case unavailable
        /// No node has that name.
        case unknownNode
        /// The node is alive: it would be back at once.
        case isAlive
        /// The cluster is not encrypted.
        case noKeyring
        /// The peer could not be reached, or did not respond as a memberlist peer.
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
