import FoundationEssentials
import Glibc

/// Builds container images from files, with tar, gzip and zstd.
public struct ImageBuilder: Sendable {
    public enum Compression: Sendable, Hashable, CaseIterable {
        case gzip
        case zstd
        case none
    }

    /// The media types of the image.
    public enum Format: Sendable, Hashable {
        case oci
        case docker
    }

    /// A file, directory or link of a layer.
    public struct Entry: Sendable {
        public enum Content: Sendable {
            case directory
            case text(String)
            /// A copy of a file on this machine.
            case copy(String)
            case link(to: String)
            /// Random bytes: they do not compress, and no other layer has them.
            case random(Int)
        }

        public var path: String
        public var content: Content
        public var mode: UInt32
        public var owner: UInt32

        public init(_ path: String, _ content: Content, mode: UInt32 = 0o755, owner: UInt32 = 0) {
            self.path = path
            self.content = content
            self.mode = mode
            self.owner = owner
        }
    }

    public var layers: [[Entry]]
    public var compression: Compression = .gzip
    public var format: Format = .oci
    /// Platforms (`linux/arm64/v8`) of an index whose images share all layers; nil for a plain manifest.
    public var platforms: [String]?
    public var entrypoint: [String] = []
    public var command: [String] = []
    public var environment: [String] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    public var user = ""
    public var workingDirectory = ""
    public var stopSignal: String?
    public var labels: [String: String] = [:]
    public var volumes: [String] = []
    /// Changes the file of the topmost layer before its digest is computed: for images with right digests and wrong content.
    public var spoil: (@Sendable (String) throws -> Void)?

    public init(layers: [[Entry]]) {
        self.layers = layers
    }

    /// This machine's platform, as an index names it.
    public static var platform: String {
        #if arch(arm64)
        "linux/arm64/v8"
        #else
        "linux/amd64"
        #endif
    }

    /// A shell with its tools in one layer, and users `root`, `app` (1000) and `nobody`; `further` layers come on top.
    public static func busybox(command: [String] = ["/bin/sh"], further: [[Entry]] = []) async throws -> ImageBuilder {
        let program =
            ["/bin/busybox", "/usr/bin/busybox"].first { (path: String) in access(path, X_OK) == 0 } ?? "/bin/busybox"
        let names = try await ChildProcess.check(program, ["--list"]).split(separator: "\n")
        var base = [
            Entry("bin/busybox", .copy(program)),
            Entry("tmp", .directory, mode: 0o1777),
            Entry("root", .directory, mode: 0o700),
            Entry("home/app", .directory, owner: 1000),
            Entry("var", .directory),
            Entry(
                "etc/passwd",
                .text(
                    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
                ),
                mode: 0o644
            ),
            Entry("etc/group", .text("root:x:0:\napp:x:1000:\nextra:x:2000:app\nnogroup:x:65534:\n"), mode: 0o644),
        ]
        base += names.filter { $0 != "busybox" }.map { Entry("bin/\($0)", .link(to: "busybox")) }
        var builder = ImageBuilder(layers: [base] + further)
        builder.command = command
        return builder
    }

