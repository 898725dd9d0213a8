import FoundationEssentials
import Logging
import StellarCore
import StellarRuntime
import StellarTestKit
import SwiftProtobuf

/// A containerd with a busybox image, and a runtime that uses it.
struct Workshop {
    let containerd: TestContainerd
    let runtime: ContainerRuntime
    let image = "localhost/test/busybox:latest"
    let folder: String

    /// - Parameters:
    ///   - containerdWithout: plugins that containerd does not load.
    ///   - containerdConfiguration: additional lines of its configuration.
    ///   - wrapper: the command that starts containerd.
    ///   - host: the node's facts for the runtime; nil for those of this node.
    static func with<R>(
        configure: (inout ImageBuilder) -> Void = { _ in },
        containerdWithout: [String] = [],
        containerdConfiguration: String = "",
        wrapper: [String] = [],
        host: HostFacts? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Workshop) async throws -> R
    ) async throws -> R {
        try await TestContainerd.with(
            disabling: containerdWithout,
            configuration: containerdConfiguration,
            wrapper: wrapper
        ) { containerd in
            try await TemporaryDirectory.with { folder in
                let runtime = ContainerRuntime(
                    address: containerd.address,
                    namespace: containerd.namespace,
                    host: host ?? .current(),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                let workshop = Workshop(containerd: containerd, runtime: runtime, folder: folder)
                var builder = try await ImageBuilder.busybox()
                configure(&builder)
                try FileManager.default.createDirectory(atPath: "\(folder)/image", withIntermediateDirectories: true)
                let built = try await builder.build(in: "\(folder)/image")
                try await built.writeArchive("\(folder)/image.tar")
                try await containerd.ctr(
                    "images",
                    "import",
                    "--index-name",
                    workshop.image,
                    "\(folder)/image.tar"
                )
                do {
                    let value = try await body(workshop)
                    await runtime.close()
                    return value
                } catch {
                    await runtime.close()
                    throw error
                }
            }
        }
    }

    /// A container that runs a shell script.
    func specification(
        _ id: String,
        _ script: String,
        _ change: (inout Service) -> Void = { _ in }
    ) -> ContainerSpecification {
        var service = Service(name: "web", image: image)
        service.process.args = ["/bin/sh", "-c", script]
        change(&service)
        return ContainerSpecification(
            id: id,
            image: image,
            service: service,
            labels: ["stellar.io/application": "demo"],
            extensions: [
                "stellar.io/extensions/Service": .init(
                    typeURL: "stellar.services.runtime.v1.Service",
                    value: [10, 1, 97]
                )
            ]
        )
    }

    /// Whether this containerd has a runtime; without them, those from before 2.0 are replaced.
    func isLoaded(_ runtimeName: String) async throws -> Bool {
        switch runtimeName {
        case "io.containerd.runtime.v1.linux":
            let plugins = try await containerd.ctr("plugins", "ls").split(separator: "\n")
            return plugins.contains { $0.contains("io.containerd.runtime.v1") && $0.contains(" ok ") }
        case "io.containerd.runc.v1":
            return try await (runtime.version().major ?? 1) < 2
        default:
            return true
        }
    }

    /// Deletes only a container's record, also if the container runs.
    func deleteRecord(_ id: String) async throws {
        var request = ContainerdContainersDeleteContainerRequest()
        request.id = id
        let _: Google_Protobuf_Empty = try await runtime.call(ContainersMethod.delete, request, naming: id)
    }

    func log(_ id: String) -> String { "\(folder)/logs/\(id)/log" }

    func output(_ id: String) -> String {
        FileManager.default.contents(atPath: log(id)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Runs a script to its end and returns its status and output.
    func run(
        _ id: String,
        _ script: String,
        _ change: (inout Service) -> Void = { _ in }
    ) async throws -> (code: UInt32?, output: String) {
        try await runtime.create(specification(id, script, change))
        try await runtime.start(id, log: log(id))
        let status = try await runtime.wait(id, timeout: .seconds(300))
        // The shim copies the rest of the pipe before it ends the task.
        let deleted = try await runtime.stop(id, grace: .seconds(120))
        let result = (status?.code ?? deleted?.code, output(id))
        try await runtime.delete(id)
        return result
    }
}
