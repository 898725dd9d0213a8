import Glibc

extension OCISpecification.Device {
    /// The node's device files, for a privileged container; without terminals and the devices that runc makes.
    ///
    /// Blocking; a few dozen system calls.
    package static func ofThisNode(root: String = "/dev") -> [OCISpecification.Device] {
        let skipped: Set<String> = [
            "pts", "shm", "fd", "mqueue", "console", "null", "zero", "full", "random", "urandom",
        ]
        var devices: [OCISpecification.Device] = []
        var folders = [root]
        while let folder = folders.popLast() {
            guard let handle = opendir(folder) else { continue }
            defer { closedir(handle) }
            while let entry = readdir(handle) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != "..", !skipped.contains(name) else { continue }
                let path = folder + "/" + name
                var status = stat()
                guard lstat(path, &status) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: folders.append(path)
                case S_IFCHR, S_IFBLK: devices.append(OCISpecification.Device(path: path, status: status))
                default: continue
                }
            }
        }
        return devices.sorted { $0.path < $1.path }
    }

    private init(path: String, status: stat) {
        self.init(
            path: path,
            type: status.st_mode & S_IFMT == S_IFBLK ? "b" : "c",
            major: Int64(Self.major(of: status.st_rdev)),
            minor: Int64(Self.minor(of: status.st_rdev)),
            fileMode: UInt32(status.st_mode & 0o7777),
            uid: status.st_uid,
            gid: status.st_gid
        )
    }

    // The layout of Linux' dev_t (makedev(3)); the C library's macros are not visible to Swift.
    private static func major(of device: dev_t) -> dev_t {
        (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
    }

    private static func minor(of device: dev_t) -> dev_t {
        device & 0xFF | (device >> 12) & 0xFFFF_FF00
    }
}
