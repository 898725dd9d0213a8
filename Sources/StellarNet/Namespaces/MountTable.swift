/// The mounts this process sees (`/proc/self/mountinfo`, proc(5)).
enum MountTable {
    struct Mount: Hashable {
        /// The path where it is mounted.
        var point: String
        /// Whether mounts and unmounts under it reach its peers in other mount namespaces (`shared:N`).
        var isShared: Bool
    }

    /// Decodes the table; undecodable lines are left out.
    static func parse(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            // id, parent, device, root, mount point, options, optional fields up to "-".
            guard fields.count > 6, let end = fields.firstIndex(of: "-"), end >= 6 else { return nil }
            return Mount(point: unescaped(fields[4]), isShared: fields[6..<end].contains { $0.hasPrefix("shared:") })
        }
    }

    /// The mount of `path`: the one with the longest point; of several on one point the last, which covers the others.
    static func mount(holding path: String, in mounts: [Mount]) -> Mount? {
        var best: Mount?
        for mount in mounts where covers(mount.point, path) {
            if mount.point.utf8.count >= best?.point.utf8.count ?? 0 { best = mount }
        }
        return best
    }

    private static func covers(_ point: String, _ path: String) -> Bool {
        point == "/" || path == point || path.hasPrefix(point + "/")
    }

    /// Space, tab, newline and backslash are written as a backslash and three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            let isOctal = digits.count == 3 && digits.allSatisfy { (0x30...0x37).contains($0) }
            if byte == UInt8(ascii: "\\"), isOctal {
                bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 << 3 | Int($1 & 7) }))
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
