import StellarCore
import StellarRPC
import Testing

@testable import StellarDaemon

/// Every state of a slot's machine with every event: what it becomes and what it wants done.
@Suite struct SlotMachineTests {
    @Test(arguments: SlotTable.states.map(\.name))
    func everyEventInThisState(_ name: String) throws {
        let lines = SlotTable.lines(of: name)
        let expected = SlotTable.expected.split(separator: "\n").filter { $0.hasPrefix("\(name) + ") }.map(String.init)
        #expect(lines == expected)
    }

    @Test func theTableHasEveryState() {
        let names = Set(SlotTable.expected.split(separator: "\n").map { $0.prefix(while: { $0 != "+" }).dropLast() })
        #expect(names == Set(SlotTable.states.map { Substring($0.name) }))
    }
}
