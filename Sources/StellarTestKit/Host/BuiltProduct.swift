import Glibc

/// A program of this package: from the test build, or from the folder `STELLAR_PROGRAMS`, for example that of `make release`.
public enum BuiltProduct {
    /// The path of a product, e.g. `stellar`. A test build puts it beside the test program.
    public static func path(_ name: String) -> String {
        if let folder = getenv("STELLAR_PROGRAMS").map({ String(cString: $0) }) { return "\(folder)/\(name)" }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let program = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return "\(folder)/\(name)"
    }
}
