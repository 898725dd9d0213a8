import StellarAPI

/// What this sctl is.
enum BuildInformation {
    static let version = StellarVersion.current

    #if arch(x86_64)
    private static let architecture = "amd64"
    #elseif arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "unknown"
    #endif

    /// Operating system and processor, in the names of Go and of OCI images.
    static let platform = "linux/\(architecture)"

    /// As `sctl --version` prints it.
    static var line: String { "sctl version \(version) \(platform)" }
}
