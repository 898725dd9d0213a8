import StellarCore

/// The defaults of a container: those of containerd (its package `oci`).
enum SpecDefaults {
    /// Fourteen capabilities: enough for programs that start as root and then drop it, too few to leave the container.
    static let capabilities = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]

    /// For images that set no PATH.
    static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Raising the hard limit would need CAP_SYS_RESOURCE, which a daemon in a VM or container may not have.
    static let openFiles = OCISpecification.Rlimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)

    /// Files that expose or affect the node.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi", "/sys/devices/virtual/powercap",
    ]

    static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    /// The capabilities of a service: the default ones, less `drop`, and then `add`.
    ///
    /// runc fails for capabilities that the daemon does not have, so "ALL" means all of the daemon's.
    static func capabilities(_ service: Service, of host: HostFacts) throws(SpecError) -> [String] {
        let all = StellarCore.Capabilities.all
        let available = StellarCore.Capabilities.known.filter(host.capabilities.contains)
        guard !service.privileged, !service.capabilities.add.contains(all) else { return available }
        let dropped = Set(service.capabilities.drop)
        var names = dropped.contains(all) ? [] : capabilities.filter { !dropped.contains($0) && available.contains($0) }
        for name in service.capabilities.add where !names.contains(name) {
            guard available.contains(name) else {
                throw SpecError(
                    description: "service \(service.name): capabilities.add: cannot add \(name), as "
                        + "the daemon does not have it; grant it to the daemon, or leave it out"
                )
            }
            names.append(name)
        }
        return names
    }
}
