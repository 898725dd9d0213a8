public import FoundationEssentials

/// How an image wants to be run: what its builder wrote (OCI image specification, "Image Configuration").
public struct ImageConfiguration: Sendable, Hashable {
    /// The platform of the image's binaries.
    public var platform: Platform
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    public var user: String
    /// Environment, each entry `NAME=value`.
    public var environment: [String]
    /// The program and its first arguments.
    public var entrypoint: [String]
    /// Arguments to the entrypoint, or the program where there is none.
    public var command: [String]
    /// The folder the process starts in; empty for `/`.
    public var workingDirectory: String
    /// The signal that asks the process to end (`SIGQUIT`, `SIGRTMIN+3`, `15`); nil for SIGTERM.
    public var stopSignal: String?
    /// Folders that the image wants kept outside of its layers.
    public var volumes: [String]
    /// Ports the process listens on, `6379/tcp`.
    public var exposedPorts: [String]
    /// The builder's labels.
    public var labels: [String: String]
    /// When the image was built.
    public var created: Date?
    /// The digests of the uncompressed layers, bottom first.
    public var diffIDs: [ContentDigest]

    /// The name of the whole stack of layers, under which a snapshotter holds it; nil for an image without layers.
    public var chainID: ContentDigest? { ChainID.chain(diffIDs).last }

    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - bytes: the document, JSON; fields of other tools are passed over.
    ///   - name: the image's name, for messages.
    /// - Throws: ``ImageError`` (corrupt) naming the image and the field.
    public init(parsing bytes: Data, name: String) throws(ImageError) {
        let raw: Raw
        do {
            raw = try JSONDecoder().decode(Raw.self, from: bytes)
        } catch {
            throw ImageError(
                .corrupt,
                "image \(name): the configuration cannot be read: \(ManifestDocument.explain(error))"
            )
        }
        platform = Platform(os: raw.os ?? "", architecture: raw.architecture ?? "", variant: raw.variant)
        user = raw.config?.User ?? ""
        environment = raw.config?.Env ?? []
        entrypoint = raw.config?.Entrypoint ?? []
        command = raw.config?.Cmd ?? []
        workingDirectory = raw.config?.WorkingDir ?? ""
        stopSignal = raw.config?.StopSignal.flatMap { $0.isEmpty ? nil : $0 }
        volumes = (raw.config?.Volumes?.keys).map { $0.sorted() } ?? []
        exposedPorts = (raw.config?.ExposedPorts?.keys).map { $0.sorted() } ?? []
        labels = raw.config?.Labels ?? [:]
        created = raw.created.flatMap(Self.date(of:))
        diffIDs = raw.rootfs?.diff_ids ?? []
    }

    /// The fields as they are spelled in the document.
    private struct Raw: Decodable {
        var os: String?
        var architecture: String?
        var variant: String?
        var created: String?
        var config: Execution?
        var rootfs: RootFilesystem?

        struct Execution: Decodable {
            var User: String?
            var Env: [String]?
            var Entrypoint: [String]?
            var Cmd: [String]?
            var WorkingDir: String?
            var StopSignal: String?
            var Volumes: [String: Nothing]?
            var ExposedPorts: [String: Nothing]?
            var Labels: [String: String]?
        }

        struct RootFilesystem: Decodable {
            var diff_ids: [ContentDigest]?
        }

        /// The empty object that stands for the members of a set.
        struct Nothing: Decodable, Hashable {
            init(from decoder: any Decoder) {}
        }
    }

    /// RFC 3339, of which builders write any number of fractional digits.
    private static func date(of text: String) -> Date? {
        var whole = text
        if let dot = text.firstIndex(of: "."),
            let end = text[text.index(after: dot)...].firstIndex(where: { !$0.isNumber })
        {
            whole.removeSubrange(dot..<end)
        }
        return try? Date(whole, strategy: .iso8601)
    }
}
