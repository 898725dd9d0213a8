package import FoundationEssentials

/// One server with the images of a registry: the registry itself or a mirror.
package struct RegistryEndpoint: Sendable, Hashable {
    /// `https://host[:port]/v2`, or with another path before or instead of `v2`.
    package var base: String
    package var capabilities: HostsFile.Capabilities
    package var authorities: [String] = []
    package var client: HostsFile.ClientCertificate?
    package var skipVerify = false
    package var headers: [HostsFile.Header] = []
    /// The registry that a mirror stands in for (containerd's `ns` parameter); nil for the registry itself.
    package var namespace: String?

    /// Host and port, for messages.
    package var authority: String {
        String((base.split(separator: "://", maxSplits: 1).last ?? "").prefix { $0 != "/" })
    }

    /// The servers for `registry`, in the order to try: the mirrors of its `hosts.toml`, then the registry itself.
    ///
    /// - Parameters:
    ///   - registry: as in an image's name: `docker.io`, `127.0.0.1:5000`.
    ///   - file: the registry's hosts.toml, if it has one.
    ///   - plainHTTP: registries without TLS, in addition to loopback.
    package static func endpoints(
        for registry: String,
        file: HostsFile?,
        plainHTTP: Set<String>
    ) -> [RegistryEndpoint] {
        func base(_ address: String, overridePath: Bool) -> String {
            var base = address.contains("://") ? address : scheme(of: address, plainHTTP: plainHTTP) + "://" + address
            while base.hasSuffix("/") { base.removeLast() }
            return overridePath ? base : base + "/v2"
        }
        func endpoint(_ host: HostsFile.Host, address: String) -> RegistryEndpoint {
            var endpoint = RegistryEndpoint(
                base: base(address, overridePath: host.overridePath),
                capabilities: host.capabilities,
                authorities: host.authorities,
                client: host.clients.first,
                skipVerify: host.skipVerify,
                headers: host.headers
            )
            let itself = registry == "docker.io" ? ["docker.io", "registry-1.docker.io"] : [registry]
            if !itself.contains(endpoint.authority) { endpoint.namespace = registry }
            return endpoint
        }
        let itself = registry == "docker.io" ? "registry-1.docker.io" : registry
        var endpoints = (file?.hosts ?? []).map { endpoint($0, address: $0.address) }
        if let server = file?.server {
            endpoints.append(endpoint(server, address: server.address.isEmpty ? itself : server.address))
        } else {
            endpoints.append(endpoint(HostsFile.Host(address: itself), address: itself))
        }
        return endpoints
    }

    /// The scheme of a host: https, except for loopback and the operator's plain-HTTP registries.
    private static func scheme(of address: String, plainHTTP: Set<String>) -> String {
        let authority = String(address.prefix { $0 != "/" })
        if plainHTTP.contains(authority) { return "http" }
        guard let url = URLParts("http://" + authority) else { return "https" }
        return Loopback.contains(url.host) || plainHTTP.contains(url.host) ? "http" : "https"
    }
}

/// Reads the configuration files of a registry, at each pull, so that a change needs no restart.
package enum RegistryFiles {
    /// The `hosts.toml` of `registry`, from the first folder that has a directory for it (`host:port`, containerd's
    /// `host_port_`, or `_default`). A directory with docker's `ca.crt`, `client.cert` and `client.key` instead of the
    /// file counts too.
    package static func hostsFile(for registry: String, directories: [String]) throws(ImageError) -> HostsFile? {
        let colon = registry.lastIndex(of: ":")
        let containerdName = colon.map { registry[..<$0] + "_" + registry[registry.index(after: $0)...] + "_" }
        let names = [containerdName.map(String.init), registry, "_default"].compactMap { $0 }
        for directory in directories {
            for name in names {
                let folder = "\(directory)/\(name)"
                let path = "\(folder)/hosts.toml"
                if let text = try read(path, limit: TOMLSubset.maximumSize) {
                    return try HostsFile(parsing: String(decoding: text, as: UTF8.self), file: path)
                }
                if let file = dockerCertificates(in: folder) { return file }
            }
        }
        return nil
    }

    private static func dockerCertificates(in folder: String) -> HostsFile? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return nil }
        var host = HostsFile.Host(address: "")
        for name in names.sorted() {
            if name.hasSuffix(".crt") { host.authorities.append("\(folder)/\(name)") }
            if name.hasSuffix(".cert") {
                let key = name.dropLast(5) + ".key"
                host.clients.append(.init(certificate: "\(folder)/\(name)", key: "\(folder)/\(key)"))
            }
        }
        return host.authorities.isEmpty && host.clients.isEmpty ? nil : HostsFile(server: host)
    }

    /// The docker configurations that exist.
    package static func dockerConfigs(_ paths: [String]) throws(ImageError) -> [DockerConfig] {
        var configs: [DockerConfig] = []
        for path in paths {
            guard let bytes = try read(path, limit: maximumConfigSize) else { continue }
            configs.append(try DockerConfig(parsing: bytes, file: path))
        }
        return configs
    }

    /// The certificates of `paths` joined, PEM.
    package static func authorities(_ paths: [String]) throws(ImageError) -> Data? {
        guard !paths.isEmpty else { return nil }
        var all = Data()
        for path in paths {
            guard let bytes = try read(path, limit: maximumConfigSize) else {
                throw ImageError(.invalid, "the certificate authority '\(path)' of hosts.toml does not exist")
            }
            all.append(bytes)
            all.append(UInt8(ascii: "\n"))
        }
        return all
    }

    /// The largest file. A config.json with hundreds of registries, or a bundle of all public authorities, is smaller.
    private static let maximumConfigSize = 4 << 20

    /// Nil if the file does not exist.
    private static func read(_ path: String, limit: Int) throws(ImageError) -> Data? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let bytes = try Data(contentsOf: URL(filePath: path))
            guard bytes.count <= limit else { throw ImageError(.invalid, "\(path) is larger than \(limit) bytes") }
            return bytes
        } catch let error as ImageError {
            throw error
        } catch {
            throw ImageError(.invalid, "cannot read \(path): \(error)")
        }
    }
}
