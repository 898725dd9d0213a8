import CCurl
package import FoundationEssentials
import NIOPosix
import Synchronization

/// An HTTP/1.1 and HTTP/2 client on libcurl, with its own threads.
///
/// libcurl blocks, so every transfer runs on one of this client's fixed number of threads; tasks wait without blocking
/// a thread. Further requests queue. Connections stay open between requests until ``closeIdleConnections()``.
package final class CurlClient: Sendable {
    /// Concurrent transfers: two pulls of three layers each, and two requests for manifests beside them.
    package static let maximumTransfers = 8

    private let threads: NIOThreadPool
    private let idle = Mutex<[CurlHandle]>([])
    private let isStarted = Mutex(false)

    package init(maximumTransfers: Int = CurlClient.maximumTransfers) {
        threads = NIOThreadPool(numberOfThreads: maximumTransfers)
    }

    /// Loads libcurl, on first use.
    ///
    /// - Throws: ``HTTPFailure`` (invalid) if this machine does not have it.
    package static func load() throws(HTTPFailure) {
        guard let reason = CCurl_load() else { return }
        throw HTTPFailure(.invalid, "cannot load libcurl: \(String(cString: reason))")
    }

    /// Sends `request` and passes head and body to `read` as they arrive. When `read` returns or throws, or the task is
    /// cancelled, the transfer ends too.
    ///
    /// - Throws: ``HTTPFailure`` if there is no response, CancellationError, or what `read` throws.
    package func withResponse<R>(
        _ request: HTTPRequest,
        _ read: (HTTPHead, HTTPTransfer) async throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        try Self.load()
        start()
        let transfer = HTTPTransfer()
        defer { transfer.finish(.failure(CancellationError())) }
        return try await withTaskCancellationHandler {
            threads.submit { [self] state in
                guard state == .active, !transfer.isOver else { return transfer.finish(.failure(CancellationError())) }
                guard let handle = idle.withLock({ $0.popLast() }) ?? CurlHandle() else {
                    return transfer.finish(.failure(HTTPFailure(.invalid, "cannot start libcurl: out of memory")))
                }
                let result = handle.perform(request, into: transfer)
                idle.withLock { $0.append(handle) }
                transfer.finish(result.mapError { $0 })
            }
            return try await read(try await transfer.head(), transfer)
        } onCancel: {
            transfer.finish(.failure(CancellationError()))
        }
    }

    /// Sends `request` and reads the whole response.
    ///
    /// - Throws: ``HTTPFailure`` (tooLarge) beyond `limit` bytes of body.
    package func response(_ request: HTTPRequest, limit: Int) async throws -> (HTTPHead, Data) {
        try await withResponse(request) { head, transfer in
            (head, try await transfer.collect(limit: limit))
        }
    }

    /// Closes the connections that no transfer uses.
    package func closeIdleConnections() {
        idle.withLock { $0 = [] }
    }

    /// Ends the threads; no request may be made afterwards.
    package func shutdown() async {
        guard isStarted.withLock({ $0 }) else { return }
        await withCheckedContinuation { continuation in
            threads.shutdownGracefully { _ in continuation.resume() }
        }
        closeIdleConnections()
    }

    /// Starts the threads, with the first request: a daemon that never pulls has none.
    private func start() {
        isStarted.withLock { started in
            if !started { threads.start() }
            started = true
        }
    }
}

extension HTTPTransfer {
    /// The rest of the body in one piece.
    ///
    /// - Throws: ``HTTPFailure`` (tooLarge) beyond `limit` bytes.
    package func collect(limit: Int) async throws -> Data {
        var body = Data()
        while let chunk = try await next() {
            guard body.count + chunk.count <= limit else {
                throw HTTPFailure(.tooLarge, "the response is larger than \(limit) bytes")
            }
            body.append(chunk)
        }
        return body
    }
}
