import FoundationEssentials
import StellarTestKit

extension StellarHost {
    /// What a daemon that did not start left.
    struct Refusal {
        var status: Int32
        var message: String
    }

    /// Runs a daemon that must end by itself, beside the one of this host.
    ///
    /// - Parameters:
    ///   - flags: Win over those of ``start()``.
    ///   - wrapper: A program that runs the daemon, with its arguments.
    func refusal(_ flags: [String], in wrapper: [String] = []) async throws -> Refusal {
        let log = "\(directory)/refusal.log"
        try TemporaryDirectory.write([], to: log)
        let command = wrapper + [BuiltProduct.path("stellar")] + arguments + flags
        let process = try BackgroundProcess(command[0], Array(command.dropFirst()), log: log)
        let status = try await eventually("the daemon ends", within: Self.startLimit) { process.status }
        _ = try await ChildProcess.run("ip", ["link", "delete", otherBridge])
        return Refusal(status: status, message: String(decoding: try Self.bytes(of: log), as: UTF8.self))
    }

    private var otherBridge: String { "\(bridge)x" }

    /// The flags of a second daemon on this host that shares nothing with the first.
    func otherDaemon() throws -> [String] {
        [
            "--agent-port", "\(try LoopbackPort.free())", "--data-dir", "\(directory)/other-data",
            "--state-dir", "\(directory)/other-state", "--bridge", otherBridge, "--namespace", "other",
            "--subnet", subnet.replacing(".0.0/16", with: ".128.0/17"),
        ]
    }

    static func bytes(of path: String) throws -> [UInt8] {
        guard let content = FileManager.default.contents(atPath: path) else {
            throw CocoaError(.fileReadNoSuchFile)
        }
        return Array(content)
    }

    /// The process of a container, by containerd's own tool; empty where there is none.
    func pid(_ id: String) async throws -> String {
        let tasks = try await containerd.ctr("tasks", "ls")
        let line = tasks.split(separator: "\n").first { $0.hasPrefix("\(id) ") }
        return line.map { String($0.split(separator: " ")[1]) } ?? ""
    }
}

/// An app of one service that runs a shell command in a busybox image.
func shellApp(_ name: String, _ image: String, _ command: String, _ more: String = "") -> String {
    """
    {"name": "\(name)", "services": [
        {"name": "main", "image": "\(image)", "process": {"args": ["sh", "-c", "\(command)"]},
         "stop_grace_period": "200ms"\(more)}
    ]}
    """
}
