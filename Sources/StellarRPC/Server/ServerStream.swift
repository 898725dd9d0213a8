import NIOCore

/// The call, handler task and timer of one open stream.
struct ServerStream {
    let call: RPCServerCall
    let method: MethodTable.Entry
    var task: Task<Void, Never>?
    var deadline: Scheduled<Void>?

    /// Ends the call with an error and cancels its handler. No effect on a call that has ended.
    func end(_ error: RPCError) {
        deadline?.cancel()
        call.end(error)
        task?.cancel()
    }
}
