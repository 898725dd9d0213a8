/// Forwarding of packets between the host's interfaces (sysctl `net.ipv4.ip_forward`, ip-sysctl.rst).
enum PacketForwarding {
    private static let path = "/proc/sys/net/ipv4/ip_forward"

    /// Switches it on; blocks. The CNI bridge plugin does the same with `isGateway`; done here, the node forwards before its
    /// first container.
    static func enable() throws {
        guard try FileSystem.read(path) != "1\n" else { return }
        try FileSystem.write("1\n", to: path)
    }
}
