import StellarCore

/// The labels our containers carry (contract 4.3).
enum ContainerLabels {
    static let application = "stellar.io/application"
    static let network = "stellar.io/network"
    static let restart = "stellar.io/restart"
    /// containerd's own restart monitor acts on this one, too. It knows neither back-off nor an end, so it is written
    /// only where there is none to respect: a service that is to run always.
    static let restartStatus = "containerd.io/restart.status"

    /// The service's own labels, and ours, which win.
    static func labels(of service: Service, app: String) -> [String: String] {
        var labels = service.labels.dictionary
        labels[application] = app
        if service.network { labels[network] = "true" }
        if service.restart.condition != .never { labels[restart] = "true" }
        if service.restart.condition == .always, service.restart.maxRetries == nil { labels[restartStatus] = "running" }
        return labels
    }
}
