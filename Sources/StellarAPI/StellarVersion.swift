/// The version of this source tree, the same in the daemon, in sctl and in the CNI plugin.
public enum StellarVersion {
    /// The original ended with 0.2.0.
    public static let current = "0.3.0"
    /// The commit it was built of; empty where the build does not say.
    public static let revision = ""
}
