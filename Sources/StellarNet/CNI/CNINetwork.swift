import FoundationEssentials

/// A network as a runtime sees it: one plugin, its configuration, and the commands on it.
///
/// The plugin calls the IPAM plugin that its configuration names by itself.
struct CNINetwork: Sendable {
    var plugin: CNIPlugin
    /// The configuration without `cniVersion`, one JSON object.
    var configuration: CNIConfiguration
    var version: CNIVersion
    var pluginPaths: [String]

    /// Joins the container to the network.
    ///
    /// - Returns: the plugin's result, and its text to be kept for CHECK and DEL.
    func add(
        _ containerID: String,
        namespace: String,
        interface: String
    ) async throws -> (result: CNIResult, text: [UInt8]) {
        let output = try await run(.add, containerID, namespace, interface)
        do {
            return (try CNIResult(text: String(decoding: output, as: UTF8.self)), output)
        } catch {
            throw plugin.misbehaved("ADD \(containerID) gave no CNI result", output)
        }
    }

    /// Asks the plugin whether the container is still joined as `previous` says. Needs version 0.4.0.
    func check(_ containerID: String, namespace: String, interface: String, previous: [UInt8]) async throws {
        guard version >= .v0_4_0 else { return }
        _ = try await run(.check, containerID, namespace, interface, previous: previous)
    }

    /// Takes the container off the network. Plugins answer with success when nothing is left to do.
    func delete(_ containerID: String, namespace: String?, interface: String, previous: [UInt8]?) async throws {
        _ = try await run(.delete, containerID, namespace, interface, previous: version >= .v0_4_0 ? previous : nil)
    }

    private func run(
        _ command: CNICommand,
        _ containerID: String,
        _ namespace: String?,
        _ interface: String,
        previous: [UInt8]? = nil
    ) async throws -> [UInt8] {
        try await plugin.run(
            CNIInvocation(
                command: command,
                containerID: containerID,
                namespace: namespace,
                interface: interface,
                pluginPaths: pluginPaths,
                configuration: try configuration.encoded(version: version, previous: previous)
            )
        )
    }
}

extension CNIPlugin {
    private struct VersionAnswer: Decodable {
        var supportedVersions: [String]
    }

    /// The versions the plugin says it speaks; those unknown here are left out.
    func supportedVersions(pluginPaths: [String]) async throws -> Set<CNIVersion> {
        let output = try await run(
            CNIInvocation(
                command: .version,
                containerID: "",
                interface: "",
                pluginPaths: pluginPaths,
                configuration: Array(#"{"cniVersion":"1.0.0"}"#.utf8)
            )
        )
        guard let answer = try? JSONDecoder().decode(VersionAnswer.self, from: Data(output)) else {
            throw misbehaved("VERSION gave no list of versions", output)
        }
        return Set(answer.supportedVersions.compactMap(CNIVersion.init(rawValue:)))
    }

    /// The best version that all of the plugins speak.
    static func commonVersion(
        of plugins: [(name: String, versions: Set<CNIVersion>)]
    ) throws(NetworkError) -> CNIVersion {
        if let best = CNIVersion.offered.first(where: { version in plugins.allSatisfy { $0.versions.contains(version) }
        }) {
            return best
        }
        let spoken = plugins.map { plugin in
            "\(plugin.name): \(plugin.versions.sorted().map(\.rawValue).joined(separator: ", "))"
        }
        throw NetworkError(
            .failedPrecondition,
            "the CNI plugins have no version from 0.3.1 to 1.0.0 in common (\(spoken.joined(separator: "; "))); "
                + "install plugins 0.6 or newer"
        )
    }
}
