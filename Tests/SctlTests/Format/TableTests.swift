import Testing

@testable import sctl

@Suite("Tables")
struct TableTests {
    @Test("Columns are 20 wide or three wider than their longest cell; the last has no padding")
    func widths() {
        var table = Table("NAME", "VALUE", "LAST")
        table.add("short", "12345678901234567890", "x")
        #expect(
            table.text == """
                NAME                VALUE                  LAST
                short               12345678901234567890   x

                """
        )
    }

    @Test("An empty last cell leaves the padding before it")
    func emptyLast() {
        var table = Table("A", "B")
        table.add("x", "")
        #expect(table.text == "A                   B\nx                   \n")
    }

    @Test("A cell cannot break out of its row")
    func control() {
        var table = Table("A", "B")
        table.add("x\n\u{1B}[2Jy", "z")
        #expect(table.text.split(separator: "\n").count == 2)
        #expect(!table.text.contains("\u{1B}"))
    }
}
