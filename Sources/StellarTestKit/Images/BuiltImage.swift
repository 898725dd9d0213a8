/// An image in a folder, to be pushed or imported.
public struct BuiltImage: Sendable {
    public let layout: OCILayout
    /// The descriptor of the image: its manifest, or its index.
    public let target: OCILayout.Descriptor
    /// The manifests, one for each platform.
    public let manifests: [OCILayout.Descriptor]
    /// The digests of the compressed layers, bottom first.
    public let layers: [String]
    /// The digests of the uncompressed layers, bottom first.
    public let diffIDs: [String]

    /// Sends the image to a registry, and returns its name: `host/repository:tag`.
    @discardableResult
    public func push(to registry: TestRegistry, _ repository: String, tag: String = "latest") async throws -> String {
        let base = "\(registry.url)/v2/\(repository)"
        var common = ["--fail"]
        if let authority = registry.authority { common += ["--cacert", authority] }
        if registry.authentication == .basic { common += ["--user", "\(TestRegistry.user):\(TestRegistry.password)"] }
        func curl(_ arguments: [String]) async throws -> String {
            let result = try await registry.curl(common + arguments)
            guard result.status == 0 else { throw ChildProcess.Failure(command: ["curl"] + arguments, result: result) }
            return result.output
        }
        let documents = Set(manifests.map(\.digest) + [target.digest])
        for digest in try blobs() where !documents.contains(digest) {
            if try await registry.curl(common + ["--head", "\(base)/blobs/\(digest)"]).status == 0 { continue }
            let upload = try await curl(
                ["--request", "POST", "--dump-header", "-", "--output", "/dev/null", "\(base)/blobs/uploads/"]
            )
            guard
                let location = upload.split(whereSeparator: \.isNewline).first(where: {
                    $0.lowercased().hasPrefix("location:")
                })?.dropFirst("location:".count).drop(while: { $0 == " " })
            else { throw NoUpload(repository: repository) }
            let url = location.hasPrefix("/") ? registry.url + location : String(location)
            _ = try await curl(
                ["--upload-file", layout.path(of: digest), "--header", "Content-Type: application/octet-stream"]
                    + ["\(url)\(url.contains("?") ? "&" : "?")digest=\(digest)"]
            )
        }
        for document in manifests + [target] {
            let name = document.digest == target.digest ? tag : document.digest
            _ = try await curl(
                ["--upload-file", layout.path(of: document.digest)]
                    + ["--header", "Content-Type: \(document.mediaType)", "\(base)/manifests/\(name)"]
            )
        }
        return "\(registry.host)/\(repository):\(tag)"
    }

    /// Writes the image as one file for `ctr image import`.
    public func writeArchive(_ path: String) async throws {
        try await ChildProcess.check("tar", ["-C", layout.directory, "-cf", path, "oci-layout", "index.json", "blobs"])
    }

    /// The registry sent no location for the upload of a blob.
    public struct NoUpload: Error {
        public let repository: String
    }

    private func blobs() throws -> [String] {
        try layout.digests()
    }
}
