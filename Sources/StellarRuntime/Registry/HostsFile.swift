/// containerd's `certs.d/<host>/hosts.toml`: the mirrors of a registry (containerd, docs/hosts.md).
///
///     server = "https://registry.example"
///
///     [host."https://mirror.example:5000"]
///       capabilities = ["pull", "resolve"]
///       ca = "/etc/certs/mirror.pem"
///       [host."https://mirror.example:5000".header]
///         x-team = "web"
///
/// The whole file is checked before it is used. An unknown key is an error that names file and line: a security setting
/// must not be ignored.
package struct HostsFile: Sendable, Hashable {
    /// The requests that a host may serve.
    package struct Capabilities: OptionSet, Sendable, Hashable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let pull = Capabilities(rawValue: 1)
        package static let resolve = Capabilities(rawValue: 2)
        package static let push = Capabilities(rawValue: 4)
        package static let all: Capabilities = [.pull, .resolve, .push]
    }

    /// A client certificate, and its key if that is in another file.
    package struct ClientCertificate: Sendable, Hashable {
        package var certificate: String
        package var key: String?
    }

    package struct Host: Sendable, Hashable {
        /// As written: with or without a scheme.
        package var address: String
        package var capabilities: Capabilities = .all
        package var authorities: [String] = []
        package var clients: [ClientCertificate] = []
        package var skipVerify = false
        package var overridePath = false
        package var headers: [Header] = []
    }

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    /// The mirrors, in the order in which they are tried.
    package private(set) var hosts: [Host] = []
    /// The registry itself; nil if the file does not name one.
    package private(set) var server: Host?

    package init(hosts: [Host] = [], server: Host?) {
        self.hosts = hosts
        self.server = server
    }

    /// - Parameters:
    ///   - text: the file's contents.
    ///   - file: its path: for messages; its folder is the base of relative certificate paths.
    /// - Throws: ``ImageError`` (invalid), `path:line: what is wrong`.
    package init(parsing text: String, file: String) throws(ImageError) {
        let reader = Reader(file: file)
        let document: TOMLSubset
        do {
            document = try TOMLSubset(parsing: text)
        } catch {
            throw reader.failure(error.line, error.message)
        }
        var root = Host(address: "")
        for table in document.tables {
            switch (table.path.count, table.path.first) {
            case (0, _):
                for entry in table.entries {
                    if entry.key == "server" {
                        root.address = try reader.address(try reader.string(entry), line: entry.line)
                    } else {
                        try reader.apply(entry, to: &root)
                    }
                }
            case (1, "header"):
                root.headers += try reader.headers(table)
            case (1, "host") where table.entries.isEmpty:
                continue
            case (2, "host"):
                var host = Host(address: try reader.address(table.path[1], line: table.line))
                for entry in table.entries { try reader.apply(entry, to: &host) }
                hosts.append(host)
            case (3, "host") where table.path[2] == "header":
                guard let host = hosts.lastIndex(where: { $0.address == table.path[1] }) else {
                    throw reader.failure(
                        table.line,
                        "the table [host.\"\(table.path[1])\"] must come before its headers"
                    )
                }
                hosts[host].headers += try reader.headers(table)
            default:
                throw reader.failure(table.line, "the table [\(table.path.joined(separator: "."))] is unknown")
            }
        }
        if root != Host(address: "") { server = root }
    }

    /// Turns entries into settings; an error names the line.
    private struct Reader {
        let file: String

        func failure(_ line: Int, _ message: String) -> ImageError {
            ImageError(.invalid, "\(file):\(line): \(message)")
        }

        func address(_ text: String, line: Int) throws(ImageError) -> String {
            let bare =
                text.contains("://") ? text.split(separator: "://", maxSplits: 1).last.map(String.init) ?? "" : text
            let scheme = text.contains("://") ? text.prefix { $0 != ":" } : "https"
            guard !bare.isEmpty, !bare.contains(" "), scheme == "https" || scheme == "http" else {
                throw failure(line, "'\(text)' is not a registry address (https://host[:port][/path])")
            }
            return text
        }

        func string(_ entry: TOMLSubset.Entry) throws(ImageError) -> String {
            guard case .string(let text) = entry.value else {
                throw failure(entry.line, "'\(entry.key)' is \(entry.value.kind), not a string")
            }
            return text
        }

        func boolean(_ entry: TOMLSubset.Entry) throws(ImageError) -> Bool {
            guard case .boolean(let value) = entry.value else {
                throw failure(entry.line, "'\(entry.key)' is \(entry.value.kind), not true or false")
            }
            return value
        }

        /// A string, or an array of strings.
        func strings(_ entry: TOMLSubset.Entry) throws(ImageError) -> [String] {
            switch entry.value {
            case .string(let text): return [text]
            case .array(let values):
                var texts: [String] = []
                for value in values {
                    guard case .string(let text) = value else {
                        throw failure(entry.line, "'\(entry.key)' holds \(value.kind), not only strings")
                    }
                    texts.append(text)
                }
                return texts
            default:
                throw failure(entry.line, "'\(entry.key)' is \(entry.value.kind), not a string or an array of them")
            }
        }

        func path(_ text: String) -> String {
            guard !text.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return text }
            return String(file[...slash]) + text
        }

        func apply(_ entry: TOMLSubset.Entry, to host: inout Host) throws(ImageError) {
            switch entry.key {
            case "capabilities":
                host.capabilities = []
                for name in try strings(entry) {
                    switch name {
                    case "pull": host.capabilities.insert(.pull)
                    case "resolve": host.capabilities.insert(.resolve)
                    case "push": host.capabilities.insert(.push)
                    default:
                        throw failure(entry.line, "'\(name)' is not a capability (pull, resolve, push)")
                    }
                }
            case "ca": host.authorities = try strings(entry).map(path)
            case "client": host.clients = try clients(entry)
            case "skip_verify": host.skipVerify = try boolean(entry)
            case "override_path": host.overridePath = try boolean(entry)
            default: throw failure(entry.line, "'\(entry.key)' is unknown")
            }
        }

        /// One file with certificate and key, several such files, or pairs of certificate and key.
        func clients(_ entry: TOMLSubset.Entry) throws(ImageError) -> [ClientCertificate] {
            guard case .array(let values) = entry.value else {
                return [ClientCertificate(certificate: path(try string(entry)), key: nil)]
            }
            var clients: [ClientCertificate] = []
            for value in values {
                switch value {
                case .string(let file):
                    clients.append(ClientCertificate(certificate: path(file), key: nil))
                case .array(let pair):
                    guard case .string(let certificate)? = pair.first, pair.count <= 2 else {
                        throw failure(entry.line, "'client' holds an array that is not [certificate, key]")
                    }
                    guard pair.count == 2 else {
                        clients.append(ClientCertificate(certificate: path(certificate), key: nil))
                        continue
                    }
                    guard case .string(let key) = pair[1] else {
                        throw failure(entry.line, "'client' holds an array that is not [certificate, key]")
                    }
                    clients.append(
                        ClientCertificate(certificate: path(certificate), key: key.isEmpty ? nil : path(key))
                    )
                default:
                    throw failure(entry.line, "'client' holds \(value.kind), not file names")
                }
            }
            return clients
        }

        func headers(_ table: TOMLSubset.Table) throws(ImageError) -> [Header] {
            var headers: [Header] = []
            for entry in table.entries {
                for value in try strings(entry) {
                    guard !value.contains(where: \.isNewline), !entry.key.contains(where: { " :\r\n".contains($0) })
                    else {
                        throw failure(entry.line, "'\(entry.key)' is not an HTTP header")
                    }
                    headers.append(Header(name: entry.key, value: value))
                }
            }
            return headers
        }
    }
}
