public import StellarRPC

/// The names of all services and methods on the wire, for the client and the daemon.
///
/// They are those of the original Stellar, except for the new ones, which are marked. `Info` responds with
/// `packageName` as its `id`.
public enum StellarMethods {
    /// Apps: create, delete, list, inspect, restart.
    public enum Application {
        public static let packageName = "stellar.services.application.v1"
        public static let serviceName = "\(packageName).Application"
        public static let info = RPCMethod(serviceName, "Info")
        public static let create = RPCMethod(serviceName, "Create")
        /// New: `create` with progress. Server streaming.
        public static let createStream = RPCMethod(serviceName, "CreateStream")
        public static let delete = RPCMethod(serviceName, "Delete")
        public static let list = RPCMethod(serviceName, "List")
        public static let get = RPCMethod(serviceName, "Get")
        public static let restart = RPCMethod(serviceName, "Restart")
        /// New, like the methods below. Server streaming.
        public static let deleteStream = RPCMethod(serviceName, "DeleteStream")
        /// Server streaming.
        public static let restartStream = RPCMethod(serviceName, "RestartStream")
        /// Server streaming.
        public static let scaleStream = RPCMethod(serviceName, "ScaleStream")
        public static let plan = RPCMethod(serviceName, "Plan")
        public static let why = RPCMethod(serviceName, "Why")
    }

    /// New: apps, between daemons.
    package enum PeerApps {
        package static let packageName = "io.stellar.peer.v1"
        package static let serviceName = "\(packageName).Apps"
        package static let newest = RPCMethod(serviceName, "Newest")
        /// Server streaming, like the methods below.
        package static let prepare = RPCMethod(serviceName, "Prepare")
        package static let apply = RPCMethod(serviceName, "Apply")
        package static let restart = RPCMethod(serviceName, "Restart")
    }

    /// New: the called node's share of what `Cluster` does on all nodes, between daemons.
    package enum PeerNode {
        package static let serviceName = "io.stellar.peer.v1.Node"
        package static let health = RPCMethod(serviceName, "Health")
        package static let containers = RPCMethod(serviceName, "Containers")
        package static let images = RPCMethod(serviceName, "Images")
        package static let forget = RPCMethod(serviceName, "Forget")
        package static let keys = RPCMethod(serviceName, "Keys")
        package static let changeKeys = RPCMethod(serviceName, "ChangeKeys")
        package static let roundTrips = RPCMethod(serviceName, "RoundTrips")
        package static let storeStatus = RPCMethod(serviceName, "StoreStatus")
        package static let quarantine = RPCMethod(serviceName, "Quarantine")
        package static let changeQuarantine = RPCMethod(serviceName, "ChangeQuarantine")
    }

    /// The nodes of the cluster.
    public enum Cluster {
        public static let packageName = "stellar.services.cluster.v1"
        public static let serviceName = "\(packageName).Cluster"
        public static let info = RPCMethod(serviceName, "Info")
        public static let containers = RPCMethod(serviceName, "Containers")
        public static let images = RPCMethod(serviceName, "Images")
        public static let nodes = RPCMethod(serviceName, "Nodes")
        public static let health = RPCMethod(serviceName, "Health")
        /// New, like the methods below.
        public static let leave = RPCMethod(serviceName, "Leave")
        public static let forget = RPCMethod(serviceName, "Forget")
        public static let keys = RPCMethod(serviceName, "Keys")
        public static let changeKeys = RPCMethod(serviceName, "ChangeKeys")
        public static let peers = RPCMethod(serviceName, "Peers")
        public static let roundTrips = RPCMethod(serviceName, "RoundTrips")
        public static let status = RPCMethod(serviceName, "Status")
        public static let converge = RPCMethod(serviceName, "Converge")
        public static let quarantine = RPCMethod(serviceName, "Quarantine")
        public static let changeQuarantine = RPCMethod(serviceName, "ChangeQuarantine")
    }

