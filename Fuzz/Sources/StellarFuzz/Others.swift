import FoundationEssentials

@testable import StellarCore
@testable import StellarRuntime

@Sendable func fuzzAppFile(_ input: [UInt8]) {
    guard let app = try? AppFile.parse(input) else { return }
    let written = AppFile.encode(app)
    guard let again = try? AppFile.parse(written) else { return require(false, "a written app file can be parsed") }
    require(AppFile.encode(again) == written, "an app file is written in one form")
}

/// Texts of an app file or a command. The first byte chooses the kind. A parsed value must survive its text.
@Sendable func fuzzValues(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let text = String(decoding: input.dropFirst(), as: UTF8.self)
    switch first % 6 {
    case 0:
        guard let reference = try? ImageReference.parse(text) else { return }
        require(ImageReference(reference.description) == reference, "a reference survives its text")
    case 1:
        guard let duration = GoDuration.parse(text) else { return }
        require(GoDuration.parse(GoDuration.format(duration)) == duration, "a duration survives its text")
    case 2:
        guard let size = try? HumanSize.parse(text) else { return }
        _ = HumanSize.format(size)
    case 3:
        guard let subnet = try? IPv4Subnet.parse(text) else { return }
        require((try? IPv4Subnet.parse(subnet.description)) == subnet, "a subnet survives its text")
        _ = subnet.containerAddressCount
    case 4:
        guard let id = ContainerID(text) else { return }
        require(id.description == text, "a container id has one text")
    default: _ = Selection(text)?.contains(ContainerID(app: "a", service: "b", replica: 0))
    }
}

/// Responses of a registry and its token server, output of a credential helper, configuration files. The first byte chooses.
@Sendable func fuzzRegistry(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Data(input.dropFirst())
    let text = String(decoding: bytes, as: UTF8.self)
    switch first % 12 {
    case 0: fuzzManifest(bytes)
    case 1: _ = try? ImageConfiguration(parsing: bytes, name: "fuzz")
    case 2:
        guard let config = try? DockerConfig(parsing: bytes, file: "fuzz") else { return }
        for host in ["docker.io", "r.example:5000"] { _ = try? config.sources(for: host) }
    case 3:
        guard let file = try? HostsFile(parsing: text, file: "fuzz") else { return }
        let endpoints = RegistryEndpoint.endpoints(for: "r.example", file: file, plainHTTP: [])
        require(endpoints.count == file.hosts.count + 1, "the endpoints are the mirrors and the registry itself")
    case 4:
        for challenge in AuthChallenge.parse(text) { require(!challenge.scheme.isEmpty, "a challenge has a scheme") }
    case 7:
        guard let token = RegistryAuthority.token(in: bytes) else { return }
        require(!token.utf8.contains { $0 < 33 || $0 > 126 }, "a token has only characters that a header may have")
    case 8: _ = try? CredentialHelper(name: "fuzz", file: "fuzz").read(Array(bytes))
    case 9:
        let head = HTTPHead(
            status: 206,
            headers: [HTTPHeader("Content-Range", text), HTTPHeader("Content-Length", text)]
        )
        _ = head.contentRange
        _ = head.contentLength
        _ = MediaType.kind(of: text)
        _ = Ingest.mismatch(text)
    case 10:
        guard let url = URLParts(text, relativeTo: "http://r.example/v2/a/blobs/b") else { return }
        require(url.scheme == "http" || url.scheme == "https", "a redirect has the scheme http or https")
    case 11:
        guard let reference = ImageReference(text) else { return }
        require(ImageReference(reference.description) == reference, "a reference survives its text")
    default: _ = try? TOMLSubset(parsing: text)
    }
}

private func fuzzManifest(_ bytes: Data) {
    for type in [MediaType.ociManifest, MediaType.ociIndex, ""] {
        switch try? ManifestDocument(parsing: bytes, mediaType: type, name: "fuzz") {
        case .manifest(let manifest):
            require(manifest.layers.allSatisfy { $0.size >= 0 }, "the size of a layer is not negative")
            require(
                manifest.layers.count <= ManifestDocument.maximumLayers,
                "a manifest has no more layers than the limit"
            )
            _ = ContentLabels.children(of: manifest)
        case .index(let index):
            if let best = index.best(for: .current) {
                require(index.manifests.contains(best), "the chosen manifest is one of the index")
            }
            _ = ContentLabels.children(of: index)
        case nil: continue
        }
    }
}
