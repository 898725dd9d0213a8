import Glibc
import NIOPosix
import StellarCore
import StellarRPC
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

/// Small blocking file operations, for a thread pool.
enum Disk {
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(RPCError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard mkdir(made, mode) == 0 || errno == EEXIST else { throw failure("make directory", made) }
        }
    }

    /// Writes a file so that a reader, or a crash, sees the old content or the new.
    ///
    /// - Parameter isDurable: it is the new one also after a power failure.
    static func replace(_ path: String, with text: String, mode: mode_t = 0o644, isDurable: Bool = false) throws {
        do {
            try FileReplacement.replace(path, with: Array(text.utf8), mode: mode, isDurable: isDurable)
        } catch {
            throw failure("write", error.path, error.code)
        }
    }

    /// The last bytes of a file; none when it is not there.
    static func tail(_ path: String, bytes wanted: Int) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        lseek(descriptor, max(0, size - off_t(wanted)), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: wanted)
        let count = read(descriptor, &bytes, wanted)
        return Array(bytes.prefix(max(0, count)))
    }

    /// The names in a directory, sorted; none when it is not there.
    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw failure("read directory", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Where a symbolic link points; empty for what is none.
    static func linkTarget(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a directory of files; one that is not there is fine. A link in it is removed, not followed.
    static func removeDirectory(_ path: String) throws {
        for name in try names(in: path) {
            let file = "\(path)/\(name)"
            guard unlink(file) == 0 || errno == ENOENT else { throw failure("remove", file) }
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    static func failure(_ verb: String, _ path: String, _ number: Int32 = errno) -> RPCError {
        let code: RPCCode = number == ENOSPC || number == EDQUOT ? .resourceExhausted : .failedPrecondition
        return RPCError(code, "cannot \(verb) \(path): \(String(cString: strerror(number)))")
    }
}
