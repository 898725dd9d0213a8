import StellarCore
import StellarRPC
import StellarStorage
import StellarStore
import StellarTestKit
import Testing

@testable import StellarDaemon

@Suite(.timeLimit(.minutes(10)))
struct BooksTests {
    private func with(_ body: (Database) async throws -> Void) async throws {
        try await TemporaryDirectory.with { path in
            let database = try await Database.open(path: path + "/test.db")
            try await body(database)
            await database.close()
        }
    }

    private func book(
        _ database: Database,
        _ subnet: String? = "172.16.0.0/22",
        node: String = "n"
    ) async throws -> AddressBook {
        let book = AddressBook(store: try await ReplicatedStore.alone(database, node: node), database: database)
        try await book.load()
        if let subnet { try await book.use(try IPv4Subnet.parse(subnet)) }
        return book
    }

    @Test func addressesSurviveAndStayWithTheirContainers() async throws {
        try await with { database in
            let first = try await book(database, node: "a.b")
            let given = try await first.allocate(["x.y.0", "b.x.y.0"], node: "a.b")
            // Node "a" with id "b.x.y.0" is not node "a.b" with id "x.y.0".
            let other = try await book(database, "172.16.4.0/22", node: "a")
            _ = try await other.allocate(["b.x.y.0"], node: "a")

            // Also before it has a subnet again.
            let second = try await book(database, nil, node: "a.b")
            #expect(await second.address(of: "x.y.0", node: "a.b") == given["x.y.0"])
            #expect(try await second.use(try IPv4Subnet.parse("172.16.0.0/22")) == false)
            #expect(await second.address(of: "x.y.0", node: "a.b") == given["x.y.0"])
            #expect(try await second.allocate(["x.y.0"], node: "a.b") == ["x.y.0": IPv4Address(172, 16, 0, 2)])
            try await second.release("x.y.0", node: "a.b")
            try await second.release("x.y.0", node: "a.b")
            #expect(await second.address(of: "x.y.0", node: "a.b") == nil)
            let third = try await book(database, "172.16.4.0/22", node: "a")
            #expect(await third.address(of: "b.x.y.0", node: "a")?.description == "172.16.4.2")
        }
    }

    @Test func existingAddressesAreKept() async throws {
        for subnet in ["172.16.0.0/22", nil] {
            try await with { database in
                let first = try await book(database, subnet)
                try await first.keep(IPv4Address(172, 16, 0, 7), of: "a", node: "n")
                // Another container has the address, it is another node's, or the container has one.
                try await first.keep(IPv4Address(172, 16, 0, 7), of: "b", node: "n")
                try await first.keep(IPv4Address(172, 16, 0, 8), of: "c", node: "other")
                try await first.keep(IPv4Address(172, 16, 0, 9), of: "a", node: "n")
                #expect(await first.ids(node: "n") == ["a"])
                let second = try await book(database)
                #expect(await second.address(of: "a", node: "n") == IPv4Address(172, 16, 0, 7))
                try await second.keep(IPv4Address(10, 0, 0, 1), of: "d", node: "n")
                #expect(await second.ids(node: "n") == ["a"])
            }
        }
    }

    @Test func aSubnetChangeReplacesAddressesForGood() async throws {
        try await with { database in
            let first = try await book(database)
            _ = try await first.allocate(["a", "b"], node: "n")
            #expect(try await first.use(try IPv4Subnet.parse("172.16.4.0/22")))
            #expect(await first.ids(node: "n").isEmpty)
            #expect(try await first.allocate(["b"], node: "n") == ["b": IPv4Address(172, 16, 4, 2)])
            let second = try await book(database, nil)
            #expect(await second.ids(node: "n") == ["b"])
        }
    }

    @Test func concurrentRequestsGetDifferentAddresses() async throws {
        try await with { database in
            let book = try await book(database)
            let addresses = try await withThrowingTaskGroup(of: [String: IPv4Address].self) { group in
                for number in 0..<50 { group.addTask { try await book.allocate(["c\(number)"], node: "n") } }
                return try await group.reduce(into: Set<IPv4Address>()) { $0.formUnion($1.values) }
            }
            #expect(addresses.count == 50)
        }
    }

    @Test func exhaustionAndUnknownNodesHaveTheirCodes() async throws {
        try await with { database in
            let book = try await book(database, "10.0.0.0/29")
            let full = await #expect(throws: AddressError.self) {
                try await book.allocate((0..<9).map { "c\($0)" }, node: "n")
            }
            #expect(full?.code == .resourceExhausted)
            #expect(await book.ids(node: "n").isEmpty)
            let unknown = await #expect(throws: AddressError.self) { try await book.allocate(["c"], node: "other") }
            #expect(unknown?.code == .failedPrecondition)
            let early = try await self.book(database, nil)
            let none = await #expect(throws: AddressError.self) { try await early.allocate(["c"], node: "n") }
            #expect(none?.code == .unavailable)
            await early.beforeAllocating { throw AddressError(.unavailable, "in dispute") }
            let disputed = await #expect(throws: AddressError.self) { try await early.allocate(["c"], node: "n") }
            #expect(disputed?.message == "in dispute")
            // A container without an address does not wait for one.
            #expect(try await early.allocate([], node: "n").isEmpty)
        }
    }

    @Test func recordsOfPeopleAreStoredAndTakePrecedence() async throws {
        try await with { database in
            let options = Record.SRVOptions(service: "web", protocol: "tcp", port: 80)
            let made = [
                Record(type: .srv, name: "x.example", value: "y.example", options: options),
                Record(type: .a, name: "x.example", value: "10.0.0.1"),
            ]
            let store = try await ReplicatedStore.alone(database, node: "n")
            let first = RecordBook(store: store)
            try await first.replace("X.Example", with: made)
            let second = RecordBook(store: try await ReplicatedStore.alone(database, node: "n"))
            #expect(second.load().isEmpty)
            #expect(second.lookup("x.EXAMPLE") == made)
            try await second.remove(.srv, name: "x.example")
            #expect(second.lookup("x.example") == [made[1]])
            try await second.remove(nil, name: "x.example")
            try await second.remove(nil, name: "never.there")
            #expect(second.all().isEmpty)

            let id = ContainerID(app: "a", service: "s", replica: 0)
            second.publish(id, [Record(type: .a, name: id.dnsName, value: "172.16.0.2")])
            #expect(second.all().map(\.name) == ["a.s.0.stellar", "a.s.stellar"])
            let error = await #expect(throws: NameserverError.self) {
                try await second.remove(nil, name: "a.s.stellar")
            }
            #expect(error?.code == .failedPrecondition)
        }
    }

    @Test func slotFactKeepsItsStoredFormAndAnUnknownState() throws {
        let text = #"{"endpoints":[],"pid":0,"reason":"","restarts":0,"startedAt":0,"state":"running"}"#
        let fact = SlotFact(SlotStatus(state: .running), endpoints: [])
        #expect(String(decoding: fact.encoded, as: UTF8.self) == text)
        #expect(SlotFact(Array(text.utf8)) == fact)
        let later = Array(text.replacing("running", with: "hibernating").utf8)
        let unknown = try #require(SlotFact(later))
        #expect(unknown.state == .unknown("hibernating") && unknown.words == "hibernating")
        #expect(unknown.encoded == later)
    }
}
