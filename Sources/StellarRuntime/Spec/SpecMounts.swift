import StellarCore

/// The file systems of a container: the kernel's, the daemon's files, the service's own, in the order runc mounts them.
enum SpecMounts {
    static func make(_ input: SpecInput) -> [OCISpecification.Mount] {
        let own = input.service.mounts.map(mount(of:))
        let taken = Set(own.map(\.destination))
        // A mount of the service at /dev/shm or /etc/hosts replaces the default one.
        return (kernel(input) + files(input)).filter { !taken.contains($0.destination) } + own
    }

    private static func kernel(_ input: SpecInput) -> [OCISpecification.Mount] {
        // A privileged container may change the node's kernel through these.
        let access = input.service.privileged ? "rw" : "ro"
        return [
            .init("/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            .init(
                "/dev",
                type: "tmpfs",
                source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]
            ),
            .init(
                "/dev/pts",
                type: "devpts",
                source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            ),
            .init(
                "/dev/shm",
                type: "tmpfs",
                source: "shm",
                options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]
            ),
            .init("/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
            .init("/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access]),
            // Programs that size themselves (the JVM, Go) read their limits here.
            .init(
                "/sys/fs/cgroup",
                type: "cgroup",
                source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime", access]
            ),
            .init(
                "/run",
                type: "tmpfs",
                source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]
            ),
        ]
    }

    private static func files(_ input: SpecInput) -> [OCISpecification.Mount] {
        [("/etc/hosts", input.hostsFile), ("/etc/resolv.conf", input.resolvConf)].compactMap { destination, source in
            source.map { .init(destination, type: "bind", source: $0, options: ["rbind", "rprivate", "ro"]) }
        }
    }

    private static func mount(of mount: StellarCore.Mount) -> OCISpecification.Mount {
        var options = mount.options
        if mount.type == "bind", !options.contains("bind"), !options.contains("rbind") {
            options.insert("rbind", at: 0)
        }
        return .init(
            mount.destination,
            type: mount.type,
            source: mount.source.isEmpty ? mount.type : mount.source,
            options: options
        )
    }
}
