import StellarCore

/// The files of containers on the host.
///
/// Every call is safe to repeat.
protocol FilesPort: Sendable {
    /// Makes the directory, the hosts file, and the sources of bind mounts that are missing.
    func prepare(_ slot: Slot) async throws -> SlotFiles
    /// The files of a slot, whether or not they are there.
    func files(_ id: ContainerID) -> SlotFiles
    /// Removes the container's directory with its log.
    func remove(_ id: String) async throws
    /// The ids that have a directory.
    func ids() async throws -> [String]
    /// The last lines of the container's output, oldest first.
    func lastLines(_ id: ContainerID, count: Int) async -> [String]
}
