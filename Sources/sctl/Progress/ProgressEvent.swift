import StellarAPI

/// One step of a create or of a pull, as the daemon reports it.
struct ProgressEvent: Equatable, Sendable {
    /// The container, or empty.
    var slot = ""
    var node = ""
    var state = ""
    /// The layer or, in a pull, also the image.
    var layer = ""
    var layerStatus = ""
    /// Bytes.
    var offset: Int64 = 0
    var total: Int64 = 0
    var message = ""
    var log: [String] = []
}

extension ProgressEvent {
    init(_ progress: ApplicationCreateProgress) {
        slot = progress.slot.singleLine
        node = progress.node.singleLine
        state = progress.state.singleLine
        layer = progress.layer.singleLine
        layerStatus = progress.layerStatus.singleLine
        offset = progress.offset
        total = progress.total
        message = progress.message.singleLine
        log = progress.log.map(\.singleLine)
    }

    init(_ progress: RuntimePullProgress) {
        layer = progress.ref.singleLine
        layerStatus = progress.status.singleLine
        offset = progress.offset
        total = progress.total
    }
}
