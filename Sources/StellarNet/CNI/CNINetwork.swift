import FoundationEssentials

/// One plugin with its configuration, and the commands on it.
///
/// The plugin itself runs the IPAM plugin that the configuration names.
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

    /// Throws where the container is not joined as `previous` says. Does nothing below version 0.4.0, which has no CHECK.
    func check(_ containerID: String, namespace: String, interface: String, previous: [UInt8]) async throws {
        guard version >= .v0_4_0 else { return }
        _ = try await run(.check, containerID, namespace, interface, previous: previous)
    }

    /// Removes the container from the network. Plugins succeed when nothing is left to do.
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
    private struct VersionResponse: Decodable {
        var supportedVersions: [String]
    }

    /// The versions that the plugin supports; those unknown here are left out.
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
        guard let response = try? JSONDecoder().decode(VersionResponse.self, from: Data(output)) else {
            throw misbehaved("VERSION gave no list of versions", output)
        }
        return Set(response.supportedVersions.compactMap(CNIVersion.init(rawValue:)))
    }

    /// The best version that all of the plugins support.
    static func commonVersion(
        of plugins: [(name: String, versions: Set<CNIVersion>)]
    ) throws(NetworkError) -> CNIVersion {
        if let best = CNIVersion.offered.first(where: { version in plugins.allSatisfy { $0.versions.contains(version) }
        }) {
            return best
        }
        let supported = plugins.map { plugin in
            "\(plugin.name): \(plugin.versions.sorted().map(\.rawValue).joined(separator: ", "))"
        }
        throw NetworkError(
            .failedPrecondition,
            "the CNI plugins have no version from 0.3.1 to 1.0.0 in common (\(supported.joined(separator: "; "))); "
                + "install plugins 0.6 or newer"
        )
    }
}
