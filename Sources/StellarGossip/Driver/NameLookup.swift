import Glibc

/// Why a name cannot be resolved.
struct NameFailure: Error, Hashable {
    var text: String
}

/// Resolves names with the host's resolver. It blocks.
enum NameLookup {
    static func endpoints(of peer: PeerAddress) throws -> [GossipEndpoint] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(peer.host, nil, &hints, &list)
        guard result == 0 else {
            let text = result == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(result))
            throw NameFailure(text: "cannot resolve \(peer.host): \(text)")
        }
        defer { freeaddrinfo(list) }
        var endpoints: [GossipEndpoint] = []
        var next = list
        while let entry = next {
            if let endpoint = endpoint(entry.pointee, port: peer.port), !endpoints.contains(endpoint) {
                endpoints.append(endpoint)
            }
            next = entry.pointee.ai_next
        }
        guard !endpoints.isEmpty else {
            throw NameFailure(text: "cannot resolve \(peer.host): the name has no IP address")
        }
        return endpoints
    }

    private static func endpoint(_ entry: addrinfo, port: UInt16) -> GossipEndpoint? {
        let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
        return GossipEndpoint(socketAddress: bytes).map { GossipEndpoint(address: $0.address, port: port) }
    }
}
