package import StellarCore

/// The input of a container's specification. No clock or host is read: equal input gives an equal specification.
package struct SpecInput: Sendable {
    /// The container's id, which is also its hostname.
    package var id: String
    /// The containerd namespace: the first element of the cgroup path.
    package var namespace: String
    package var service: Service
    package var image: ImageConfiguration
    /// The user of the ``Process``, see ``ImageUser``.
    package var user: ImageUser
    /// The file that a network namespace is bound to; nil gives the container a new one with loopback only.
    package var networkNamespace: String?
    /// Bound read-only over /etc/hosts.
    package var hostsFile: String?
    /// Bound read-only over /etc/resolv.conf.
    package var resolvConf: String?
    package var host: HostFacts
    /// The node's devices, for privileged containers.
    package var hostDevices: [OCISpecification.Device]

    package init(
        id: String,
        namespace: String,
        service: Service,
        image: ImageConfiguration,
        user: ImageUser,
        networkNamespace: String?,
        hostsFile: String?,
        resolvConf: String?,
        host: HostFacts,
        hostDevices: [OCISpecification.Device] = []
    ) {
        self.id = id
        self.namespace = namespace
        self.service = service
        self.image = image
        self.user = user
        self.networkNamespace = networkNamespace
        self.hostsFile = hostsFile
        self.resolvConf = resolvConf
        self.host = host
        self.hostDevices = hostDevices
    }
}

/// An error in the specification of a container.
package struct SpecError: Error, Hashable, CustomStringConvertible {
    /// The message, which names the service's field and the fix.
    package var description: String
}
