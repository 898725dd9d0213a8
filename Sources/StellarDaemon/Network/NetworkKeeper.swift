import Logging
import ServiceLifecycle
import StellarNet

/// Looks now and then whether the host's network is still as the daemon made it: bridge, address, firewall rules.
///
/// Firewall managers flush what they do not know when they are reloaded, and tell nobody.
struct NetworkKeeper: Service {
    /// What somebody flushed is missing for this long at most. A look costs some milliseconds of CPU.
    static let period = Duration.seconds(30)

    var network: ContainerNetwork
    var logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var told: String?
            while (try? await Task.sleep(for: Self.period)) != nil {
                do {
                    try await network.lookAround()
                    told = nil
                } catch let error as NetworkError {
                    // Said once; `sctl cluster health` shows it as long as it lasts.
                    if told != error.message {
                        logger.error("the network is not ready", metadata: ["reason": "\(error.message)"])
                    }
                    told = error.message
                } catch {
                    return
                }
            }
        }
    }
}