    /// The replicated store.
    public enum Datastore {
        public static let packageName = "stellar.services.datastore.v1"
        public static let serviceName = "\(packageName).Datastore"
        public static let info = RPCMethod(serviceName, "Info")
        public static let acquireLock = RPCMethod(serviceName, "AcquireLock")
        public static let releaseLock = RPCMethod(serviceName, "ReleaseLock")
        public static let createBucket = RPCMethod(serviceName, "CreateBucket")
        public static let set = RPCMethod(serviceName, "Set")
        public static let get = RPCMethod(serviceName, "Get")
        public static let search = RPCMethod(serviceName, "Search")
        public static let delete = RPCMethod(serviceName, "Delete")
        public static let backup = RPCMethod(serviceName, "Backup")
        public static let restore = RPCMethod(serviceName, "Restore")
        /// Server streaming.
        public static let sync = RPCMethod(serviceName, "Sync")
        public static let peerSync = RPCMethod(serviceName, "PeerSync")
    }

    /// New: replication of the store, between daemons.
    package enum PeerStore {
        package static let serviceName = "io.stellar.peer.v1.Store"
        /// Streaming in both directions.
        package static let exchange = RPCMethod(serviceName, "Exchange")
        package static let seen = RPCMethod(serviceName, "Seen")
    }

    /// The health of the called node.
    public enum Health {
        public static let packageName = "stellar.services.health.v1"
        public static let serviceName = "\(packageName).Health"
        public static let info = RPCMethod(serviceName, "Info")
        public static let health = RPCMethod(serviceName, "Health")
    }

    /// DNS records.
    public enum Nameserver {
        public static let packageName = "stellar.services.nameserver.v1"
        public static let serviceName = "\(packageName).Nameserver"
        public static let info = RPCMethod(serviceName, "Info")
        public static let lookup = RPCMethod(serviceName, "Lookup")
        public static let list = RPCMethod(serviceName, "List")
        public static let create = RPCMethod(serviceName, "Create")
        public static let delete = RPCMethod(serviceName, "Delete")
    }

    /// Subnets, addresses and routes.
    public enum Network {
        public static let packageName = "stellar.services.network.v1"
        public static let serviceName = "\(packageName).Network"
        public static let info = RPCMethod(serviceName, "Info")
        public static let allocateSubnet = RPCMethod(serviceName, "AllocateSubnet")
        public static let getSubnet = RPCMethod(serviceName, "GetSubnet")
        public static let deallocateSubnet = RPCMethod(serviceName, "DeallocateSubnet")
        public static let configure = RPCMethod(serviceName, "Configure")
        public static let subnets = RPCMethod(serviceName, "Subnets")
        public static let allocateIP = RPCMethod(serviceName, "AllocateIP")
        public static let getIP = RPCMethod(serviceName, "GetIP")
        public static let releaseIP = RPCMethod(serviceName, "ReleaseIP")
        public static let addRoute = RPCMethod(serviceName, "AddRoute")
        public static let deleteRoute = RPCMethod(serviceName, "DeleteRoute")
        public static let routes = RPCMethod(serviceName, "Routes")
        public static let overview = RPCMethod(serviceName, "Overview")
    }

    /// The containers and images of the called node. The service is named `Node`, not `Runtime`.
    public enum Node {
        public static let packageName = "stellar.services.runtime.v1"
        public static let serviceName = "\(packageName).Node"
        public static let info = RPCMethod(serviceName, "Info")
        public static let containers = RPCMethod(serviceName, "Containers")
        public static let container = RPCMethod(serviceName, "Container")
        public static let images = RPCMethod(serviceName, "Images")
        public static let setupContainerNetwork = RPCMethod(serviceName, "SetupContainerNetwork")
        public static let createContainer = RPCMethod(serviceName, "CreateContainer")
        public static let deleteContainer = RPCMethod(serviceName, "DeleteContainer")
        public static let restartContainer = RPCMethod(serviceName, "RestartContainer")
        /// New. Server streaming.
        public static let pullImage = RPCMethod(serviceName, "PullImage")
        /// New.
        public static let deleteImage = RPCMethod(serviceName, "DeleteImage")
    }

    /// Placement without an app.
    public enum Scheduler {
        public static let packageName = "stellar.services.scheduler.v1"
        public static let serviceName = "\(packageName).Scheduler"
        public static let schedule = RPCMethod(serviceName, "Schedule")
    }

    /// The versions of the daemon and of its containerd.
    public enum Version {
        public static let packageName = "stellar.services.version.v1"
        public static let serviceName = "\(packageName).Version"
        public static let version = RPCMethod(serviceName, "Version")
    }
}
