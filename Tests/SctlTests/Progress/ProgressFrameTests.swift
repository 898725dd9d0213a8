import Testing

@testable import sctl

@Suite("Progress as drawn frames")
struct ProgressFrameTests {
    private static let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

    private func model() -> ProgressModel {
        var model = ProgressModel()
        _ = model.apply(
            ProgressEvent(
                slot: "example.redis.0",
                node: "ctr-00",
                state: "pulling",
                layer: Self.digest,
                layerStatus: "downloading",
                offset: 5_000_000,
                total: 10_000_000
            )
        )
        _ = model.apply(ProgressEvent(layer: "sha256:ffffffffffffffff", layerStatus: "exists", total: 3))
        _ = model.apply(ProgressEvent(slot: "example.web.0", state: "running"))
        return model
    }

    @Test("A bar per layer, a line per slot")
    func wide() {
        #expect(
            ProgressFrame.lines(model(), size: TerminalSize(columns: 100, rows: 24)) == [
                "  0123456789ab  downloading [===============>              ]  5.0 MB / 10 MB",
                "  ffffffffffff  exists",
                "• example.redis.0  pulling  on ctr-00",
                "✔ example.web.0    running",
            ]
        )
    }

    @Test("A narrow terminal gets shorter bars, then none, and no line wraps", arguments: 1...100)
    func narrow(_ columns: Int) {
        for line in ProgressFrame.lines(model(), size: TerminalSize(columns: columns, rows: 24)) {
            #expect(line.count <= max(1, columns - 1))
        }
    }

    @Test("A low terminal drops finished rows and shows their number", arguments: 2...12)
    func low(_ rows: Int) {
        var model = model()
        for number in 0..<20 {
            _ = model.apply(ProgressEvent(layer: "l\(number)", layerStatus: number < 10 ? "done" : "waiting"))
        }
        let lines = ProgressFrame.lines(model, size: TerminalSize(columns: 80, rows: rows))
        #expect(lines.count <= rows - 1)
        #expect(lines.last?.hasSuffix("more") == true)
        #expect(!lines.contains { $0.contains("done") })
    }

    @Test(
        "Invalid sizes do not crash it",
        arguments: [(Int64(9), Int64(3)), (-5, 10), (5, 0), (5, -1), (.max, .max)]
    )
    func nonsense(_ offset: Int64, _ total: Int64) {
        var model = ProgressModel()
        _ = model.apply(ProgressEvent(layer: "l", layerStatus: "downloading", offset: offset, total: total))
        #expect(ProgressFrame.lines(model, size: TerminalSize(columns: 80, rows: 5)).count == 1)
    }

    @Test("A frame overwrites the previous one, also a longer one")
    func painter() {
        var painter = TerminalPainter()
        #expect(painter.paint(["a", "b"]) == "\ra\u{1B}[K\n\rb\u{1B}[K\n\r\u{1B}[J")
        #expect(painter.paint(["c"]) == "\u{1B}[2A\rc\u{1B}[K\n\r\u{1B}[J")
        #expect(painter.paint(["d"]) == "\u{1B}[1A\rd\u{1B}[K\n\r\u{1B}[J")
    }
}
