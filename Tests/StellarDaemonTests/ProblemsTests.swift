import Synchronization
import Testing

@testable import StellarDaemon

@Suite struct ProblemsTests {
    @Test func everyRegisteredPartReportsEachTimeAndByArea() async {
        let store = Mutex<[String]>([])
        let problems = Problems()
        problems.register(.node) { ["gossip: no peer"] }
        problems.register(.containers) { store.withLock { $0 } }
        #expect(await problems.current() == ["gossip: no peer"])
        #expect(await problems.current(.containers).isEmpty)
        store.withLock { $0 = ["the disk is full"] }
        #expect(await problems.current() == ["gossip: no peer", "the disk is full"])
        #expect(await problems.current(.containers) == ["the disk is full"])
    }

    @Test func resourcesAreClosedOnceAndTheLastOpenedFirst() async {
        let closed = Mutex<[String]>([])
        let resources = OpenResources()
        for name in ["database", "runtime", "clients"] { resources.add { closed.withLock { $0.append(name) } } }
        await resources.close()
        await resources.close()
        #expect(closed.withLock { $0 } == ["clients", "runtime", "database"])
    }
}
