import StellarCore

/// The labels our containers carry (contract 4.3).
enum ContainerLabels {
    static let application = "stellar.io/application"
    static let network = "stellar.io/network"
    static let restart = "stellar.io/restart"
    /// What containerd's own restart monitor acts on: every ten seconds it kills and replaces the task of each container
    /// with this label that it finds without a running one, be it one that is just being started or one that waits for
    /// its back-off. Two masters are one too many, so containerd never sees it; clients do, as the original's did.
    static let restartStatus = "containerd.io/restart.status"

    /// What the container carries in containerd: the service's own labels, and ours, which win.
    static func labels(of service: Service, app: String) -> [String: String] {
        var labels = service.labels.dictionary
        labels[application] = app
        if service.network { labels[network] = "true" }
        if service.restart.condition != .never { labels[restart] = "true" }
        return labels
    }

    /// What a client is shown.
    static func shown(of service: Service, app: String) -> [String: String] {
        var labels = labels(of: service, app: app)
        if service.restart.condition == .always, service.restart.maxRetries == nil { labels[restartStatus] = "running" }
        return labels
    }
}
