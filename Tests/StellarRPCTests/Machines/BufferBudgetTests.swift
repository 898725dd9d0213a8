import StellarRPC
import Testing

@Suite struct BufferBudgetTests {
    @Test func theLargestHolderIsDropped() {
        var budget = BufferBudget<String>(limit: 100)
        #expect(budget.report("a", 40) == nil)
        #expect(budget.report("b", 50) == nil)
        // Not the holder that reported more.
        #expect(budget.report("c", 20) == "b")
        #expect(budget.total == 60)
        // Its bytes do not count, so no other holder is dropped for them.
        #expect(budget.report("c", 25) == nil)
        budget.remove("b")
        #expect(budget.total == 65)
    }

    @Test func reportsReplace() {
        var budget = BufferBudget<Int>(limit: 100)
        #expect(budget.report(1, 90) == nil)
        #expect(budget.report(1, 95) == nil)
        #expect(budget.report(1, 10) == nil)
        #expect(budget.report(2, 80) == nil)
        #expect(budget.total == 90)
        #expect(budget.report(2, 0) == nil)
        budget.remove(1)
        #expect(budget.total == 0)
    }

    @Test func oneAlone() {
        var budget = BufferBudget<Int>(limit: 100)
        #expect(budget.report(1, 101) == 1)
        // It reports that it holds less.
        #expect(budget.report(1, 60) == nil)
        #expect(budget.total == 60)
    }

    @Test func sameSizesInOrder() {
        var budget = BufferBudget<Int>(limit: 100)
        for holder in 1...10 { #expect(budget.report(holder, 10) == nil) }
        #expect(budget.report(11, 10) == 11)
        #expect(budget.report(12, 5) == 10)
    }
}
