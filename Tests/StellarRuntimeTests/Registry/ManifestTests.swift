import FoundationEssentials
import StellarRuntime
import Testing

struct ManifestTests {
    private static let digest = "sha256:" + String(repeating: "ab", count: 32)

    private func parse(_ json: String, as mediaType: String = "") throws(ImageError) -> ManifestDocument {
        try ManifestDocument(parsing: Data(json.utf8), mediaType: mediaType, name: "test")
    }

    private func manifest(
        layer: String = MediaType.ociLayer + "+gzip",
        config: String = MediaType.ociConfiguration,
        size: Int = 7
    ) -> String {
        """
        {"schemaVersion":2,"config":{"mediaType":"\(config)","digest":"\(Self.digest)","size":3},
         "layers":[{"mediaType":"\(layer)","digest":"\(Self.digest)","size":\(size)}]}
        """
    }

    @Test(arguments: [MediaType.ociManifest, MediaType.dockerManifest, ""])
    func manifestIsReadWithAndWithoutItsMediaType(_ mediaType: String) throws {
        guard case .manifest(let manifest) = try parse(manifest(), as: mediaType) else {
            Issue.record("not a manifest")
            return
        }
        #expect(manifest.layers.map(\.size) == [7])
        #expect(manifest.configuration.digest.description == Self.digest)
    }

    @Test(
        arguments: zip(
            ["+gzip", "+zstd", ""].map { MediaType.ociLayer + $0 } + [".gzip", ""].map { MediaType.dockerLayer + $0 },
            [MediaType.Compression.gzip, .zstd, .none, .gzip, .none]
        )
    )
    func layerCompressionIsReadFromTheMediaType(_ mediaType: String, _ compression: MediaType.Compression) throws {
        #expect(MediaType.kind(of: mediaType) == .layer(compression))
        #expect(MediaType.kind(of: mediaType.uppercased() + "; charset=utf-8") == .layer(compression))
        _ = try parse(manifest(layer: mediaType))
    }

    @Test func everyInvalidManifestIsRejectedWithItsReason() {
        let deepLayers = (0...ManifestDocument.maximumLayers).map { _ in
            #"{"mediaType":"\#(MediaType.ociLayer)","digest":"\#(Self.digest)","size":1}"#
        }.joined(separator: ",")
        let config = #""config":{"mediaType":"\#(MediaType.ociConfiguration)","digest":"\#(Self.digest)","size":3}"#
        let cases: [(String, ImageError.Kind, String)] = [
            ("", .corrupt, "cannot decode"),
            ("[]", .corrupt, "cannot decode"),
            ("{}", .unsupported, "not a container image"),
            (#"{"schemaVersion":1,"fsLayers":[{}]}"#, .unsupported, "schema 1"),
            (
                manifest(layer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), .unsupported,
                "outside of the registry"
            ),
            (manifest(layer: "application/wasm"), .unsupported, "'application/wasm'"),
            (manifest(config: "application/vnd.cncf.helm.config.v1+json"), .unsupported, "helm"),
            (manifest(size: -1), .corrupt, "size of -1"),
            (
                manifest().replacing(Self.digest, with: "sha256:AB"), .corrupt,
                "config.digest: 'sha256:AB' is not a digest"
            ),
            ("{\(config),\"layers\":[\(deepLayers)]}", .tooLarge, "501 layers"),
            ("{\(config),\"layers\":[],\"manifests\":[]}", .corrupt, "both a manifest and an index"),
            (String(repeating: " ", count: ManifestDocument.maximumSize + 1), .tooLarge, "4 MiB"),
        ]
        for (json, kind, text) in cases {
            do {
                _ = try parse(json)
                Issue.record("accepted: \(json.prefix(80))")
            } catch {
                #expect(error.kind == kind, "\(error)")
                #expect(error.message.contains(text), "\(error)")
                #expect(error.message.contains("test"))
            }
        }
    }

    @Test func indexReturnsTheBestPlatform() throws {
        func entry(_ digit: Character, _ os: String, _ architecture: String, _ variant: String? = nil) -> String {
            let digest = "sha256:" + String(repeating: digit, count: 64)
            let variant = variant.map { #","variant":"\#($0)""# } ?? ""
            return
                #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(digest)","size":5,"platform":{"os":"\#(os)","architecture":"\#(architecture)"\#(variant)}}"#
        }
        let json = """
            {"schemaVersion":2,"mediaType":"\(MediaType.ociIndex)","manifests":[
            \(entry("0", "unknown", "unknown")),\(entry("1", "linux", "arm", "v5")),\(entry("2", "linux", "arm", "v6")),
            \(entry("3", "linux", "386")),\(entry("4", "linux", "amd64")),\(entry("5", "linux", "arm64", "v8")),
            \(entry("6", "windows", "amd64"))]}
            """
        guard case .index(let index) = try parse(json) else {
            Issue.record("not an index")
            return
        }
        func best(_ architecture: String, _ variant: String? = nil) -> Character? {
            index.best(for: Platform(os: "linux", architecture: architecture, variant: variant))?.digest.hexadecimal
                .first
        }
        #expect(best("amd64") == "4")
        #expect(best("arm64") == "5")
        #expect(best("arm", "v7") == "2")
        #expect(best("arm", "v5") == "1")
        #expect(best("riscv64") == nil)
        #expect(index.platforms.map(\.description).contains("linux/arm/v6"))
        #expect(!index.platforms.map(\.description).contains("unknown/unknown"))
    }

    @Test func chainIDsFollowTheSpecification() throws {
        let first = try #require(ContentDigest("sha256:" + String(repeating: "1", count: 64)))
        let second = try #require(ContentDigest("sha256:" + String(repeating: "2", count: 64)))
        let chain = ChainID.chain([first, second])
        #expect(chain[0] == first)
        // printf 'sha256:1…1 sha256:2…2' | sha256sum
        #expect(chain[1] == ContentDigest.sha256(Data("\(first) \(second)".utf8)))
        #expect(ChainID.chain([]).isEmpty)
        #expect(
            ContentDigest.sha256(Data("abc".utf8)).description
                == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
    }

    @Test func configurationIsRead() throws {
        let json = """
            {"created":"2024-05-01T10:20:30.123456789Z","os":"linux","architecture":"amd64","moby":{"x":1},
             "config":{"User":"redis","Env":["A=b"],"Entrypoint":["/e"],"Cmd":["c"],"WorkingDir":"/data",
             "StopSignal":"SIGQUIT","Volumes":{"/b":{},"/a":{}},"ExposedPorts":{"6379/tcp":{}},"Labels":{"k":"v"}},
             "rootfs":{"type":"layers","diff_ids":["\(Self.digest)"]}}
            """
        let configuration = try ImageConfiguration(parsing: Data(json.utf8), name: "test")
        #expect(configuration.user == "redis")
        #expect(configuration.entrypoint + configuration.command == ["/e", "c"])
        #expect(configuration.volumes == ["/a", "/b"])
        #expect(configuration.stopSignal == "SIGQUIT")
        #expect(configuration.platform == Platform(os: "linux", architecture: "x86_64"))
        #expect(configuration.created?.timeIntervalSince1970 == 1_714_558_830)
        #expect(configuration.chainID?.description == Self.digest)
        let empty = try ImageConfiguration(parsing: Data("{\"config\":null}".utf8), name: "test")
        #expect(empty.diffIDs.isEmpty && empty.command.isEmpty)
        #expect(throws: ImageError.self) {
            try ImageConfiguration(parsing: Data(#"{"config":{"Env":"A=b"}}"#.utf8), name: "test")
        }
    }
}
