/// Columns without borders, as the original prints them.
struct Table {
    /// No column but the last is narrower, and at least `gap` spaces part two cells.
    private static let customaryWidth = 20
    private static let gap = 3

    private let minimumWidth: Int
    private var rows: [[String]]

    init(_ header: String...) {
        self.init(header)
    }

    init(_ header: [String], minimumWidth: Int = customaryWidth) {
        rows = [header.map(\.singleLine)]
        self.minimumWidth = minimumWidth
    }

    mutating func add(_ cells: String...) {
        add(cells)
    }

    /// - Parameter cells: As many as the header has.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.singleLine))
    }

    /// Header and rows, each ended by a newline.
    var text: String {
        let columns = rows[0].indices
        let widths = columns.map { column in
            max(minimumWidth, rows.reduce(0) { max($0, $1[column].count) } + Self.gap)
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
