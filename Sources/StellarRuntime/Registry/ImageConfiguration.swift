public import FoundationEssentials

/// An image's defaults for its containers, as its builder wrote them (OCI image specification, "Image Configuration").
public struct ImageConfiguration: Sendable, Hashable {
    /// The platform of the image's binaries.
    public var platform: Platform
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    public var user: String
    /// Environment, each entry `NAME=value`.
    public var environment: [String]
    /// The program and its first arguments.
    public var entrypoint: [String]
    /// Arguments to the entrypoint; the program itself if there is no entrypoint.
    public var command: [String]
    /// The working directory of the process; empty for `/`.
    public var workingDirectory: String
    /// The signal to stop the process (`SIGQUIT`, `SIGRTMIN+3`, `15`); nil for SIGTERM.
    public var stopSignal: String?
    /// Folders that the image declares as volumes.
    public var volumes: [String]
    /// Ports the process listens on, `6379/tcp`.
    public var exposedPorts: [String]
    /// The builder's labels.
    public var labels: [String: String]
    /// When the image was built.
    public var created: Date?
    /// The digests of the uncompressed layers, bottom first.
    public var diffIDs: [ContentDigest]

    /// The chain id of all layers, the key of their snapshot; nil for an image without layers.
    public var chainID: ContentDigest? { ChainID.chain(diffIDs).last }

    /// Parses a configuration.
    ///
    /// - Parameters:
    ///   - bytes: the document, JSON; unknown fields are ignored.
    ///   - name: the image's name, for messages.
    /// - Throws: ``ImageError`` (corrupt) naming the image and the field.
    public init(parsing bytes: Data, name: String) throws(ImageError) {
        let raw: Raw
        do {
            raw = try JSONDecoder().decode(Raw.self, from: bytes)
        } catch {
            throw ImageError(
                .corrupt,
                "image \(name): cannot decode the configuration: \(ManifestDocument.explain(error))"
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

    /// The document, with its own field names.
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

        /// The empty object that is the value of a set's members.
        struct Nothing: Decodable, Hashable {
            init(from decoder: any Decoder) {}
        }
    }

    /// Parses RFC 3339; builders write any number of fractional digits.
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
