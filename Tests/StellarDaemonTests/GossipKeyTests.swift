import Glibc
import StellarAPI
import StellarCore
import StellarGossip
import StellarTestKit
import Testing

@testable import StellarDaemon

@Suite struct GossipKeyTests {
    private static let bytes = [UInt8](0..<32)
    private static let text = GossipKeyText.base64(bytes)

    @Test func fingerprintIsTheBeginningOfTheDigest() {
        // sha256sum of the 32 bytes 00 01 … 1f.
        #expect(GossipKey(Self.bytes)?.fingerprint == "630dcd2966c43366")
    }

    @Test func theFirstStartStoresTheKeyForRootOnly() async throws {
        try await TemporaryDirectory.with { directory in
            let file = KeyringFile(path: "\(directory)/keys.json")
            #expect(try GossipKeySource.load("", file: file) == .init())
            #expect(access(file.path, F_OK) != 0)
            let found = try GossipKeySource.load(Self.text, file: file)
            #expect(found.keyring?.keys.map(\.bytes) == [Self.bytes] && found.warning == nil && found.isNew)
            #expect(access(file.path, F_OK) != 0)
            try file.save(try #require(found.keyring))
            var status = stat()
            #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            // The next start needs no flag.
            #expect(try GossipKeySource.load("", file: file) == .init(keyring: found.keyring))
        }
    }

    @Test func aKeyInAFileIsReadFromThere() async throws {
        try await TemporaryDirectory.with { directory in
            try TemporaryDirectory.write("\(Self.text)\n".utf8, to: "\(directory)/key")
            let found = try GossipKeySource.load("\(directory)/key", file: KeyringFile(path: "\(directory)/keys.json"))
            #expect(found.keyring?.keys.map(\.bytes) == [Self.bytes])
        }
    }

    @Test func changesOfTheClusterPrecedeTheFlag() async throws {
        try await TemporaryDirectory.with { directory in
            let file = KeyringFile(path: "\(directory)/keys.json")
            let newer = try #require(GossipKey([UInt8](repeating: 7, count: 16)))
            try file.save(Keyring(newer))
            let found = try GossipKeySource.load(Self.text, file: file)
            #expect(found.keyring?.keys == [newer])
            #expect(found.warning?.contains(file.path) == true)
            #expect(found.warning?.contains(Self.text) == false)
        }
    }

    @Test(arguments: [
        ("short", "neither base64 nor hexadecimal"), ("c2hvcnQ=", "5 bytes, and a key has 16, 24 or 32"),
        ("/no/such/file", "nor is it a file that is there"),
    ])
    func invalidKeysAreRejectedAndNotShown(_ text: String, _ reason: String) async throws {
        try await TemporaryDirectory.with { directory in
            let error = #expect(throws: StartError.self) {
                try GossipKeySource.load(text, file: KeyringFile(path: "\(directory)/keys.json"))
            }
            #expect(error?.description.contains(reason) == true, "\(error)")
            #expect(error?.description.contains(text) == false && error?.status == .badConfiguration)
        }
    }

    @Test(arguments: ["", "{}", "[1]", "[\"c2hvcnQ=\"]", "[]", "\u{0}"])
    func aDamagedKeyringIsNamed(_ content: String) async throws {
        try await TemporaryDirectory.with { directory in
            let path = "\(directory)/keys.json"
            try TemporaryDirectory.write(content.utf8, to: path)
            let error = #expect(throws: StartError.self) { try KeyringFile(path: path).load() }
            #expect(error?.description.contains(path) == true, "\(error)")
            #expect(error?.description.contains("c2hvcnQ") == false)
        }
    }
}

@Suite struct NodeAnnouncementTests {
    @Test func announcementsRoundTrip() throws {
        let announcement = NodeAnnouncement(address: "[fd00::1]:9000", labels: ["zone": "a", "disk": "ssd"])
        let (bytes, left) = try announcement.metadata()
        #expect(NodeAnnouncement(metadata: bytes) == announcement)
        #expect(left.isEmpty && bytes.count < 60)
        // Equal labels must give equal bytes, or each start would gossip a change.
        #expect(try announcement.metadata().bytes == bytes)
    }

    @Test func labelsThatDoNotFitAreLeftOutAndNamed() throws {
        let long = String(repeating: "x", count: 200)
        let announcement = NodeAnnouncement(
            address: "10.0.0.1:9000",
            labels: ["a": long, "b": long, "c": long, "d": "short"]
        )
        let (bytes, left) = try announcement.metadata()
        #expect(bytes.count <= WireLimits.metadata && left == ["c"])
        #expect(NodeAnnouncement(metadata: bytes).labels.dictionary.keys.sorted() == ["a", "b", "d"])
    }

    @Test func announcementsOfOthersMayHoldAnything() {
        for bytes in [[], [0xFF], [UInt8](repeating: 0x0A, count: 512), Array("role=web".utf8)] {
            #expect(NodeAnnouncement(metadata: bytes).address == "")
        }
    }
}
