import CStellarLinux
import FoundationEssentials
import Glibc
import StellarRPC

/// Files of a container's root file system, read from its snapshot's layers without a mount, so that a crash leaves
/// none behind.
///
/// Links resolve inside the root only, as in the container. Blocking.
struct LayeredRoot {
    /// The layers' folders, upper ones first.
    let layers: [String]

    /// The most links in a path, as in path_resolution(7).
    static let maximumLinks = 40
    /// The largest file; passwd and group files are small.
    static let maximumFileBytes = 4 << 20

    /// The layers of a snapshot's mounts; nil for a kind without folders on this node (a block device, a fuse mount).
    init?(mounts: [ContainerdMount]) {
        guard mounts.count == 1, let mount = mounts.first else { return nil }
        switch mount.type {
        case "bind":
            layers = [mount.source]
        case "overlay":
            var found: [String] = []
            for option in mount.options {
                if option.hasPrefix("upperdir=") { found.insert(String(option.dropFirst(9)), at: 0) }
                if option.hasPrefix("lowerdir=") { found += option.dropFirst(9).split(separator: ":").map(String.init) }
            }
            layers = found
        default:
            return nil
        }
    }

    init(layers: [String]) {
        self.layers = layers
    }

    /// The contents of a file; nil if it does not exist or is not a regular file.
    func contents(_ path: String) throws -> [UInt8]? {
        guard let file = resolve(path) else { return nil }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard status.st_size <= Self.maximumFileBytes else {
            throw RPCError(
                .failedPrecondition,
                "the image's \(path) has \(status.st_size) bytes; the limit is \(Self.maximumFileBytes)"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            guard read > 0 else { break }
            count += read
        }
        return Array(bytes.prefix(count))
    }

    /// The node's path of a container's path; nil if it does not exist. No part of the result is a link.
    func resolve(_ path: String) -> String? {
        var rest = Self.parts(path).reversed() as [String]
        var links = 0
        // The path from the root to the present folder, each with the layers' folders that merge into it.
        var stack: [(name: String, folders: [String])] = [("", layers)]
        while let part = rest.popLast() {
            if part == ".." {
                if stack.count > 1 { stack.removeLast() }
                continue
            }
            guard let folders = stack.last?.folders else { return nil }
            switch look(for: part, in: folders) {
            case .absent:
                return nil
            case .file(let file):
                return rest.isEmpty ? file : nil
            case .folder(let merged):
                stack.append((part, merged))
            case .link(let target):
                links += 1
                guard links <= Self.maximumLinks else { return nil }
                if target.hasPrefix("/") { stack.removeSubrange(1...) }
                rest += Self.parts(target).reversed() as [String]
            }
        }
        return stack.last?.folders.first
    }

    private enum Entry {
        case absent
        case file(String)
        case folder([String])
        case link(String)
    }

    private func look(for name: String, in folders: [String]) -> Entry {
        var merged: [String] = []
        for folder in folders {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            if kind == S_IFDIR {
                merged.append(path)
                if Self.isOpaque(path) { break }
                continue
            }
            // A folder hides lower entries that are not folders; a whiteout (device 0:0) hides everything below it.
            if !merged.isEmpty { break }
            if kind == S_IFCHR, status.st_rdev == 0 { return .absent }
            guard kind == S_IFLNK else { return .file(path) }
            return (try? FileManager.default.destinationOfSymbolicLink(atPath: path)).map(Entry.link) ?? .absent
        }
        return merged.isEmpty ? .absent : .folder(merged)
    }

    /// Whether a folder hides lower folders of the same name (overlayfs: the attribute is "y"; `user.` in rootless
    /// mounts).
    private static func isOpaque(_ path: String) -> Bool {
        var value: UInt8 = 0
        let names = ["trusted.overlay.opaque", "user.overlay.opaque"] as [String]
        return names.contains { lgetxattr(path, $0, &value, 1) == 1 && value == UInt8(ascii: "y") }
    }

    private static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
    }
}
