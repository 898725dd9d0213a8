import FoundationEssentials
import StellarTestKit
import Testing

extension StellarHost {
    /// The result of a daemon that refused to start.
    struct Refusal {
        var status: Int32
        var message: String
    }

    /// Runs a daemon that must end by itself, beside the daemon of this host.
    ///
    /// - Parameters:
    ///   - flags: override those of ``start()``.
    ///   - wrapper: a program with arguments that runs the daemon.
    func refusal(_ flags: [String], in wrapper: [String] = []) async throws -> Refusal {
        let log = "\(directory)/refusal.log"
        try TemporaryDirectory.write([], to: log)
        let command = wrapper + [BuiltProduct.path("stellar")] + arguments + flags
        let process = try BackgroundProcess(command[0], Array(command.dropFirst()), log: log)
        let status = try await eventually("the daemon ends") { process.status }
        _ = try await ChildProcess.run("ip", ["link", "delete", otherBridge])
        return Refusal(status: status, message: String(decoding: try Self.bytes(of: log), as: UTF8.self))
    }

    private var otherBridge: String { "\(bridge)x" }

    /// The flags of a second daemon on this host that shares nothing with the first.
    func otherDaemon() throws -> [String] {
        [
            "--agent-port", "\(try LoopbackPort.free())", "--bind-port", "\(try LoopbackPort.free())",
            "--data-dir", "\(directory)/other-data",
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

    /// Whether all containers of an app run, as `apps list` shows it.
    func runs(_ app: String) async throws -> Bool {
        let lines = try await sctl("apps", "list").split(separator: "\n")
        let words = lines.map { $0.split(separator: " ") }.first { $0.first.map(String.init) == app } ?? []
        return words.count >= 3 && words[2] == "running"
    }

    /// Waits until the host has the same leftovers as before. At a failure, records the difference.
    func isUnchanged(since before: String, _ when: String = "") async throws {
        var now = ""
        do {
            try await eventually("the host is as before", every: .milliseconds(200)) { () -> Bool? in
                now = try await leftovers()
                return now == before ? true : nil
            }
        } catch {
            let (old, new) = (Set(before.split(separator: "\n")), Set(now.split(separator: "\n")))
            let (left, missing) = (new.subtracting(old).sorted(), old.subtracting(new).sorted())
            Issue.record("\(when): left behind: \(left.joined(separator: "; ")); missing: \(missing)")
            throw error
        }
    }

    /// The process of a container, as `ctr` shows it; empty without one.
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
