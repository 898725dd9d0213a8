/// Decides which callers may call the methods of a service.
///
/// A server consults it for each call, before the handler runs and before a message of the request is decoded.
public protocol RPCAuthorizer: Sendable {
    /// Returns if the caller may call the method.
    ///
    /// - Throws: `RPCError`, as a rule with `permissionDenied`; the call ends with it. Any other error refuses too.
    func authorize(_ caller: Caller, calling method: RPCMethod) async throws
}
