import StellarCore

/// Where a create or a pull stands: events in, lines of text or a picture of the whole out. Pure; draws nothing.
struct ProgressModel {
    struct Slot: Equatable {
        let name: String
        var node = ""
        var state = ""
        var message = ""
    }

    struct Layer: Equatable {
        let name: String
        var status = ""
        var offset: Int64 = 0
        var total: Int64 = 0
    }

    /// Beyond these, further ones are not drawn: a daemon gone mad must not fill the client's memory. An app has fewer
    /// slots and an image fewer layers (127, a limit of overlayfs).
    static let limit = 4096

    /// In the order of their first event.
    private(set) var slots: [Slot] = []
    private(set) var layers: [Layer] = []
    /// Those that do not run: the reason is in the slot, the last lines of output here.
    private(set) var logs: [(slot: String, lines: [String])] = []

    private var slotIndex: [String: Int] = [:]
    private var layerIndex: [String: Int] = [:]

    var failed: [Slot] { slots.filter { $0.state == "failed" } }

    /// Takes an event in.
    ///
    /// - Returns: what is new about it, for where there is no terminal: a line per change of state, none per byte.
    mutating func apply(_ event: ProgressEvent) -> [String] {
        var lines: [String] = []
        if !event.layer.isEmpty, let line = applyLayer(event) { lines.append(line) }
        if !event.slot.isEmpty, let line = applySlot(event) { lines.append(line) }
        if !event.log.isEmpty {
            logs.append((event.slot, event.log))
            lines += event.log.map { Self.logLine(event.slot, $0) }
        }
        if event.slot.isEmpty, event.layer.isEmpty, !event.message.isEmpty { lines.append(event.message) }
        return lines
    }

    static func logLine(_ slot: String, _ line: String) -> String { "\(slot) | \(line)" }

    private mutating func applyLayer(_ event: ProgressEvent) -> String? {
        var layer = Layer(name: event.layer)
        if let index = layerIndex[event.layer] { layer = layers[index] }
        let news = !event.layerStatus.isEmpty && layer.status != event.layerStatus
        if !event.layerStatus.isEmpty { layer.status = event.layerStatus }
        layer.offset = max(0, event.offset)
        layer.total = max(layer.total, event.total)
        if let index = layerIndex[event.layer] {
            layers[index] = layer
        } else {
            guard layers.count < Self.limit else { return nil }
            layerIndex[event.layer] = layers.count
            layers.append(layer)
        }
        guard news else { return nil }
        let size = layer.total > 0 ? " (\(HumanSize.format(UInt64(layer.total))))" : ""
        return "\(layer.name): \(layer.status)\(size)"
    }

    private mutating func applySlot(_ event: ProgressEvent) -> String? {
        var slot = Slot(name: event.slot)
        if let index = slotIndex[event.slot] { slot = slots[index] }
        let before = slot
        if !event.node.isEmpty { slot.node = event.node }
        if !event.state.isEmpty {
            slot.state = event.state
            slot.message = event.message
        }
        if let index = slotIndex[event.slot] {
            slots[index] = slot
        } else {
            guard slots.count < Self.limit else { return nil }
            slotIndex[event.slot] = slots.count
            slots.append(slot)
        }
        guard before.state != slot.state || before.message != slot.message else { return nil }
        let place = slot.node.isEmpty ? "" : " on \(slot.node)"
        let message = slot.message.isEmpty ? "" : ": \(slot.message)"
        return "\(slot.name): \(slot.state)\(place)\(message)"
    }
}
