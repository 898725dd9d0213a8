/// The version of a running containerd.
public struct RuntimeVersion: Sendable, Hashable {
    /// `1.6.20~ds1`, `v2.1.4`: as the distribution writes it.
    public var version: String
    /// The commit it was built of; empty if the distribution omits it.
    public var revision: String

    /// Makes a version.
    public init(version: String, revision: String) {
        self.version = version
        self.revision = revision
    }

    /// The first number of ``version``; nil if it does not start with one.
    public var major: Int? {
        Int(version.drop { $0 == "v" }.prefix { $0.isNumber })
    }
}
