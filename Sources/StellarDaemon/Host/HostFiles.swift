import Glibc
import NIOPosix
import StellarCore
import StellarSystem

/// The files of containers under the data directory (contract 4.3): `containers/<id>/log`, `containers/<id>/hosts`,
/// and one `resolv.conf` for all.
struct HostFiles: FilesPort {
    var dataDirectory: String

    private var containers: String { "\(dataDirectory)/containers" }

    /// Makes the directory of the containers' files.
    func prepareDirectory() async throws {
        let containers = containers
        // What programs print is nobody else's business.
        try await NIOThreadPool.singleton.runIfActive { try Disk.makeDirectory(containers, mode: 0o700) }
    }

    /// Writes the file that all containers share. Those that run keep the one that they started with.
    func setNameserver(_ gateway: IPv4Address) async throws {
        let path = "\(dataDirectory)/resolv.conf"
        try await NIOThreadPool.singleton.runIfActive {
            try Disk.replace(path, with: Self.resolvConf(gateway: gateway))
        }
    }

    func files(_ id: ContainerID) -> SlotFiles {
        SlotFiles(
            log: "\(containers)/\(id)/log",
            hosts: "\(containers)/\(id)/hosts",
            resolvConf: "\(dataDirectory)/resolv.conf"
        )
    }

    func prepare(_ slot: Slot) async throws -> SlotFiles {
        let files = files(slot.id)
        let (directory, hosts) = ("\(containers)/\(slot.id)", Self.hosts(id: slot.id))
        try await NIOThreadPool.singleton.runIfActive {
            try Disk.makeDirectory(directory)
            try Disk.replace(files.hosts, with: hosts)
        }
        return files
    }

    func remove(_ id: String) async throws {
        // An id names a directory here; one that could leave it never had one.
        guard !id.contains("/"), id != ".", id != "..", !id.isEmpty else { return }
        let directory = "\(containers)/\(id)"
        try await NIOThreadPool.singleton.runIfActive { try Disk.removeDirectory(directory) }
    }

    func ids() async throws -> [String] {
        let containers = containers
        return try await NIOThreadPool.singleton.runIfActive { try Disk.names(in: containers) }
    }

    func lastLines(_ id: ContainerID, count: Int) async -> [String] {
        let path = files(id).log
        let bytes = try? await NIOThreadPool.singleton.runIfActive { try Disk.tail(path, bytes: Self.tailBytes) }
        return Self.lines(bytes ?? [], count: count)
    }

    /// Lines of a log are cut to this much in an error.
    private static let tailBytes = 8 << 10
    private static let maximumLineCharacters = 400

    static func lines(_ bytes: [UInt8], count: Int) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(count).map { line in
            // What a program writes must not move the reader's cursor.
            String(
                line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f || $0 == "\t" }.prefix(
                    maximumLineCharacters
                ).map(Character.init)
            )
        }
    }

    static func hosts(id: ContainerID) -> String {
        """
        127.0.0.1 localhost.localdomain localhost \(id)
        ::1 localhost ip6-localhost ip6-loopback
        fe00::0 ip6-localnet
        ff00::0 ip6-mcastprefix
        ff02::1 ip6-allnodes
        ff02::2 ip6-allrouters

        """
    }

    static func resolvConf(gateway: IPv4Address) -> String {
        "nameserver \(gateway)\noptions ndots:0\n"
    }
}
