package import StellarRPC

/// The methods of containerd's API that we call.
extension RPCMethod {
    package static let version = RPCMethod("containerd.services.version.v1.Version", "Version")
    package static let plugins = RPCMethod("containerd.services.introspection.v1.Introspection", "Plugins")
    package static let server = RPCMethod("containerd.services.introspection.v1.Introspection", "Server")
}

/// Methods on namespaces.
package enum NamespacesMethod {
    private static let service = "containerd.services.namespaces.v1.Namespaces"
    package static let get = RPCMethod(service, "Get")
    package static let list = RPCMethod(service, "List")
    package static let create = RPCMethod(service, "Create")
    package static let delete = RPCMethod(service, "Delete")
}

/// Methods on leases.
package enum LeasesMethod {
    private static let service = "containerd.services.leases.v1.Leases"
    package static let create = RPCMethod(service, "Create")
    package static let delete = RPCMethod(service, "Delete")
    package static let list = RPCMethod(service, "List")
    package static let addResource = RPCMethod(service, "AddResource")
    package static let deleteResource = RPCMethod(service, "DeleteResource")
    package static let listResources = RPCMethod(service, "ListResources")
}

/// Methods of the content store.
package enum ContentMethod {
    private static let service = "containerd.services.content.v1.Content"
    package static let info = RPCMethod(service, "Info")
    package static let update = RPCMethod(service, "Update")
    package static let list = RPCMethod(service, "List")
    package static let delete = RPCMethod(service, "Delete")
    package static let read = RPCMethod(service, "Read")
    package static let status = RPCMethod(service, "Status")
    package static let listStatuses = RPCMethod(service, "ListStatuses")
    package static let write = RPCMethod(service, "Write")
    package static let abort = RPCMethod(service, "Abort")
}

/// Methods on image names.
package enum ImagesMethod {
    private static let service = "containerd.services.images.v1.Images"
    package static let get = RPCMethod(service, "Get")
    package static let list = RPCMethod(service, "List")
    package static let create = RPCMethod(service, "Create")
    package static let update = RPCMethod(service, "Update")
    package static let delete = RPCMethod(service, "Delete")
}

/// Methods of the snapshotters.
package enum SnapshotsMethod {
    private static let service = "containerd.services.snapshots.v1.Snapshots"
    package static let prepare = RPCMethod(service, "Prepare")
    package static let view = RPCMethod(service, "View")
    package static let mounts = RPCMethod(service, "Mounts")
    package static let commit = RPCMethod(service, "Commit")
    package static let remove = RPCMethod(service, "Remove")
    package static let stat = RPCMethod(service, "Stat")
    package static let update = RPCMethod(service, "Update")
    package static let list = RPCMethod(service, "List")
    package static let usage = RPCMethod(service, "Usage")
}

/// Methods of the differ.
package enum DiffMethod {
    private static let service = "containerd.services.diff.v1.Diff"
    package static let apply = RPCMethod(service, "Apply")
    package static let diff = RPCMethod(service, "Diff")
}

/// Methods on container records.
package enum ContainersMethod {
    private static let service = "containerd.services.containers.v1.Containers"
    package static let get = RPCMethod(service, "Get")
    package static let list = RPCMethod(service, "List")
    package static let create = RPCMethod(service, "Create")
    package static let update = RPCMethod(service, "Update")
    package static let delete = RPCMethod(service, "Delete")
}

/// Methods on tasks.
package enum TasksMethod {
    private static let service = "containerd.services.tasks.v1.Tasks"
    package static let create = RPCMethod(service, "Create")
    package static let start = RPCMethod(service, "Start")
    package static let delete = RPCMethod(service, "Delete")
    package static let get = RPCMethod(service, "Get")
    package static let list = RPCMethod(service, "List")
    package static let kill = RPCMethod(service, "Kill")
    package static let resume = RPCMethod(service, "Resume")
    package static let listPids = RPCMethod(service, "ListPids")
    package static let metrics = RPCMethod(service, "Metrics")
    package static let wait = RPCMethod(service, "Wait")
}

/// Methods on events.
package enum EventsMethod {
    private static let service = "containerd.services.events.v1.Events"
    package static let publish = RPCMethod(service, "Publish")
    package static let subscribe = RPCMethod(service, "Subscribe")
}
