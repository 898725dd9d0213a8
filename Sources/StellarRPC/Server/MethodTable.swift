/// The methods of a server's services by `:path`.
struct MethodTable: Sendable {
    private var handlers: [String: (method: RPCMethod, handler: RPCMethodHandler)] = [:]
    private var services: Set<String> = []

    init(_ services: [RPCService]) {
        for service in services {
            self.services.insert(service.name)
            for handler in service.methods {
                let method = RPCMethod(service.name, handler.name)
                handlers[method.path] = (method, handler)
            }
        }
    }

    /// - Throws: `unimplemented`, naming what is not there.
    func find(_ path: String) throws(RPCError) -> (method: RPCMethod, handler: RPCMethodHandler) {
        if let found = handlers[path] { return found }
        guard let method = RPCMethod(path: String(path.prefix(Self.maxEcho))) else {
            throw RPCError(.unimplemented, "the path is not /service/method")
        }
        throw services.contains(method.service)
            ? RPCError(.unimplemented, "the service \(method.service) has no method \(method.name)")
            : RPCError(.unimplemented, "no service \(method.service) here")
    }

    /// As much of an unknown path is said back as a name could need.
    private static let maxEcho = 256
}
