import StellarCore

/// A picture of a `ProgressModel`: lines that fit a terminal.
struct ProgressFrame {
    /// A bar narrower than this shows nothing, a wider one nothing more.
    private static let barWidths = 10...30
    /// Characters of a digest that identify it; as many as docker shows.
    private static let digestLength = 12

    /// - Returns: at most `size.rows - 1` lines (the cursor needs one) of at most `size.columns - 1` characters (the last
    ///   column would wrap on some terminals).
    static func lines(_ model: ProgressModel, size: TerminalSize) -> [String] {
        let columns = max(1, size.columns - 1)
        let rows = max(1, size.rows - 1)
        let slots = model.slots.map { slotLine($0, model: model) }
        let layers = model.layers.map { layerLine($0, columns: columns) }
        return fit(layers: zip(model.layers, layers).map { ($0.isDone, $1) }, slots: slots, rows: rows)
            .map { String($0.prefix(columns)) }
    }

    /// Drops what says least when there is no room: layers that are done, then the last ones, and says how many.
    private static func fit(layers: [(done: Bool, line: String)], slots: [String], rows: Int) -> [String] {
        let all = layers.map(\.line) + slots
        guard all.count > rows else { return all }
        let busy = layers.filter { !$0.done }.map(\.line)
        let kept = busy + slots
        let room = rows - 1
        return Array(kept.suffix(max(0, room))) + ["… and \(all.count - min(room, kept.count)) more"]
    }

    private static func slotLine(_ slot: ProgressModel.Slot, model: ProgressModel) -> String {
        let width = model.slots.reduce(0) { max($0, $1.name.count) }
        let padding = String(repeating: " ", count: width - slot.name.count)
        let mark =
            switch slot.state {
            case "running": "✔"
            case "failed": "✘"
            default: "•"
            }
        let place = slot.node.isEmpty ? "" : "  on \(slot.node)"
        let message = slot.message.isEmpty ? "" : "  \(slot.message)"
        return "\(mark) \(slot.name)\(padding)  \(slot.state)\(place)\(message)"
    }

    private static func layerLine(_ layer: ProgressModel.Layer, columns: Int) -> String {
        let name = short(layer.name)
        let status = layer.status.padded(to: 11)  // "downloading", the longest
        guard layer.total > 0, !layer.isDone else { return "  \(name)  \(layer.status)" }
        let done = HumanSize.format(UInt64(min(layer.offset, layer.total)))
        let size = "\(done) / \(HumanSize.format(UInt64(layer.total)))"
        let room = columns - "  \(name)  \(status) []  \(size)".count
        guard room >= barWidths.lowerBound else { return "  \(name)  \(status)  \(size)" }
        let width = min(room, barWidths.upperBound)
        return "  \(name)  \(status) [\(bar(layer, width: width))]  \(size)"
    }

    /// `=====>    `, full when all bytes are there.
    private static func bar(_ layer: ProgressModel.Layer, width: Int) -> String {
        let fraction = Double(min(layer.offset, layer.total)) / Double(layer.total)
        let filled = Int(fraction * Double(width))
        guard filled < width else { return String(repeating: "=", count: width) }
        return String(repeating: "=", count: filled) + ">" + String(repeating: " ", count: width - filled - 1)
    }

    /// A digest by its first characters; other names as they are.
    private static func short(_ name: String) -> String {
        guard let colon = name.lastIndex(of: ":"), name.hasPrefix("sha") else { return name }
        return String(name[name.index(after: colon)...].prefix(digestLength))
    }
}

extension ProgressModel.Layer {
    var isDone: Bool { ["done", "exists", "downloaded"].contains(status) }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        count < width ? self + String(repeating: " ", count: width - count) : self
    }
}
