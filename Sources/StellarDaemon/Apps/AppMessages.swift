import FoundationEssentials
import StellarAPI
import StellarCore
import StellarStore

// Between what the apps' parts say and what goes over the wire.

extension SlotProgress {
    /// - Parameter own: This node, where the line names no other.
    func message(own: String) -> ApplicationCreateProgress {
        var message = ApplicationCreateProgress()
        message.slot = id.description
        message.node = node.isEmpty ? own : node
        message.state = state.rawValue
        message.message = self.message
        message.log = log
        if let pull {
            message.layer = pull.layer
            message.layerStatus = pull.status.rawValue
            message.offset = pull.offset
            message.total = pull.total
        }
        return message
    }

    /// nil for what is no slot's, or of a later version.
    init?(_ message: ApplicationCreateProgress) {
        guard let id = ContainerID(message.slot), let state = SlotState(rawValue: message.state) else { return nil }
        self.init(id: id, node: message.node, state: state, message: message.message, log: message.log)
        guard !message.layerStatus.isEmpty else { return }
        pull = PullStep(
            layer: message.layer,
            status: Reported(rawValue: message.layerStatus),
            offset: message.offset,
            total: message.total
        )
    }
}

extension PeerAppRecord {
    init(_ entry: StoreEntry) {
        self.init()
        (bucket, key) = (entry.key.bucket, entry.key.key)
        if let bytes = entry.value { value = Data(bytes) }
        (stamp, origin) = (entry.stamp.rawValue, entry.origin)
    }

    var entry: StoreEntry {
        StoreEntry(
            StoreKey(bucket, key),
            hasValue ? Array(value) : nil,
            stamp: StoreStamp(rawValue: stamp),
            origin: origin
        )
    }
}

extension AppOutcome {
    func message(_ name: String) -> PeerAppOutcome {
        var message = PeerAppOutcome()
        message.failures = failures.map { failure in
            var item = PeerAppFailure()
            item.slot = failure.id.description
            item.code = Int32(clamping: failure.code.rawValue)
            item.reason = failure.reason
            item.log = failure.log
            item.hasRun_p = failure.hasRun
            return item
        }
        if let superseded {
            message.superseded.bucket = StoreBucket.apps
            message.superseded.key = name
            message.superseded.stamp = superseded.stamp.rawValue
            message.superseded.origin = superseded.origin
        }
        message.facts = facts.map { PeerAppRecord($0) }
        return message
    }

    init(_ message: PeerAppOutcome) {
        failures = message.failures.compactMap { item in
            ContainerID(item.slot).map { id in
                SlotFailure(
                    id: id,
                    code: ErrorCode(rawValue: Int(item.code)) ?? .unknown,
                    reason: item.reason,
                    log: item.log,
                    hasRun: item.hasRun_p
                )
            }
        }
        if message.hasSuperseded { superseded = AppVersion(message.superseded.entry) }
        facts = message.facts.map(\.entry)
    }
}
