import FoundationEssentials

@testable import StellarCore
@testable import StellarRuntime

@Sendable func fuzzAppFile(_ input: [UInt8]) {
    guard let app = try? AppFile.parse(input) else { return }
    let written = AppFile.encode(app)
    guard let again = try? AppFile.parse(written) else { return require(false, "what was written is read") }
    require(AppFile.encode(again) == written, "writing it again gives the same bytes")
}

/// The texts within an app file or a command. The first byte chooses. What is read and written is read as the same
/// again.
@Sendable func fuzzValues(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let text = String(decoding: input.dropFirst(), as: UTF8.self)
    switch first % 6 {
    case 0:
        guard let reference = try? ImageReference.parse(text) else { return }
        require(ImageReference(reference.description) == reference, "a reference is its text")
    case 1:
        guard let duration = GoDuration.parse(text) else { return }
        require(GoDuration.parse(GoDuration.format(duration)) == duration, "a duration is its text")
    case 2:
        guard let size = try? HumanSize.parse(text) else { return }
        _ = HumanSize.format(size)
    case 3:
        guard let subnet = try? IPv4Subnet.parse(text) else { return }
        require((try? IPv4Subnet.parse(subnet.description)) == subnet, "a subnet is its text")
        _ = subnet.containerAddressCount
    case 4:
        guard let id = ContainerID(text) else { return }
        require(id.description == text, "a container id is its text")
    default: _ = Selection(text)?.contains(ContainerID(app: "a", service: "b", replica: 0))
    }
}

/// What a registry, its token server, a credential helper or a configuration file says. The first byte chooses.
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
        require(endpoints.count == file.hosts.count + 1, "each mirror and the registry itself")
    case 4:
        for challenge in AuthChallenge.parse(text) { require(!challenge.scheme.isEmpty, "a challenge has a scheme") }
    case 7:
        guard let token = RegistryAuthority.token(in: bytes) else { return }
        require(!token.utf8.contains { $0 < 33 || $0 > 126 }, "a token goes into a header")
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
        require(url.scheme == "http" || url.scheme == "https", "no other scheme is followed")
    case 11:
        guard let reference = ImageReference(text) else { return }
        require(ImageReference(reference.description) == reference, "the full form of a reference stands for itself")
    default: _ = try? TOMLSubset(parsing: text)
    }
}

private func fuzzManifest(_ bytes: Data) {
    for type in [MediaType.ociManifest, MediaType.ociIndex, ""] {
        switch try? ManifestDocument(parsing: bytes, mediaType: type, name: "fuzz") {
        case .manifest(let manifest):
            require(manifest.layers.allSatisfy { $0.size >= 0 }, "no layer has less than nothing")
            require(manifest.layers.count <= ManifestDocument.maximumLayers, "the limit of layers")
            _ = ContentLabels.children(of: manifest)
        case .index(let index):
            if let best = index.best(for: .current) { require(index.manifests.contains(best), "one of the index") }
            _ = ContentLabels.children(of: index)
        case nil: continue
        }
    }
}
