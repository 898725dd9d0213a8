/// The methods of a server's services by `:path`.
package struct MethodTable: Sendable {
    /// A method, its handler and the authorizer of its service.
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
    /// - Throws: `unimplemented`, naming the missing service or method.
    package func find(_ path: String) throws(RPCError) -> Int {
        if let index = indices[path] { return index }
        guard let method = RPCMethod(path: String(path.prefix(Self.maxEcho))) else {
            throw RPCError(.unimplemented, "the path is not /service/method")
        }
        throw services.contains(method.service)
            ? RPCError(.unimplemented, "the service \(method.service) has no method \(method.name)")
            : RPCError(.unimplemented, "the server has no service \(method.service)")
    }

    subscript(index: Int) -> Entry { entries[index] }

    /// The bytes of an unknown path that the error repeats: enough for a name.
    private static let maxEcho = 256
}
