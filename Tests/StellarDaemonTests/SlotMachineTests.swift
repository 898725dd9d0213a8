import StellarCore
import StellarRPC
import Testing

@testable import StellarDaemon

/// Every state of a slot's machine with every event: the next state and the effects.
@Suite struct SlotMachineTests {
    @Test(arguments: SlotTable.states.map(\.name))
    func everyEventHasItsExpectedResult(_ name: String) throws {
        let lines = SlotTable.lines(of: name)
        let expected = SlotTable.expected.split(separator: "\n").filter { $0.hasPrefix("\(name) + ") }.map(String.init)
        #expect(lines == expected)
    }

    /// A slot that is removed and made again has a new machine, and timers outlive machines.
    @Test func aTimerOfAnEarlierMachineIsIgnored() throws {
        func backingOff(_ generation: Int) throws -> (machine: SlotMachine, timer: Int) {
            var machine = SlotMachine(id: SlotTable.id, generation: generation)
            let events = try #require(SlotTable.states.first { $0.name == "backingOff" }).events
            let effects = events.flatMap { $0(&machine) }
            for case .startTimer(let timer, _) in effects { return (machine, timer) }
            throw CancellationError()
        }
        let earlier = try backingOff(1)
        var (machine, timer) = try backingOff(2)
        #expect(machine.timerFired(earlier.timer, now: SlotTable.now).isEmpty)
        #expect(!machine.timerFired(timer, now: SlotTable.now).isEmpty)
    }

    @Test func theTableHasEveryState() {
        let names = Set(SlotTable.expected.split(separator: "\n").map { $0.prefix(while: { $0 != "+" }).dropLast() })
        #expect(names == Set(SlotTable.states.map { Substring($0.name) }))
    }
}
