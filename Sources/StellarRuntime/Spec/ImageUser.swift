package import StellarCore

/// The user of a process, as numbers for the kernel; looked up in the image's user and group files (passwd(5),
/// group(5)).
package struct ImageUser: Hashable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups; they include the primary one, so that its files stay readable (CVE-2022-36109).
    package var additionalGids: [UInt32]

    package init(uid: UInt32, gid: UInt32, additionalGids: [UInt32]? = nil) {
        self.uid = uid
        self.gid = gid
        self.additionalGids = additionalGids ?? [gid]
    }

    /// Whether ``resolve(_:passwd:group:)`` needs the image's files for this process.
    package static func needsFiles(_ process: StellarCore.Process) -> Bool {
        process.user != nil
    }

    /// Resolves the user of a process.
    ///
    /// `uid` and `gid` are taken as they are, 0 where absent. `user` is `USER[:GROUP]`, each a name or a number: a name
    /// must be in the image's files. A user without a group gets the group of its passwd line (0 for a numeric user
    /// without a line) and the groups that list the user as a member.
    ///
    /// - Parameters:
    ///   - passwd: the contents of the image's /etc/passwd; nil if it has none.
    ///   - group: the contents of the image's /etc/group; nil if it has none.
    /// - Throws: ``SpecError`` naming the missing user or group.
    package static func resolve(
        _ process: StellarCore.Process,
        passwd: [UInt8]? = nil,
        group: [UInt8]? = nil
    ) throws(SpecError) -> ImageUser {
        guard let wanted = process.user else {
            return ImageUser(uid: process.uid ?? 0, gid: process.gid ?? 0)
        }
        let parts = wanted.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let entry = users(passwd).first { entry in
            entry.name == parts[0] || (UInt32(parts[0]) != nil && entry.uid == UInt32(parts[0]))
        }
        guard let uid = entry?.uid ?? UInt32(parts[0]) else {
            throw SpecError(
                description: "process.user: there is no user \"\(parts[0])\" in the image's /etc/passwd; "
                    + "use an existing one, or a number"
            )
        }
        let groups = groups(group)
        if parts.count == 2 {
            guard let gid = groups.first(where: { $0.name == parts[1] })?.gid ?? UInt32(parts[1]) else {
                throw SpecError(
                    description: "process.user: there is no group \"\(parts[1])\" in the image's /etc/group; "
                        + "use an existing one, or a number"
                )
            }
            return ImageUser(uid: uid, gid: gid)
        }
        let gid = entry?.gid ?? 0
        let memberships = groups.filter { group in entry.map { group.members.contains($0.name) } ?? false }
        let others = Set(memberships.map(\.gid)).subtracting([gid])
        return ImageUser(uid: uid, gid: gid, additionalGids: [gid] + others.sorted())
    }

    private struct UserEntry {
        var name: Substring
        var uid: UInt32
        var gid: UInt32
    }

    private struct GroupEntry {
        var name: Substring
        var gid: UInt32
        var members: [Substring]
    }

    /// Skips malformed lines, as the C library does.
    private static func users(_ bytes: [UInt8]?) -> [UserEntry] {
        lines(bytes).compactMap { fields in
            guard fields.count >= 4, !fields[0].isEmpty, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else {
                return nil
            }
            return UserEntry(name: fields[0], uid: uid, gid: gid)
        }
    }

    private static func groups(_ bytes: [UInt8]?) -> [GroupEntry] {
        lines(bytes).compactMap { fields in
            guard fields.count >= 3, !fields[0].isEmpty, let gid = UInt32(fields[2]) else { return nil }
            return GroupEntry(
                name: fields[0],
                gid: gid,
                members: fields.count > 3 ? fields[3].split(separator: ",") : []
            )
        }
    }

    private static func lines(_ bytes: [UInt8]?) -> [[Substring]] {
        String(decoding: bytes ?? [], as: UTF8.self)
            .split(whereSeparator: \.isNewline)
            .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    }
}
