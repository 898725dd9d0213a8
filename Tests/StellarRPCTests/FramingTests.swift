import NIOCore
import StellarRPC
import StellarTestKit
import Testing

@Suite struct FramingTests {
    /// Messages stay the same wherever output and input are cut.
    @Test(arguments: 0..<32) func anyCut(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let messages = (0..<Int.random(in: 1...20, using: &random)).map { number in
            ByteBuffer(repeating: UInt8(number), count: [0, 1, 5, 300, 70_000].randomElement(using: &random) ?? 0)
        }
        var framer = MessageFramer()
        for message in messages { framer.append(message) }
        #expect(framer.pendingBytes == messages.reduce(0) { $0 + 5 + $1.readableBytes })
        var deframer = MessageDeframer(maxMessageSize: 70_000)
        var got: [ByteBuffer] = []
        while !framer.isEmpty {
            var chunk = ByteBuffer()
            let size = [1, 2, 3, 6, 100, 16_384].randomElement(using: &random) ?? 1
            chunk.writeWithUnsafeMutableBytes(minimumWritableBytes: size) {
                framer.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]))
            }
            try deframer.append(chunk) { got.append($0) }
        }
        #expect(framer.pendingBytes == 0)
        #expect(got == messages)
        #expect(deframer.isAtBoundary)
        #expect(deframer.bufferedBytes == 0)
    }

    @Test func limitIsCheckedOnThePrefix() throws {
        var deframer = MessageDeframer(maxMessageSize: 10)
        let error = #expect(throws: RPCError.self) {
            try deframer.append(ByteBuffer(bytes: [0, 0, 0, 0, 11])) { _ in }
        }
        #expect(error?.code == .resourceExhausted)
        #expect(deframer.bufferedBytes == 0)
        // Later calls fail too.
        #expect(throws: RPCError.self) { try deframer.append(ByteBuffer(bytes: [0, 0, 0, 0, 1, 7])) { _ in } }
    }

    @Test func limitItselfIsAllowed() throws {
        var deframer = MessageDeframer(maxMessageSize: 3)
        var got: [ByteBuffer] = []
        try deframer.append(ByteBuffer(bytes: [0, 0, 0, 0, 3, 7, 8, 9])) { got.append($0) }
        #expect(got == [ByteBuffer(bytes: [7, 8, 9])])
    }

    @Test(arguments: [UInt8(1), 2, 255]) func flagsOtherThanZero(flag: UInt8) {
        var deframer = MessageDeframer(maxMessageSize: 10)
        let error = #expect(throws: RPCError.self) {
            try deframer.append(ByteBuffer(bytes: [flag, 0, 0, 0, 1, 7])) { _ in }
        }
        #expect(error?.code == .internalError)
    }

    @Test func promisedBytesCostNothing() throws {
        var deframer = MessageDeframer(maxMessageSize: 1 << 30)
        try deframer.append(ByteBuffer(bytes: [0, 0x3F, 0xFF, 0xFF, 0xFF, 1])) { _ in }
        #expect(deframer.bufferedBytes == 1)
        #expect(!deframer.isAtBoundary)
    }
}
