import CStellarLinux

/// Bytes that are not a netlink message.
struct NetlinkFormatError: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = "malformed netlink message: \(description)"
    }
}

/// Reads numbers off a slice, never beyond its end.
struct NetlinkReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// The next number, in the machine's byte order.
    mutating func next<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(NetlinkFormatError) -> Number {
        let count = Number.bitWidth / 8
        guard rest.count >= count else { throw NetlinkFormatError("\(rest.count) bytes where \(count) are needed") }
        var value: Number = 0
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: rest.prefix(count)) }
        rest = rest.dropFirst(count)
        return value
    }

    mutating func skip(_ count: Int) throws(NetlinkFormatError) {
        guard rest.count >= count else { throw NetlinkFormatError("\(rest.count) bytes where \(count) are needed") }
        rest = rest.dropFirst(count)
    }
}

enum NetlinkParser {
    /// The messages of one datagram.
    static func messages(in datagram: ArraySlice<UInt8>) throws(NetlinkFormatError) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram
        while !rest.isEmpty {
            var reader = NetlinkReader(rest)
            let header = NetlinkHeader(
                length: try reader.next(),
                type: try reader.next(),
                flags: try reader.next(),
                sequence: try reader.next(),
                port: try reader.next()
            )
            let length = Int(header.length)
            guard length >= NetlinkHeader.byteCount, length <= rest.count else {
                throw NetlinkFormatError("a length of \(length) in \(rest.count) bytes")
            }
            let payload = rest.prefix(length).dropFirst(NetlinkHeader.byteCount)
            messages.append(NetlinkMessage(header: header, payload: payload))
            rest = rest.dropFirst(netlinkAligned(length))
        }
        return messages
    }

    /// The attributes (`struct nlattr`) in `bytes`, by type; of several of one type the last. The flags that share the
    /// type's field (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`) are cleared.
    static func attributes(in bytes: ArraySlice<UInt8>) throws(NetlinkFormatError) -> [Int: ArraySlice<UInt8>] {
        var attributes: [Int: ArraySlice<UInt8>] = [:]
        var rest = bytes
        // Fewer than four bytes are padding.
        while rest.count >= 4 {
            var reader = NetlinkReader(rest)
            let length = Int(try reader.next(UInt16.self))
            let type = Int(try reader.next(UInt16.self) & 0x3fff)
            guard length >= 4, length <= rest.count else {
                throw NetlinkFormatError("an attribute of \(length) bytes in \(rest.count)")
            }
            attributes[type] = rest.prefix(length).dropFirst(4)
            rest = rest.dropFirst(netlinkAligned(length))
        }
        return attributes
    }

    /// The string of an attribute, up to its zero byte.
    static func string(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The number of an attribute; nil where its size is another.
    static func number<Number: FixedWidthInteger>(
        _ bytes: ArraySlice<UInt8>?,
        as _: Number.Type = Number.self
    ) -> Number? {
        guard let bytes, bytes.count == Number.bitWidth / 8 else { return nil }
        var reader = NetlinkReader(bytes)
        return try? reader.next(Number.self)
    }
}

/// The kernel's acknowledgement of one request (`struct nlmsgerr`): errno and, where the kernel gives one, its reason in words.
struct NetlinkAcknowledgement: Hashable {
    /// 0 for success, else positive.
    var errno: Int32
    var message: String?

    init(_ message: NetlinkMessage) throws(NetlinkFormatError) {
        var reader = NetlinkReader(message.payload)
        let error: Int32 = try reader.next()
        errno = error == Int32.min ? Int32.max : abs(error)
        self.message = nil
        guard message.header.flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return }
        // The request's header follows, and its payload unless the kernel capped it; then the attributes.
        let original = Int(try reader.next(UInt32.self))
        try reader.skip(NetlinkHeader.byteCount - 4)
        if message.header.flags & UInt16(NLM_F_CAPPED) == 0, original > NetlinkHeader.byteCount {
            try reader.skip(netlinkAligned(original) - NetlinkHeader.byteCount)
        }
        let attributes = try NetlinkParser.attributes(in: reader.rest)
        self.message = attributes[Self.messageAttribute].map(NetlinkParser.string)
    }

    /// `NLMSGERR_ATTR_MSG` of `enum nlmsgerr_attrs`.
    private static let messageAttribute = 1
}
