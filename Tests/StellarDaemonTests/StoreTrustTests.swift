import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

/// Writes that gossip may carry: none if the API requires authorization.
@Suite(.timeLimit(.minutes(10)))
struct StoreTrustTests {
    private func trust(
        gossip: String = "10.0.0.1:7946",
        api: String = "10.0.0.1:9000",
        authorities: String = "",
        isEncrypted: Bool = false
    ) -> StoreTrust {
        var configuration = DaemonConfiguration(hostName: "a", address: "10.0.0.1")
        (configuration.clusterAddress, configuration.grpcAddress) = (gossip, api)
        configuration.tlsServerClientCA = authorities
        return StoreTrust(configuration, isEncrypted: isEncrypted)
    }

    @Test func gossipIsTrustedIfItsMembersMayWriteAnyway() {
        #expect(trust() == .gossip)
        #expect(trust(authorities: "ca.pem", isEncrypted: true) == .gossip)
        #expect(trust(gossip: "127.0.0.1:7946", api: "127.0.0.1:9000") == .gossip)
        #expect(trust(authorities: "ca.pem") == .exchanges)
        #expect(trust(api: "127.0.0.1:9000") == .nobody)
        #expect(trust(api: "127.0.0.1:9000", isEncrypted: true) == .gossip)
    }

    @Test func untrustedGossipCarriesNoContents() throws {
        let stamp = StoreStamp(milliseconds: 1000)
        let entry = StoreEntry(StoreKey("b", "secret"), Array("secret".utf8), stamp: stamp, origin: "a")
        let run = StoreRun(origin: "a", previous: .zero, upTo: stamp, entries: [entry])
        let fresh = StoreMessage.fresh(run).encoded()
        let learnt = StoreMessage.learnt([entry]).encoded()
        let notice = StoreMessage.notice(holder: "a", VersionVector(["a": stamp])).encoded()
        #expect(StoreTrust.gossip.accepts(fresh) && StoreTrust.gossip.accepts(learnt))
        #expect(!StoreTrust.exchanges.accepts(fresh) && !StoreTrust.exchanges.accepts(learnt))
        #expect(StoreTrust.exchanges.accepts(notice) && !StoreTrust.nobody.accepts(notice))
        let allowed = try #require(StoreTrust.exchanges.outgoing(fresh, about: "x", from: "a"))
        #expect(allowed.message == notice)
        #expect(StoreTrust.exchanges.outgoing(learnt, about: "x", from: "a") == nil)
        #expect(StoreTrust.exchanges.outgoing(notice, about: "x", from: "a")?.message == notice)
        #expect(StoreTrust.nobody.outgoing(notice, about: "x", from: "a") == nil)
    }

    @Test func exchangesAloneConverge() async throws {
        try await FakeStoreNetwork.with(["a", "b", "c"], trust: .exchanges) { network, stores in
            for (name, store) in stores { try await store.write([StoreChange("x", name, [1])]) }
            try await eventually("all have all", within: .seconds(120), every: .milliseconds(50)) {
                stores.values.allSatisfy { $0.entries("x").count == 3 } ? true : nil
            }
            #expect(network.exchanges > 0)
        }
    }

    @Test func aNodeWithoutTrustedPeersStaysAlone() async throws {
        try await FakeStoreNetwork.with(["a", "b"], trust: .nobody) { network, stores in
            try await stores["a"]?.write([StoreChange("x", "k", [1])])
            #expect(stores["a"]?.hasSynced == true)
            #expect(network.exchanges == 0)
            #expect(stores["b"]?.entries("x") == [])
        }
    }
}
