import CFuzzer
import Glibc

/// All decoders of data from peers, files and the kernel. `FUZZ_TARGET` chooses one by its name.
let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "appfile": fuzzAppFile,
    "cni": fuzzCNI,
    "deframer": fuzzDeframer,
    "dns": fuzzDNS,
    "headers": fuzzHeaders,
    "http2": fuzzHTTP2,
    "keyring": fuzzKeyring,
    "lzw": fuzzLZW,
    "netlink": fuzzNetlink,
    "packet": fuzzPacket,
    "protobuf": fuzzProtobuf,
    "registry": fuzzRegistry,
    "store": fuzzStore,
    "stream": fuzzStream,
    "text": fuzzText,
    "timeout": fuzzTimeout,
    "tls": fuzzTLS,
    "values": fuzzValues,
]

private let chosen: @Sendable ([UInt8]) -> Void = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        print("FUZZ_TARGET must be one of \(targets.keys.sorted().joined(separator: ", "))")
        exit(2)
    }
    return target
}()

/// libFuzzer's entry (llvm.org/docs/LibFuzzer.html).
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// The program's `main`: SwiftPM links the symbol of this name instead of libFuzzer's `main`.
@_cdecl("StellarFuzz_main")
public func start(
    _ count: CInt,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    var count = count
    var arguments = arguments
    return LLVMFuzzerRunDriver(&count, &arguments) { test($0, $1) }
}

/// A condition that holds for every input. Without it the program aborts, and the fuzzer keeps the input.
func require(_ condition: Bool, _ what: String) {
    guard !condition else { return }
    // Not print: abort loses buffered output.
    _ = "violated: \(what)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
    abort()
}
