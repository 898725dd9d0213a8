/// The type of a resource record (RFC 1035, section 3.2.2, and later).
struct DNSType: Hashable, Sendable {
    var rawValue: UInt16

    static let a = DNSType(rawValue: 1)
    static let cname = DNSType(rawValue: 5)
    static let ptr = DNSType(rawValue: 12)
    static let mx = DNSType(rawValue: 15)
    static let txt = DNSType(rawValue: 16)
    static let aaaa = DNSType(rawValue: 28)
    static let srv = DNSType(rawValue: 33)
    static let opt = DNSType(rawValue: 41)
    static let any = DNSType(rawValue: 255)

    /// Whether it is an instruction and not a record type: 128 to 254, such as zone transfers and mailboxes (RFC 6895,
    /// section 3.1).
    var isInstruction: Bool {
        (128...254).contains(rawValue)
    }
}

/// The outcome of a query (RFC 1035, section 4.1.1; RFC 6891).
struct DNSResponseCode: Hashable, Sendable {
    var rawValue: UInt16

    static let noError = DNSResponseCode(rawValue: 0)
    static let formatError = DNSResponseCode(rawValue: 1)
    static let serverFailure = DNSResponseCode(rawValue: 2)
    static let noSuchName = DNSResponseCode(rawValue: 3)
    static let notImplemented = DNSResponseCode(rawValue: 4)
    static let refused = DNSResponseCode(rawValue: 5)
    /// Above 15: its upper bits travel in the OPT record.
    static let badVersion = DNSResponseCode(rawValue: 16)
}

/// The first 12 bytes of every message (RFC 1035, section 4.1.1).
struct DNSHeader: Hashable, Sendable {
    static let byteCount = 12

    var id: UInt16
    /// QR, opcode, AA, TC, RD, RA, Z, AD, CD, RCODE.
    var flags: UInt16
    var questionCount: UInt16
    var answerCount: UInt16
    var authorityCount: UInt16
    var additionalCount: UInt16

    static let response: UInt16 = 0x8000
    static let truncated: UInt16 = 0x0200
    static let recursionDesired: UInt16 = 0x0100
    static let recursionAvailable: UInt16 = 0x0080
    /// AD and CD: the client understands, or checks, signatures (RFC 4035, section 3.2).
    static let signatureFlags: UInt16 = 0x0030
    static let opcodeMask: UInt16 = 0x7800
    static let codeMask: UInt16 = 0x000f

    init(_ reader: inout DNSReader) throws(DNSFormatError) {
        id = try reader.uint16()
        flags = try reader.uint16()
        questionCount = try reader.uint16()
        answerCount = try reader.uint16()
        authorityCount = try reader.uint16()
        additionalCount = try reader.uint16()
    }

    var isResponse: Bool { flags & Self.response != 0 }
    var isTruncated: Bool { flags & Self.truncated != 0 }
    var opcode: UInt16 { (flags & Self.opcodeMask) >> 11 }
    var code: DNSResponseCode { DNSResponseCode(rawValue: flags & Self.codeMask) }
}

/// The name and type that a query is about (RFC 1035, section 4.1.2).
struct DNSQuestion: Hashable, Sendable {
    static let internet: UInt16 = 1
    static let anyClass: UInt16 = 255

    /// As the client wrote it: its case comes back in the response.
    var name: DNSName
    var type: DNSType
    var classNumber: UInt16

    init(name: DNSName, type: DNSType, classNumber: UInt16 = Self.internet) {
        self.name = name
        self.type = type
        self.classNumber = classNumber
    }

    init(_ reader: inout DNSReader) throws(DNSFormatError) {
        name = try reader.name()
        type = DNSType(rawValue: try reader.uint16())
        classNumber = try reader.uint16()
    }
}

/// A record of a message, its data raw: names in it may be compressed.
struct DNSResourceRecord: Hashable, Sendable {
    var name: DNSName
    var type: DNSType
    /// For OPT the sender's largest datagram (RFC 6891, section 6.1.2).
    var classNumber: UInt16
    /// For OPT extended code, version and flags (section 6.1.3).
    var timeToLive: UInt32
    /// The position of the data in the message.
    var data: Range<Int>

    init(_ reader: inout DNSReader) throws(DNSFormatError) {
        name = try reader.name()
        type = DNSType(rawValue: try reader.uint16())
        classNumber = try reader.uint16()
        timeToLive = try reader.uint32()
        let slice = try reader.slice(Int(try reader.uint16()))
        data = slice.startIndex..<slice.endIndex
    }
}

/// A whole message, read to its end.
struct DNSMessage: Hashable, Sendable {
    var header: DNSHeader
    var questions: [DNSQuestion] = []
    var answers: [DNSResourceRecord] = []
    var authorities: [DNSResourceRecord] = []
    var additionals: [DNSResourceRecord] = []
    let bytes: [UInt8]

    /// Reading ends where the bytes do, whatever the counts in the header are: the message's size bounds memory.
    init(_ bytes: [UInt8]) throws(DNSFormatError) {
        self.bytes = bytes
        var reader = DNSReader(bytes)
        header = try DNSHeader(&reader)
        for _ in 0..<header.questionCount { questions.append(try DNSQuestion(&reader)) }
        for _ in 0..<header.answerCount { answers.append(try DNSResourceRecord(&reader)) }
        for _ in 0..<header.authorityCount { authorities.append(try DNSResourceRecord(&reader)) }
        for _ in 0..<header.additionalCount { additionals.append(try DNSResourceRecord(&reader)) }
    }

    /// The data of a record with the name in it (CNAME, PTR, NS, MX, SRV) uncompressed, for use in another message.
    func expandedData(of record: DNSResourceRecord) throws(DNSFormatError) -> [UInt8] {
        let prefix: Int
        switch record.type {
        case .cname, .ptr, DNSType(rawValue: 2): prefix = 0
        case .mx: prefix = 2
        case .srv: prefix = 6
        default: return Array(bytes[record.data])
        }
        var reader = DNSReader(bytes, at: record.data.lowerBound)
        let fixed = Array(try reader.slice(min(prefix, record.data.count)))
        let name = try reader.name()
        guard reader.position == record.data.upperBound else { throw .badName }
        return fixed + name.wire
    }
}
