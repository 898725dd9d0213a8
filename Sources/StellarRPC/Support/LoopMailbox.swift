import NIOCore
import Synchronization

/// The receiver of a mailbox, on its event loop.
protocol LoopMailboxReceiver<Command>: AnyObject {
    associatedtype Command: Sendable
    func receive(_ commands: [Command])
}

/// A queue of commands for an event loop, from any thread. All commands between two wake-ups of the loop cost one wake-up.
final class LoopMailbox<Command: Sendable>: Sendable {
    private struct State {
        var pending: [Command] = []
        var isScheduled = false
    }

    let eventLoop: any EventLoop
    private let state = Mutex(State())
    private let receiver: NIOLoopBoundBox<(any LoopMailboxReceiver<Command>)?>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        receiver = .makeEmptyBox(valueType: (any LoopMailboxReceiver<Command>).self, eventLoop: eventLoop)
    }

    /// Sets or, with nil, removes the receiver. On the event loop. Commands without a receiver are dropped.
    func connect(_ receiver: (any LoopMailboxReceiver<Command>)?) {
        self.receiver.value = receiver
    }

    func send(_ command: Command) {
        let wakes = state.withLock { state in
            state.pending.append(command)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if wakes { eventLoop.execute { self.drain() } }
    }

    private func drain() {
        let commands = state.withLock { state in
            state.isScheduled = false
            let taken = state.pending
            state.pending = []
            return taken
        }
        receiver.value?.receive(commands)
    }
}
