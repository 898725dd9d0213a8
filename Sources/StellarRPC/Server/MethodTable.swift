/// The methods of a server's services by `:path`.
package struct MethodTable: Sendable {
    /// A method with its handler and what decides who may call it.
    struct Entry: Sendable {
        let method: RPCMethod
        let handler: RPCMethodHandler
        let authorizer: (any RPCAuthorizer)?
    }

    private var indices: [String: Int] = [:]
    private var entries: [Entry] = []
    private var services: Set<String> = []

    package init(_ services: [RPCService]) {
        for service in services {
            self.services.insert(service.name)
            for handler in service.methods {
                let method = RPCMethod(service.name, handler.name)
                indices[method.path] = entries.count
                entries.append(Entry(method: method, handler: handler, authorizer: service.authorizer))
            }
        }
    }

    /// - Returns: the method's index in this table.
    /// - Throws: `unimplemented`, naming what is not there.
    package func find(_ path: String) throws(RPCError) -> Int {
        if let index = indices[path] { return index }
        guard let method = RPCMethod(path: String(path.prefix(Self.maxEcho))) else {
            throw RPCError(.unimplemented, "the path is not /service/method")
        }
        throw services.contains(method.service)
            ? RPCError(.unimplemented, "the service \(method.service) has no method \(method.name)")
            : RPCError(.unimplemented, "no service \(method.service) here")
    }

    subscript(index: Int) -> Entry { entries[index] }

    /// As much of an unknown path is said back as a name could need.
    private static let maxEcho = 256
}
