import NIOCore
import StellarRPC

/// `interop.Echo`, the same that server.py offers: requests and responses are plain bytes.
struct InteropService {
    static let name = "interop.Echo"

    /// Called by `Stop`.
    var stop: @Sendable () -> Void = {}

    /// Called when `Wait` was cancelled.
    var cancelled: @Sendable () -> Void = {}

    static func method(_ name: String) -> RPCMethod { RPCMethod(self.name, name) }

    var service: RPCService {
        RPCService(
            name: Self.name,
            methods: [
                .unary(bytes: "Unary") { request, call in
                    Self.echoMetadata(call)
                    return request
                },
                .serverStreaming(bytes: "ServerStream") { request, call in
                    let numbers = String(buffer: request).split(separator: " ").compactMap { Int($0) }
                    guard numbers.count == 2 else { throw RPCError(.invalidArgument, "COUNT SIZE") }
                    for index in 0..<numbers[0] {
                        try await call.send(ByteBuffer(repeating: UInt8(index % 256), count: numbers[1]))
                    }
                },
                .streaming(bytes: "ClientStream") { call in
                    var (count, total) = (0, 0)
                    for try await request in call.requests {
                        count += 1
                        total += request.readableBytes
                    }
                    try await call.send(ByteBuffer(string: "\(count) \(total)"))
                },
                .streaming(bytes: "Bidirectional") { call in
                    for try await request in call.requests { try await call.send(request) }
                },
                .unary(bytes: "Fail") { request, _ in
                    let parts = String(buffer: request).split(
                        separator: " ",
                        maxSplits: 1,
                        omittingEmptySubsequences: false
                    )
                    var metadata = RPCMetadata()
                    metadata.add("x-why-bin", binary: [0, 255])
                    throw RPCError(RPCCode(rawValue: Int(parts[0]) ?? 2), String(parts[1]), metadata: metadata)
                },
                .unary(bytes: "Large") { request, _ in
                    ByteBuffer(repeating: UInt8(ascii: "x"), count: Int(String(buffer: request)) ?? 0)
                },
                .unary(bytes: "Remaining") { _, call in
                    guard let deadline = call.deadline else { return ByteBuffer(string: "none") }
                    let left = deadline - ContinuousClock.now
                    return ByteBuffer(string: "\(Int(left / .milliseconds(1)))")
                },
                .unary(bytes: "Wait") { [cancelled] _, _ in
                    do {
                        try await Task.sleep(for: .seconds(300))
                    } catch {
                        cancelled()
                        throw error
                    }
                    return ByteBuffer()
                },
                // Never reads its requests.
                .streaming(bytes: "Deaf") { _ in try await Task.sleep(for: .seconds(300)) },
                .unary(bytes: "Who") { _, call in
                    ByteBuffer(string: call.caller.certificate?.commonName ?? "nobody")
                },
                .unary(bytes: "Stop") { [stop] _, _ in
                    stop()
                    return ByteBuffer()
                },
            ]
        )
    }

    private static func echoMetadata(_ call: RPCServerCall) {
        var initial = RPCMetadata()
        var trailing = RPCMetadata()
        for entry in call.metadata.entries where entry.key.hasPrefix("x-") {
            switch entry.value {
            case .string(let text):
                initial.add(entry.key, text)
                trailing.add("t\(entry.key)", text)
            case .binary(let bytes):
                initial.add(entry.key, binary: bytes)
                trailing.add("t\(entry.key)", binary: bytes)
            }
        }
        call.sendInitialMetadata(initial)
        call.setTrailingMetadata(trailing)
    }
}
