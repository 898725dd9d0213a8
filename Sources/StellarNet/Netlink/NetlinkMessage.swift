import CStellarLinux

/// The kernel's `struct nlmsghdr` (linux/netlink.h), 16 bytes, in the machine's byte order.
struct NetlinkHeader: Hashable {
    /// Of the header itself.
    static let byteCount = 16

    /// Of the whole message, this header included, without padding.
    var length: UInt32
    var type: UInt16
    var flags: UInt16
    var sequence: UInt32
    /// The sender's port id; 0 is the kernel.
    var port: UInt32
}

/// One message of a datagram, with its payload undecoded.
struct NetlinkMessage: Hashable {
    var header: NetlinkHeader
    var payload: ArraySlice<UInt8>
}

/// Rounds up: everything in netlink begins at a multiple of 4 bytes (`NLMSG_ALIGNTO`, `NLA_ALIGNTO`).
func netlinkAligned(_ count: Int) -> Int {
    (count + 3) & ~3
}

/// Writes one request: header, the family's fixed struct, attributes.
struct NetlinkMessageBuilder {
    private(set) var bytes: [UInt8] = []

    /// Begins a message of `type`, with `NLM_F_REQUEST` set.
    init(type: Int, flags: Int32 = 0) {
        bytes.reserveCapacity(128)
        append(UInt32(0))
        append(UInt16(truncatingIfNeeded: type))
        append(UInt16(truncatingIfNeeded: NLM_F_REQUEST | flags))
        append(UInt32(0))
        append(UInt32(0))
    }

    /// Appends a field of the fixed struct, in the machine's byte order.
    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    /// `struct nlattr` with raw content, padded to 4 bytes.
    mutating func attribute(_ type: Int, _ content: some Collection<UInt8>) {
        append(UInt16(truncatingIfNeeded: 4 + content.count))
        append(UInt16(truncatingIfNeeded: type))
        bytes.append(contentsOf: content)
        pad()
    }

    /// An attribute holding a number in the machine's byte order.
    mutating func attribute(_ type: Int, number: some FixedWidthInteger) {
        withUnsafeBytes(of: number) { attribute(type, Array($0)) }
    }

    /// An attribute holding a string, ended by a zero byte (`NLA_NUL_STRING`).
    mutating func attribute(_ type: Int, string: String) {
        attribute(type, Array(string.utf8) + [0])
    }

    /// An attribute that holds what `body` writes.
    mutating func nested(_ type: Int, _ body: (inout NetlinkMessageBuilder) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(truncatingIfNeeded: type))
        body(&self)
        store(UInt16(truncatingIfNeeded: bytes.count - start), at: start)
    }

    /// The finished message under this sequence number.
    func finished(sequence: UInt32, extraFlags: Int32 = 0) -> [UInt8] {
        var copy = self
        copy.store(UInt32(truncatingIfNeeded: bytes.count), at: 0)
        let flags = UInt16(bytes[6]) | UInt16(bytes[7]) << 8
        let native = UInt16(littleEndian: flags) | UInt16(truncatingIfNeeded: extraFlags)
        copy.store(native, at: 6)
        copy.store(sequence, at: 8)
        return copy.bytes
    }

    private mutating func pad() {
        bytes.append(contentsOf: repeatElement(0, count: netlinkAligned(bytes.count) - bytes.count))
    }

    private mutating func store(_ value: some FixedWidthInteger, at offset: Int) {
        withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
}
