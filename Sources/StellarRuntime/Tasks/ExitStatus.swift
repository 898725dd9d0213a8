public import FoundationEssentials

/// How a container's process ended.
public struct ExitStatus: Sendable, Hashable {
    /// 0 to 255: the process's exit code, or 128 + the signal that ended it. Also 255 if the shim was lost.
    public var code: UInt32
    /// When.
    public var exitedAt: Date

    /// Makes a status.
    public init(code: UInt32, exitedAt: Date) {
        self.code = code
        self.exitedAt = exitedAt
    }

    /// The signal that ended the process, by the shell's convention; nil for a normal exit.
    public var signal: Int32? { code > 128 && code < 128 + 65 ? Int32(code) - 128 : nil }
}
