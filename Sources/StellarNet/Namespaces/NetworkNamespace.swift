import CStellarLinux
import Glibc

/// Network namespaces kept alive by a bind mount on a file, as `ip netns` and CNI keep them (network_namespaces(7)).
///
/// A container's namespace lives at `<state>/ns/<id>/net`: it outlasts the container's processes, so that a restarted
/// container keeps its address.
public enum NetworkNamespace {
    /// Makes a namespace with its loopback interface up and binds it at `path`, with parent directories. Keeps a namespace that
    /// is bound there.
    public static func create(at path: String) async throws {
        try await BlockingThreads.run { try createNow(at: path) }
    }

    /// Whether a namespace is bound at `path`. After a reboot there is a plain file, and this is false.
    public static func exists(at path: String) async throws -> Bool {
        try await BlockingThreads.run { try existsNow(at: path) }
    }

    /// Unbinds the namespace and removes the file; what is missing is fine. The kernel frees the namespace and the
    /// interfaces in it when its last process has ended.
    public static func delete(at path: String) async throws {
        try await BlockingThreads.run { try deleteNow(at: path) }
    }

    /// Prepares `directory` for namespaces: an unmount in it reaches the copies in other mount namespaces, so that the kernel
    /// frees a deleted namespace at once. On a shared mount (anywhere under systemd) it only makes the directory; elsewhere it
    /// makes the directory a shared mount of its own.
    static func prepareDirectoryNow(_ directory: String) throws {
        try FileSystem.makeDirectories(directory)
        let mounts = MountTable.parse(try FileSystem.read("/proc/self/mountinfo"))
        guard MountTable.mount(holding: directory, in: mounts)?.isShared != true else { return }
        try SystemCallError.check(CStellar_mount_shared(directory), "make \(directory) a shared mount")
    }

    /// Undoes ``prepareDirectoryNow(_:)``: unmounts and removes the directory, which must be empty.
    public static func removeDirectory(_ directory: String) async throws {
        try await BlockingThreads.run {
            let mounts = MountTable.parse(try FileSystem.read("/proc/self/mountinfo"))
            for _ in mounts.filter({ $0.point == directory }) {
                try SystemCallError.check(CStellar_unmount(directory), "unmount \(directory)")
            }
            guard rmdir(directory) == 0 || errno == ENOENT else { throw SystemCallError(errno, "remove \(directory)") }
        }
    }

    static func createNow(at path: String) throws {
        if try existsNow(at: path) { return }
        try FileSystem.makeDirectories(FileSystem.parent(of: path))
        let file = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0o444)
        guard file >= 0 else { throw SystemCallError(errno, "create \(path)") }
        close(file)
        let result = CStellar_netns_create(path)
        if result < 0 {
            unlink(path)
            throw SystemCallError(-result, "create a network namespace at \(path)")
        }
    }

    static func existsNow(at path: String) throws -> Bool {
        let result = CStellar_netns_probe(path)
        guard result != -ENOENT, result != -ENOTDIR else { return false }
        return try SystemCallError.check(result, "probe \(path)") == 1
    }

    static func deleteNow(at path: String) throws {
        // An interrupted and repeated create may have bound twice; EINVAL: nothing is mounted.
        while true {
            let result = CStellar_unmount(path)
            if result == -EINVAL || result == -ENOENT || result == -ENOTDIR { break }
            try SystemCallError.check(result, "unmount \(path)")
        }
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else {
            throw SystemCallError(errno, "remove \(path)")
        }
    }
}
