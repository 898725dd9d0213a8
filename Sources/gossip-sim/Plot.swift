/// A plot of lines over the number of nodes, on a logarithmic axis: a small SVG for light and dark pages.
struct Plot {
    struct Line {
        var name: String
        var points: [(Int, Double)]
        /// Whether it is computed and not measured: drawn dashed.
        var isFormula = false
    }

    var title: String
    var lines: [Line]

    private static let (width, height) = (720.0, 420.0)
    private static let (left, right, top, bottom) = (56.0, 16.0, 40.0, 104.0)
    /// Distinguishable for colour-blind readers, too.
    private static let colours = ["#0072b2", "#d55e00", "#009e73", "#8a6d00"]

    var svg: String {
        let sizes = lines.flatMap { $0.points.map(\.0) }
        let doublings = (sizes.min() ?? 1, sizes.max() ?? 2)
        let highest = Self.rounded(lines.flatMap { $0.points.map(\.1) }.max() ?? 1)
        func x(_ size: Int) -> Double {
            let share = (Self.log2(size) - Self.log2(doublings.0)) / (Self.log2(doublings.1) - Self.log2(doublings.0))
            return Self.left + share * (Self.width - Self.left - Self.right)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - value / highest * (Self.height - Self.top - Self.bottom)
        }
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="#ffffff"/>
            <text x="\(Int(Self.left))" y="24" font-size="15">\(title)</text>

            """
        for step in 0...5 {
            let value = highest * Double(step) / 5
            text +=
                "<path d=\"M\(Self.number(Self.left)) \(Self.number(y(value)))H\(Self.number(Self.width - Self.right))\" stroke=\"#dddddd\"/>\n"
            text +=
                "<text x=\"\(Self.number(Self.left - 6))\" y=\"\(Self.number(y(value) + 4))\" text-anchor=\"end\">\(Self.number(value)) s</text>\n"
        }
        var size = 4
        while size <= doublings.1 {
            text +=
                "<text x=\"\(Self.number(x(size)))\" y=\"\(Self.number(Self.height - Self.bottom + 18))\" text-anchor=\"middle\">\(size)</text>\n"
            size *= 2
        }
        text +=
            "<text x=\"\(Self.number(Self.width - Self.right))\" y=\"\(Self.number(Self.height - Self.bottom + 34))\" text-anchor=\"end\">nodes</text>\n"
        for (index, line) in lines.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let dashes = line.isFormula ? " stroke-dasharray=\"6 4\"" : ""
            let path = line.points.map { "\(Self.number(x($0.0))) \(Self.number(y($0.1)))" }.joined(separator: "L")
            let legend = Self.height - Self.bottom + 36 + 18 * Double(index)
            text += "<path d=\"M\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"\(dashes)/>\n"
            text +=
                "<path d=\"M\(Self.number(Self.left)) \(Self.number(legend - 4))h24\" stroke=\"\(colour)\" stroke-width=\"2\"\(dashes)/>\n"
            text += "<text x=\"\(Self.number(Self.left + 30))\" y=\"\(Self.number(legend))\">\(line.name)</text>\n"
        }
        return text + "</svg>\n"
    }

    /// With one decimal.
    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }

    /// The next round number from the value on.
    private static func rounded(_ value: Double) -> Double {
        var power = 0.1
        while true {
            for factor in [1.0, 1.5, 2, 3, 4, 5, 6, 8] where power * factor >= value { return power * factor }
            power *= 10
        }
    }

    /// Exact enough for a plot, and the same on every machine: the exponent, and linear between two powers.
    private static func log2(_ size: Int) -> Double {
        let exponent = Int.bitWidth - 1 - size.leadingZeroBitCount
        let power = Double(1 << exponent)
        return Double(exponent) + (Double(size) - power) / power
    }
}
