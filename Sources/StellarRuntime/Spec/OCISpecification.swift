import FoundationEssentials

/// The specification of a container for runc: the part of the OCI runtime specification (1.0.2) that Stellar uses.
///
/// Member names are the specification's JSON names. containerd stores it with the container as an `Any` whose type URL
/// is ``typeURL``.
package struct OCISpecification: Codable, Hashable, Sendable {
    /// The type URL of the stored specification.
    package static let typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Spec"

    /// The annotation with the container's id: identifies Stellar's bundles, also those that containerd does not know
    /// any more.
    package static let containerAnnotation = "stellar.io/container"

    package var ociVersion = "1.0.2"
    package var process: Process
    package var root: Root
    package var hostname: String
    package var mounts: [Mount]
    package var annotations: [String: String]
    package var linux: Linux

    package struct Process: Codable, Hashable, Sendable {
        package var user: User
        package var args: [String]
        package var env: [String]
        package var cwd: String
        package var capabilities: Capabilities
        package var rlimits: [Rlimit]
        package var noNewPrivileges: Bool
    }

    package struct User: Codable, Hashable, Sendable {
        package var uid: UInt32
        package var gid: UInt32
        package var additionalGids: [UInt32]
    }

    /// Capability sets by name, see capabilities(7). Inheritable and ambient stay empty: a program without root must
    /// not gain capabilities beyond those of the image's files.
    package struct Capabilities: Codable, Hashable, Sendable {
        package var bounding: [String]
        package var effective: [String]
        package var permitted: [String]
    }

    package struct Rlimit: Codable, Hashable, Sendable {
        package var type: String
        package var hard: UInt64
        package var soft: UInt64
    }

    package struct Root: Codable, Hashable, Sendable {
        package var path: String
        package var readonly: Bool
    }

    package struct Mount: Codable, Hashable, Sendable {
        package var destination: String
        package var type: String
        package var source: String
        package var options: [String]

        package init(_ destination: String, type: String, source: String, options: [String]) {
            self.destination = destination
            self.type = type
            self.source = source
            self.options = options
        }
    }

    package struct Linux: Codable, Hashable, Sendable {
        package var resources: Resources
        package var cgroupsPath: String
        package var namespaces: [Namespace]
        package var devices: [Device]?
        package var seccomp: SeccompProfile?
        package var maskedPaths: [String]
        package var readonlyPaths: [String]
    }

    /// A namespace of the container's own, or the one bound to `path`.
    package struct Namespace: Codable, Hashable, Sendable {
        package var type: String
        package var path: String?
    }

    package struct Resources: Codable, Hashable, Sendable {
        package var devices: [DeviceRule]
        package var cpu: CPU?
        package var memory: Memory?
        package var pids: Pids?

        package struct CPU: Codable, Hashable, Sendable {
            /// Microseconds of CPU time in each period.
            package var quota: Int64
            /// Microseconds.
            package var period: UInt64
        }

        package struct Memory: Codable, Hashable, Sendable {
            /// Bytes.
            package var limit: Int64
            /// Bytes of memory and swap together.
            package var swap: Int64?
        }

        package struct Pids: Codable, Hashable, Sendable {
            package var limit: Int64
        }
    }

    /// A line of the device cgroup; runc adds what every container needs (null, zero, random, tty, pts).
    package struct DeviceRule: Codable, Hashable, Sendable {
        package var allow: Bool
        package var access: String
    }

    /// A device node to make in the container, see mknod(2).
    package struct Device: Codable, Hashable, Sendable {
        package var path: String
        /// `c` or `b`.
        package var type: String
        package var major: Int64
        package var minor: Int64
        package var fileMode: UInt32
        package var uid: UInt32
        package var gid: UInt32
    }
}

extension OCISpecification {
    /// The document as containerd stores it; equal specifications give equal bytes.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}
