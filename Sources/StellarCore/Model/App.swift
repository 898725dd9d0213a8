/// An application: services that are created, inspected and deleted together under one name.
///
/// An app file describes one app (``AppFile``). A program can also build the app in code; ``validate()`` then reports
/// the errors of a file with the same content.
public struct App: Sendable, Hashable {
    /// The app's name: a DNS label, since it is part of every replica's name (see ``Name``).
    public var name: String
    /// Labels of the app as a whole. Containers do not get them; they get ``Service/labels``.
    public var labels: Labels
    /// The services in the order of the file. Each has a name of its own.
    public var services: [Service]

    /// Creates an app without checking it; ``validate()`` checks it.
    public init(name: String, labels: Labels = [:], services: [Service] = []) {
        self.name = name
        self.labels = labels
        self.services = services
    }

    /// The ids of all replicas: services in order, replicas from 0.
    public var slots: [ContainerID] {
        services.flatMap { service in
            (0..<max(0, service.replicas)).map { ContainerID(app: name, service: service.name, replica: $0) }
        }
    }

    /// The service with this name; nil if the app has none.
    public func service(named name: String) -> Service? {
        services.first { $0.name == name }
    }
}
