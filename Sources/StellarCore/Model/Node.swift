/// A node of the cluster, as placement and clients see it.
public struct Node: Sendable, Hashable, Codable, Identifiable {
    /// The node's id: by default its host name.
    public var id: String
    /// The address of its API, `host:port`. Placement does not use it.
    public var address: String
    /// The labels that placement preferences name.
    public var labels: Labels
    /// The platform, CPUs and memory; nil if unknown.
    public var capacity: NodeCapacity?

    /// Creates a node.
    public init(id: String, address: String = "", labels: Labels = [:], capacity: NodeCapacity? = nil) {
        self.id = id
        self.address = address
        self.labels = labels
        self.capacity = capacity
    }
}

/// The platform, CPUs and memory of a node, as the node reports them.
public struct NodeCapacity: Sendable, Hashable, Codable {
    /// The platform of its images in the form of the OCI image index, `linux/amd64` or `linux/arm/v7`.
    public var platform: String
    /// CPUs in thousandths: 2000 is two CPUs.
    public var cpuMillis: UInt64
    /// Memory in bytes.
    public var memory: UInt64

    /// Creates a capacity.
    public init(platform: String, cpuMillis: UInt64, memory: UInt64) {
        self.platform = platform
        self.cpuMillis = cpuMillis
        self.memory = memory
    }
}

/// The containers that are assigned to a node, and the resources that they reserve.
public struct NodeLoad: Sendable, Hashable {
    /// The number of containers.
    public var slots: Int
    /// The sum of their ``Resources/cpuMillis``; a service without a limit counts as 0.
    public var cpuMillis: UInt64
    /// The sum of their ``Resources/memory``, in bytes; a service without a limit counts as 0.
    public var memory: UInt64

    /// Creates a load; without arguments, that of a node without containers.
    public init(slots: Int = 0, cpuMillis: UInt64 = 0, memory: UInt64 = 0) {
        self.slots = slots
        self.cpuMillis = cpuMillis
        self.memory = memory
    }

    /// Adds one container of the service.
    public mutating func add(_ service: Service) {
        slots += 1
        cpuMillis = cpuMillis.addingClamped(service.resources.cpuMillis ?? 0)
        memory = memory.addingClamped(service.resources.memory ?? 0)
    }

    /// Whether the node has unreserved memory for one more container of the service. A service without a memory limit
    /// always fits, and so does any service if the capacity is unknown.
    func hasMemory(for service: Service, on capacity: NodeCapacity?) -> Bool {
        guard let capacity, let wanted = service.resources.memory else { return true }
        return memory.addingClamped(wanted) <= capacity.memory
    }

    /// Whether one more container of the service would reserve more CPUs than the node has. Containers share CPUs in
    /// time, so this makes a node less suitable and does not exclude it.
    func lacksCPU(for service: Service, on capacity: NodeCapacity?) -> Bool {
        guard let capacity, let wanted = service.resources.cpuMillis else { return false }
        return cpuMillis.addingClamped(wanted) > capacity.cpuMillis
    }
}

extension UInt64 {
    /// The sum, or the largest number where it is larger.
    fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
