/// The version of Stellar: of the daemon, sctl and the CNI plugin.
public enum StellarVersion {
    /// The version of this source tree. The last version of the original was 0.2.0.
    public static let current = "0.3.0"
    /// The commit it was built of; empty where the build does not say.
    public static let revision = ""
}
