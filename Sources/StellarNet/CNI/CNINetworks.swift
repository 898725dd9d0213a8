/// The two networks of each container, loopback and bridge, with their plugins.
struct CNINetworks: Sendable {
    var loopback: CNINetwork
    var bridge: CNINetwork
    /// The paths of all plugins.
    var executables: [String]

    /// Whether the plugins and iptables are still there: their packages may have been removed. Blocks.
    var areInstalled: Bool {
        executables.allSatisfy(FileSystem.isExecutable) && HostPrograms.iptables() != nil
    }

    /// Finds the plugins and the best version they have in common.
    ///
    /// - Throws: ``NetworkError`` with the plugin that is missing, or that prints no versions.
    static func find(for configuration: ContainerNetworkConfiguration, mtu: UInt32?) async throws -> CNINetworks {
        let own = configuration.ownPluginDirectory.map { [$0] } ?? []
        // CNI_PATH: the bridge plugin looks for the IPAM plugin there, and for nothing else.
        let paths = own + configuration.pluginPaths
        let places = [
            ("bridge", configuration.pluginPaths), ("loopback", configuration.pluginPaths),
            (CNIConfiguration.ipamPlugin, paths),
        ]
        let timeout = configuration.pluginTimeout
        let plugins = try await BlockingThreads.run {
            try HostPrograms.requireIptables()
            return try places.map { name, paths in
                CNIPlugin(name: name, path: try CNIPluginPaths.find(name, in: paths), timeout: timeout)
            }
        }
        let version = try await commonVersion(of: plugins, paths)
        let bridge = CNIConfiguration.bridge(
            .init(
                name: configuration.bridge,
                nodeID: configuration.nodeID,
                peerAddress: configuration.peerAddress,
                socket: configuration.socket,
                mtu: mtu
            )
        )
        return CNINetworks(
            loopback: CNINetwork(plugin: plugins[1], configuration: .loopback, version: version, pluginPaths: paths),
            bridge: CNINetwork(plugin: plugins[0], configuration: bridge, version: version, pluginPaths: paths),
            executables: plugins.map(\.path)
        )
    }

    private static func commonVersion(of plugins: [CNIPlugin], _ paths: [String]) async throws -> CNIVersion {
        let versions = try await withThrowingTaskGroup(of: (Int, Set<CNIVersion>).self) { group in
            for (index, plugin) in plugins.enumerated() {
                group.addTask { (index, try await plugin.supportedVersions(pluginPaths: paths)) }
            }
            var versions = [Set<CNIVersion>](repeating: [], count: plugins.count)
            for try await (index, supported) in group { versions[index] = supported }
            return versions
        }
        return try CNIPlugin.commonVersion(of: zip(plugins, versions).map { (name: $0.name, versions: $1) })
    }
}
