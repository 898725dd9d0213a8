/// An application: services that are created, inspected and deleted together under one name.
///
/// It is what an app file describes (``AppFile``) and what `apps create` sends. A value of this type may be built by
/// hand; ``validate()`` then tells what a file with the same content would have been told.
public struct App: Sendable, Hashable {
    /// The app's name: a DNS label, since it is part of every replica's name (see ``Name``).
    public var name: String
    /// Labels of the app as a whole. They reach no container; ``Service/labels`` do.
    public var labels: Labels
    /// The services in the order of the file. Their names differ.
    public var services: [Service]

    /// Makes an app. Nothing is checked here; see ``validate()``.
    public init(name: String, labels: Labels = [:], services: [Service] = []) {
        self.name = name
        self.labels = labels
        self.services = services
    }

    /// Every replica of every service: services in order, replicas from 0.
    public var slots: [ContainerID] {
        services.flatMap { service in
            (0..<max(0, service.replicas)).map { ContainerID(app: name, service: service.name, replica: $0) }
        }
    }

    /// The service with this name.
    public func service(named name: String) -> Service? {
        services.first { $0.name == name }
    }
}
