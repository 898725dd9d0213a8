import Glibc
import StellarRPC

/// What one daemon alone may work on, held while it runs. The kernel gives it up with the process, however that ends.
///
/// Directories are held by an flock(2) on `lock` in them. A bridge, and the containers of a namespace of containerd, have
/// no file of ours: they are held by an abstract unix socket named after them (unix(7)), which belongs to a network
/// namespace as the bridge does.
final class HostClaims {
    private var descriptors: [Int32] = []

    /// - Throws: ``StartError``, which names what another daemon has, and the flag to choose another.
    init(_ configuration: DaemonConfiguration) throws {
        do {
            try claim(directory: configuration.dataDirectory, "DataDir", flag: "--data-dir")
            try claim(directory: configuration.stateDirectory, "StateDir", flag: "--state-dir")
            try claim(name: "bridge/\(configuration.bridge)", "the bridge \(configuration.bridge)", flag: "--bridge")
            try claim(
                name: "containerd/\(configuration.containerdAddress)/\(configuration.namespace)",
                "the namespace \(configuration.namespace) of the containerd at \(configuration.containerdAddress)",
                flag: "--namespace"
            )
        } catch {
            release()
            throw error
        }
    }

    deinit {
        release()
    }

    func release() {
        for descriptor in descriptors { close(descriptor) }
        descriptors = []
    }

    private func claim(directory: String, _ member: String, flag: String) throws {
        do {
            try Disk.makeDirectory(directory)
        } catch {
            throw StartError("\(member): \(error.message); set another one with \(flag)")
        }
        let path = "\(directory)/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartError(
                "\(member): cannot write \(path): \(String(cString: strerror(errno))); set another one with \(flag)"
            )
        }
        descriptors.append(descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StartError(
                "another stellar works on \(member) \(directory); stop it, or set another one with \(flag)"
            )
        }
    }

    private func claim(name: String, _ thing: String, flag: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw StartError("cannot make a socket: \(String(cString: strerror(errno)))") }
        descriptors.append(descriptor)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: address.sun_path)
        // A name that is too long is cut at its front: its end is what makes it unique.
        let bytes = [0] + Array("stellar/".utf8) + name.utf8.suffix(MemoryLayout.size(ofValue: address.sun_path) - 9)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, socklen_t(offset + bytes.count)) == 0
            }
        }
        guard isBound else {
            guard errno == EADDRINUSE else {
                throw StartError("cannot claim \(thing): \(String(cString: strerror(errno)))")
            }
            throw StartError("another stellar works on \(thing); stop it, or set another one with \(flag)")
        }
    }
}
