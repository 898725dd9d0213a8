import Glibc
package import StellarCore

/// The source folders of bind mounts on the node.
package enum BindSources {
    /// Creates missing source folders: 0755, owned by the process's user; missing parents belong to root.
    ///
    /// Blocking. Safe to repeat; an existing file or folder stays as it is.
    ///
    /// - Throws: ``SpecError`` naming the mount and the reason.
    package static func prepare(_ mounts: [StellarCore.Mount], owner: ImageUser) throws(SpecError) {
        for mount in mounts where mount.type == "bind" && access(mount.source, F_OK) != 0 {
            var path = ""
            let parts = mount.source.split(separator: "/")
            for (index, part) in parts.enumerated() {
                path += "/" + part
                if mkdir(path, 0o755) != 0 {
                    guard errno == EEXIST else { throw failure("make", path, mount) }
                    continue
                }
                // The umask limits mkdir's mode, and only the last folder belongs to the user.
                guard chmod(path, 0o755) == 0 else { throw failure("set the mode of", path, mount) }
                if index == parts.count - 1, chown(path, owner.uid, owner.gid) != 0 {
                    throw failure("give to \(owner.uid):\(owner.gid)", path, mount)
                }
            }
        }
    }

    private static func failure(_ action: String, _ path: String, _ mount: StellarCore.Mount) -> SpecError {
        let reason = String(cString: strerror(errno))
        return SpecError(description: "mount \(mount.destination): cannot \(action) \(path): \(reason)")
    }
}
