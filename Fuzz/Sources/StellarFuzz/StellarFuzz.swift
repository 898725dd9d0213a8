import CFuzzer
import Glibc

/// Every decoder that reads what a peer, a file or the kernel wrote, by the name that `FUZZ_TARGET` chooses.
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
        print("FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", "))")
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

/// The package manager links `main` to the symbol of this name, and not to libFuzzer's own.
@_cdecl("StellarFuzz_main")
public func start(
    _ count: CInt,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    var count = count
    var arguments = arguments
    return LLVMFuzzerRunDriver(&count, &arguments) { test($0, $1) }
}

/// What must hold for every input. A failure stops the fuzzer, which keeps the input.
func require(_ condition: Bool, _ what: String) {
    guard !condition else { return }
    // Not print: what it buffers is lost in abort.
    _ = "violated: \(what)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
    abort()
}
