import CStellarLinux
import FoundationEssentials
import Glibc
import StellarRPC

/// Files of a container's root file system, read from the layers of its snapshot without mounting it: a crash then
/// leaves no mount behind.
///
/// Links are followed inside of the root only, as the container would see them. Blocking.
struct LayeredRoot {
    /// The folders that make up the root, the upper ones first.
    let layers: [String]

    /// As of path_resolution(7).
    static let maximumLinks = 40
    /// passwd and group files are small; a bigger one is not read into memory.
    static let maximumFileBytes = 4 << 20

    /// The layers of a snapshot's mounts; nil for a kind that is no folders on this node (a block device, a fuse mount).
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

    /// The contents of a file; nil where there is none, or no regular one.
    func contents(_ path: String) throws -> [UInt8]? {
        guard let file = resolve(path) else { return nil }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard status.st_size <= Self.maximumFileBytes else {
            throw RPCError(.failedPrecondition, "the image's \(path) has \(status.st_size) bytes: too large to be true")
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

    /// Where on the node a path of the container is; nil if it is nowhere. Every part of the result is the real thing and
    /// no link.
    func resolve(_ path: String) -> String? {
        var rest = Self.parts(path).reversed() as [String]
        var links = 0
        // The folders of the layers that merge into the present one, and its path from the root.
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
            // Below a folder, what is no folder is hidden; so is everything below a whiteout (device 0:0).
            if !merged.isEmpty { break }
            if kind == S_IFCHR, status.st_rdev == 0 { return .absent }
            guard kind == S_IFLNK else { return .file(path) }
            return (try? FileManager.default.destinationOfSymbolicLink(atPath: path)).map(Entry.link) ?? .absent
        }
        return merged.isEmpty ? .absent : .folder(merged)
    }

    /// Whether a folder hides those of the same name below it (overlayfs: the attribute is "y"; `user.` where mounted by no root).
    private static func isOpaque(_ path: String) -> Bool {
        var value: UInt8 = 0
        let names = ["trusted.overlay.opaque", "user.overlay.opaque"] as [String]
        return names.contains { lgetxattr(path, $0, &value, 1) == 1 && value == UInt8(ascii: "y") }
    }

    private static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
    }
}
