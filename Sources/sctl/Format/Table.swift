/// Columns without borders, as the original prints them.
struct Table {
    /// No column but the last is narrower, and at least `gap` spaces part two cells.
    private static let minimumWidth = 20
    private static let gap = 3

    private var rows: [[String]]

    init(_ header: String...) {
        rows = [header]
    }

    mutating func add(_ cells: String...) {
        rows.append(cells.map(\.singleLine))
    }

    /// Header and rows, each ended by a newline.
    var text: String {
        let columns = rows[0].indices
        let widths = columns.map { column in
            max(Self.minimumWidth, rows.reduce(0) { max($0, $1[column].count) } + Self.gap)
        }
        var out = ""
        for row in rows {
            for (cell, width) in zip(row.dropLast(), widths) {
                out += cell
                out += String(repeating: " ", count: width - cell.count)
            }
            out += row.last ?? ""
            out += "\n"
        }
        return out
    }
}