    /// Writes the image as an OCI image layout (OCI image specification, "Image Layout") in `directory`.
    public func build(in directory: String) async throws -> BuiltImage {
        let layout = OCILayout(directory: directory)
        try layout.create()
        var layerDescriptors: [OCILayout.Descriptor] = []
        var diffIDs: [String] = []
        for (number, entries) in layers.enumerated() {
            let root = "\(directory)/root.\(number)"
            let archive = "\(directory)/layer.\(number).tar"
            try Self.write(entries, under: root)
            try await ChildProcess.check(
                "tar",
                ["-C", root, "--sort=name", "--mtime=@0", "--numeric-owner", "-cf", archive, "."]
            )
            diffIDs.append(try await OCILayout.digest(of: archive))
            let (file, suffix) = try await compress(archive)
            if number == layers.count - 1 { try spoil?(file) }
            let type =
                format == .oci
                ? "application/vnd.oci.image.layer.v1.tar" + (suffix.isEmpty ? "" : "+\(suffix)")
                : "application/vnd.docker.image.rootfs.diff.tar" + (suffix.isEmpty ? "" : ".\(suffix)")
            layerDescriptors.append(try await layout.add(file: file, mediaType: type))
            TemporaryDirectory.remove(root)
            TemporaryDirectory.remove(archive)
        }
        var manifests: [OCILayout.Descriptor] = []
        for platform in platforms ?? [Self.platform] {
            let parts = platform.split(separator: "/").map(String.init)
            let configuration = try await layout.add(
                configurationJSON(parts, diffIDs),
                mediaType: format == .oci
                    ? "application/vnd.oci.image.config.v1+json" : "application/vnd.docker.container.image.v1+json"
            )
            let type =
                format == .oci
                ? "application/vnd.oci.image.manifest.v1+json" : "application/vnd.docker.distribution.manifest.v2+json"
            let json: [String: JSONValue] = [
                "schemaVersion": 2, "mediaType": .string(type), "config": configuration.json,
                "layers": .array(layerDescriptors.map(\.json)),
            ]
            var manifest = try await layout.add(.object(json), mediaType: type)
            manifest.platform = parts
            manifests.append(manifest)
        }
        var target = manifests[0]
        if platforms != nil {
            let type =
                format == .oci
                ? "application/vnd.oci.image.index.v1+json"
                : "application/vnd.docker.distribution.manifest.list.v2+json"
            let json: [String: JSONValue] = [
                "schemaVersion": 2, "mediaType": .string(type), "manifests": .array(manifests.map(\.json)),
            ]
            target = try await layout.add(.object(json), mediaType: type)
        } else {
            target.platform = nil
        }
        try layout.writeIndex(target)
        return BuiltImage(
            layout: layout,
            target: target,
            manifests: manifests,
            layers: layerDescriptors.map(\.digest),
            diffIDs: diffIDs
        )
    }

    private func compress(_ archive: String) async throws -> (file: String, suffix: String) {
        switch compression {
        case .none: return (archive, "")
        case .gzip:
            try await ChildProcess.check("gzip", ["-n", "-1", "-k", archive])
            return (archive + ".gz", "gzip")
        case .zstd:
            try await ChildProcess.check("zstd", ["-q", "-1", archive, "-o", archive + ".zst"])
            return (archive + ".zst", "zstd")
        }
    }

    private func configurationJSON(_ platform: [String], _ diffIDs: [String]) -> JSONValue {
        func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        var execution: [String: JSONValue] = ["Env": strings(environment)]
        if !entrypoint.isEmpty { execution["Entrypoint"] = strings(entrypoint) }
        if !command.isEmpty { execution["Cmd"] = strings(command) }
        if !user.isEmpty { execution["User"] = .string(user) }
        if !workingDirectory.isEmpty { execution["WorkingDir"] = .string(workingDirectory) }
        if let stopSignal { execution["StopSignal"] = .string(stopSignal) }
        if !labels.isEmpty { execution["Labels"] = .object(labels.mapValues { .string($0) }) }
        if !volumes.isEmpty {
            execution["Volumes"] = .object(Dictionary(uniqueKeysWithValues: volumes.map { ($0, .object([:])) }))
        }
        var configuration: [String: JSONValue] = [
            "created": "2024-05-01T10:20:30.123456789Z",
            "os": .string(platform[0]), "architecture": .string(platform[1]),
            "config": .object(execution),
            "rootfs": ["type": "layers", "diff_ids": strings(diffIDs)],
        ]
        if platform.count > 2 { configuration["variant"] = .string(platform[2]) }
        return .object(configuration)
    }

    private static func write(_ entries: [Entry], under root: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        for entry in entries {
            let path = "\(root)/\(entry.path)"
            if let slash = path.lastIndex(of: "/") {
                try files.createDirectory(atPath: String(path[..<slash]), withIntermediateDirectories: true)
            }
            switch entry.content {
            case .directory: try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            case .text(let text): try TemporaryDirectory.write(text.utf8, to: path)
            case .copy(let source): try files.copyItem(atPath: source, toPath: path)
            case .link(let target):
                try files.createSymbolicLink(atPath: path, withDestinationPath: target)
                continue
            case .random(let count):
                var generator = SystemRandomNumberGenerator()
                var bytes: [UInt64] = []
                bytes.reserveCapacity(count / 8 + 1)
                for _ in 0...(count / 8) { bytes.append(generator.next()) }
                try bytes.withUnsafeBytes { try TemporaryDirectory.write($0.prefix(count), to: path) }
            }
            guard chmod(path, entry.mode) == 0, chown(path, entry.owner, entry.owner) == 0 else {
                throw FileFailure(path: path, operation: "chmod or chown", number: errno)
            }
        }
    }
}
