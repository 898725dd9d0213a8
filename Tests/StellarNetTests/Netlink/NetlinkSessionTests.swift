import CStellarLinux
import Glibc
import Testing

@testable import StellarNet

/// Plays the kernel: each request takes the next script, whose datagrams are then received.
private final class ScriptedSocket: NetlinkSocket {
    typealias Datagram = (bytes: [UInt8], sender: UInt32)
    typealias Script = (UInt32) -> [Datagram]

    private var scripts: [Script]
    private var pending: [Datagram] = []
    private(set) var requests = 0

    init(_ scripts: [Script]) {
        self.scripts = scripts
    }

    func send(_ bytes: [UInt8]) throws(SystemCallError) {
        requests += 1
        guard !scripts.isEmpty else { throw SystemCallError(EPIPE, "no script left") }
        let sequence = bytes[8..<12].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        pending += scripts.removeFirst()(sequence)
    }

    func receive() throws(SystemCallError) -> (bytes: [UInt8], sender: UInt32) {
        guard !pending.isEmpty else { throw SystemCallError(EAGAIN, "receive") }
        return pending.removeFirst()
    }
}

private func message(_ type: Int32, flags: Int32 = 0, _ sequence: UInt32, _ payload: [UInt8]) -> [UInt8] {
    var builder = NetlinkMessageBuilder(type: Int(type), flags: flags)
    for byte in payload { builder.append(byte) }
    return builder.finished(sequence: sequence)
}

private func number(_ value: Int32) -> [UInt8] {
    withUnsafeBytes(of: value) { Array($0) }
}

private func acknowledgement(_ sequence: UInt32, error: Int32 = 0) -> [UInt8] {
    message(NLMSG_ERROR, sequence, number(error) + [UInt8](repeating: 0, count: 16))
}

struct NetlinkSessionTests {
    @Test func takesOnlyTheKernelsResponseToThisRequest() throws {
        let script: ScriptedSocket.Script = { sequence in
            [
                (acknowledgement(sequence, error: -EPERM), 4242),
                (acknowledgement(sequence &- 1, error: -EEXIST), 0),
                (acknowledgement(sequence), 0),
            ]
        }
        var session = NetlinkSession(ScriptedSocket([script]))
        try session.execute(LinkRequest.delete(1), "delete")
    }

    @Test func errorsNameOperationErrnoAndTheKernelsMessage() throws {
        let script: ScriptedSocket.Script = { sequence in
            let words = Array("Attribute failed policy validation".utf8) + [0]
            var payload = number(-EINVAL)
            // The request's header as an acknowledgement repeats it: 32 bytes, of which 16 follow the header.
            payload += number(32) + [UInt8](repeating: 0, count: 28)
            payload += [UInt8(4 + words.count), 0, 1, 0] + words
            return [(message(NLMSG_ERROR, flags: NLM_F_ACK_TLVS, sequence, payload), 0)]
        }
        var session = NetlinkSession(ScriptedSocket([script]))
        let error = #expect(throws: SystemCallError.self) {
            try session.execute(LinkRequest.createBridge("x"), "create bridge x")
        }
        #expect(error?.number == EINVAL)
        #expect(error?.description == "create bridge x: Invalid argument (Attribute failed policy validation)")
    }

    @Test func aTableThatChangedMeanwhileIsDumpedAgain() throws {
        let interrupted: ScriptedSocket.Script = { sequence in
            [
                (message(16, flags: NLM_F_MULTI | NLM_F_DUMP_INTR, sequence, [UInt8](repeating: 0, count: 16)), 0),
                (message(NLMSG_DONE, flags: NLM_F_MULTI, sequence, number(0)), 0),
            ]
        }
        let whole: ScriptedSocket.Script = { sequence in
            [
                (
                    message(16, flags: NLM_F_MULTI, sequence, [UInt8](repeating: 0, count: 16))
                        + message(16, flags: NLM_F_MULTI, sequence, [UInt8](repeating: 0, count: 16))
                        + message(NLMSG_DONE, flags: NLM_F_MULTI, sequence, number(0)), 0
                )
            ]
        }
        let socket = ScriptedSocket([interrupted, interrupted, whole])
        var session = NetlinkSession(socket)
        #expect(try session.dump(LinkRequest.list(), "list").count == 2)
        #expect(socket.requests == 3)

        var endless = NetlinkSession(ScriptedSocket(Array(repeating: interrupted, count: 50)))
        let error = #expect(throws: SystemCallError.self) { try endless.dump(LinkRequest.list(), "list") }
        #expect(error?.number == EAGAIN)
    }

    @Test func failureInsideADumpIsAnError() throws {
        let script: ScriptedSocket.Script = { sequence in
            [(message(NLMSG_DONE, flags: NLM_F_MULTI, sequence, number(-ENOMEM)), 0)]
        }
        var session = NetlinkSession(ScriptedSocket([script]))
        let error = #expect(throws: SystemCallError.self) { try session.dump(LinkRequest.list(), "list") }
        #expect(error?.number == ENOMEM)
    }

    @Test func aCutMessageIsAnError() {
        let script: ScriptedSocket.Script = { [(Array(acknowledgement($0).prefix(17)), 0)] }
        var session = NetlinkSession(ScriptedSocket([script]))
        #expect(throws: NetlinkFormatError.self) { try session.execute(LinkRequest.delete(1), "delete") }
    }
}
