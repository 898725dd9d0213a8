import StellarRPC

/// Allows every caller to call every method.
///
/// This is the one place that decides who may use the daemon's API, on the port and on the unix socket alike: all services
/// have this authorizer, reflection and gRPC's health service too. Roles for certificates and users belong here.
struct AllowEveryone: RPCAuthorizer {
    func authorize(_ caller: Caller, calling method: RPCMethod) async throws {}
}
