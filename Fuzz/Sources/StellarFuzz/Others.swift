import FoundationEssentials

@testable import StellarCore
@testable import StellarNet
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

/// A query as the nameserver gets it, and an answer as an upstream gives it.
@Sendable func fuzzDNS(_ input: [UInt8]) {
    if let message = try? DNSMessage(input) {
        for record in message.answers { _ = try? message.expandedData(of: record) }
    }
    _ = DNSQuery.read(input)
}

@Sendable func fuzzNetlink(_ input: [UInt8]) {
    guard let messages = try? NetlinkParser.messages(in: input[...]) else { return }
    for message in messages {
        _ = try? NetlinkAcknowledgement(message)
        _ = try? NetlinkParser.attributes(in: message.payload)
    }
}

/// What a registry, its challenge or a configuration file says. The first byte chooses.
@Sendable func fuzzRegistry(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Data(input.dropFirst())
    let text = String(decoding: bytes, as: UTF8.self)
    switch first % 7 {
    case 0:
        for type in ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json", ""] {
            _ = try? ManifestDocument(parsing: bytes, mediaType: type, name: "fuzz")
        }
    case 1: _ = try? ImageConfiguration(parsing: bytes, name: "fuzz")
    case 2: _ = try? DockerConfig(parsing: bytes, file: "fuzz")
    case 3: _ = try? HostsFile(parsing: text, file: "fuzz")
    case 4: _ = AuthChallenge.parse(text)
    case 5: _ = try? TOMLSubset(parsing: text)
    default: _ = try? CNIResult(text: text)
    }
}
