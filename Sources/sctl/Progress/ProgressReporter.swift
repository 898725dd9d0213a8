import Synchronization

/// Shows progress as it comes: a display that is redrawn in place on a terminal, plain lines elsewhere. All of it goes to
/// stderr: stdout is for results.
final class ProgressReporter: Sendable {
    /// How the user wants it (`--progress`).
    enum Mode: String, CaseIterable {
        case auto
        case plain
        case none
    }

    /// Redrawing more often than this cannot be seen and slows a terminal down.
    private static let interval = Duration.milliseconds(80)

    private struct State {
        var model = ProgressModel()
        var painter = TerminalPainter()
        var dirty = false
        var started = false
    }

    private enum Form {
        case terminal
        case plain
        case none
    }

    private let console: Console
    private let form: Form
    private let state = Mutex(State())

    init(console: Console, mode: Mode) {
        self.console = console
        form =
            switch mode {
            case .none: .none
            case .plain: .plain
            case .auto: console.terminalSize() == nil ? .plain : .terminal
            }
    }

    /// What was reported so far.
    var model: ProgressModel { state.withLock { $0.model } }

    /// Takes an event; plain lines are written at once.
    func report(_ event: ProgressEvent) {
        let lines = state.withLock { state in
            state.dirty = true
            return state.model.apply(event)
        }
        if form == .plain { for line in lines { console.note(line) } }
    }

    /// Runs the work and keeps the display up to date until it ends.
    ///
    /// - Parameter outlivesUs: whether the daemon goes on with it when sctl is stopped.
    func run<Result: Sendable>(
        outlivesUs: Bool,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        Interruption.watch(hidesCursor: form == .terminal, outlivesUs: outlivesUs)
        defer { Interruption.unwatch() }
        guard form == .terminal else { return try await work() }
        console.writeError(TerminalPainter.hideCursor)
        defer {
            draw()
            console.writeError(TerminalPainter.showCursor)
        }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                while !Task.isCancelled {
                    self.draw()
                    try? await Task.sleep(for: Self.interval)
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private func draw() {
        guard let size = console.terminalSize() else { return }
        let text: String? = state.withLock { state in
            guard state.dirty else { return nil }
            state.dirty = false
            return state.painter.paint(ProgressFrame.lines(state.model, size: size))
        }
        if let text { console.writeError(text) }
    }

    /// After a terminal display: what plain lines would have said already, the output of what does not run.
    func printLogs() {
        guard form != .plain else { return }
        for (slot, lines) in model.logs {
            for line in lines { console.note(ProgressModel.logLine(slot, line)) }
        }
    }
}
