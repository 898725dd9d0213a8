import Glibc
import NIOCore
import StellarRPC

/// The server and the client that rpc.sh measures.
///
///     rpc-bench serve                        prints "PORT n", then serves until it is killed
///     rpc-bench unary PORT CALLS CONCURRENCY  prints calls per second, median and p99 in microseconds
///     rpc-bench stream PORT COUNT BYTES       reads COUNT messages of BYTES, prints MB per second
@main struct RPCBench {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        switch (arguments.first, numbers.count) {
        case ("serve", 0): try await serve()
        case ("unary", 3): try await unary(port: numbers[0], calls: numbers[1], concurrency: numbers[2])
        case ("stream", 3): try await stream(port: numbers[0], count: numbers[1], bytes: numbers[2])
        default:
            print("rpc-bench serve | unary PORT CALLS CONCURRENCY | stream PORT COUNT BYTES")
            exit(2)
        }
    }

    private static func serve() async throws {
        let service = RPCService(
            name: "bench.Bench",
            methods: [
                .unary(bytes: "Empty") { _, _ in ByteBuffer() },
                .serverStreaming(bytes: "Stream") { request, call in
                    let numbers = String(buffer: request).split(separator: " ").compactMap { Int($0) }
                    guard numbers.count == 2 else {
                        throw RPCError(.invalidArgument, "the request must be \"COUNT BYTES\"")
                    }
                    let message = ByteBuffer(repeating: 7, count: numbers[1])
                    for _ in 0..<numbers[0] { try await call.send(message) }
                },
            ]
        )
        let server = RPCServer(services: [service])
        let address = try await server.bind(.tcp(host: "127.0.0.1", port: 0))
        if case .tcp(_, let port) = address { print("PORT \(port)") }
        // Standard output is a file, and the script waits for the port.
        fflush(nil)
        try await server.run()
    }

    private static func unary(port: Int, calls: Int, concurrency: Int) async throws {
        let client = RPCClient(address: .tcp(host: "127.0.0.1", port: port))
        let method = RPCMethod("bench.Bench", "Empty")
        // Connects and warms up.
        for _ in 0..<500 { _ = try await client.unary(method, ByteBuffer()) }
        let start = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<concurrency {
                group.addTask {
                    var times: [Duration] = []
                    times.reserveCapacity(calls / concurrency)
                    for _ in 0..<calls / concurrency {
                        let begin = ContinuousClock.now
                        _ = try await client.unary(method, ByteBuffer())
                        times.append(ContinuousClock.now - begin)
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let elapsed = ContinuousClock.now - start
        func micros(_ part: Double) -> Int {
            Int(times[min(times.count - 1, Int(Double(times.count) * part))] / .microseconds(1))
        }
        print(Int(Double(times.count) / (elapsed / .seconds(1))), micros(0.5), micros(0.99))
        await client.close()
    }

    private static func stream(port: Int, count: Int, bytes: Int) async throws {
        let client = RPCClient(address: .tcp(host: "127.0.0.1", port: port))
        let start = ContinuousClock.now
        let total = try await client.withCall(RPCMethod("bench.Bench", "Stream")) { call in
            try await call.send(ByteBuffer(string: "\(count) \(bytes)"))
            call.finishSending()
            var total = 0
            for try await message in call.responses { total += message.readableBytes }
            return total
        }
        let elapsed = ContinuousClock.now - start
        guard total == count * bytes else {
            throw RPCError(.dataLoss, "received \(total) bytes instead of \(count * bytes)")
        }
        print(Int(Double(total) / 1e6 / (elapsed / .seconds(1))))
        await client.close()
    }
}
