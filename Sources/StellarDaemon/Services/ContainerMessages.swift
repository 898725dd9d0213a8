import StellarAPI
import StellarRuntime
import SwiftProtobuf

extension RuntimeContainer {
    /// A container as the API shows it (contract 2).
    init(_ info: ContainerInfo) {
        self.init()
        id = info.id
        image = info.image
        labels = info.labels
        spec = Google_Protobuf_Any(info.specification)
        snapshotter = info.snapshotter
        runtime = info.runtime
        extensions = info.extensions.mapValues(Google_Protobuf_Any.init)
        // Always there; pid 0 is "no task".
        var message = RuntimeContainer.Task()
        if let task = info.task {
            message.pid = task.pid
            message.status = "\(task.status)"
            message.exitStatus = task.exit?.code ?? 0
        }
        task = message
    }
}

extension Google_Protobuf_Any {
    fileprivate init(_ document: ContainerInfo.Document) {
        self.init()
        typeURL = document.typeURL
        value.append(contentsOf: document.value)
    }
}

extension RuntimeImage {
    init(_ info: ImageInfo) {
        self.init()
        id = info.name
        digest = info.digest
        size = info.size
        if let created = info.created { createdAt = Google_Protobuf_Timestamp(date: created) }
    }
}
