/// Events sorted by time, and events of one moment in the order of insertion, so that a run depends on its seed alone.
package struct EventHeap<Event> {
    private struct Entry {
        var time: Int64
        var number: UInt64
        var event: Event

        func isBefore(_ other: Entry) -> Bool { (time, number) < (other.time, other.number) }
    }

    private var entries: [Entry] = []
    private var number: UInt64 = 0

    package init() {}

    package var nextTime: Int64? { entries.first?.time }
    package var count: Int { entries.count }

    package mutating func insert(_ event: Event, at time: Int64) {
        entries.append(Entry(time: time, number: number, event: event))
        number += 1
        var index = entries.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].isBefore(entries[parent]) else { return }
            entries.swapAt(index, parent)
            index = parent
        }
    }

    package mutating func popFirst() -> (time: Int64, event: Event)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (first.time, first.event)
    }

    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
                if entries[child].isBefore(entries[least]) { least = child }
            }
            guard least != index else { return }
            entries.swapAt(index, least)
            index = least
        }
    }
}
