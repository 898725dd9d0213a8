import NIOCore

/// What runs for one open call of a connection.
struct ServerStream {
    let call: RPCServerCall
    let method: MethodTable.Entry
    var task: Task<Void, Never>?
    var deadline: Scheduled<Void>?

    /// Whoever waits in the call learns why it is over. No effect on a call that has ended.
    func end(_ error: RPCError) {
        deadline?.cancel()
        call.end(error)
        task?.cancel()
    }
}
