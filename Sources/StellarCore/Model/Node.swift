/// A machine of the cluster, as placement and clients see it.
public struct Node: Sendable, Hashable, Codable, Identifiable {
    /// The node's id: by default its host name.
    public var id: String
    /// Where its API listens, `host:port`.
    public var address: String
    /// What placement preferences are matched against.
    public var labels: Labels
    /// What the machine is and has; nil where that is not known.
    public var capacity: NodeCapacity?

    /// Makes a node.
    public init(id: String, address: String = "", labels: Labels = [:], capacity: NodeCapacity? = nil) {
        self.id = id
        self.address = address
        self.labels = labels
        self.capacity = capacity
    }
}

/// What a machine is and has, as its node announces it.
public struct NodeCapacity: Sendable, Hashable, Codable {
    /// The platform of its images in the form of the OCI image index, `linux/amd64` or `linux/arm/v7`.
    public var platform: String
    /// Thousandths of a CPU: 2000 is two.
    public var cpuMillis: UInt64
    /// Bytes of memory.
    public var memory: UInt64

    /// Makes a capacity.
    public init(platform: String, cpuMillis: UInt64, memory: UInt64) {
        self.platform = platform
        self.cpuMillis = cpuMillis
        self.memory = memory
    }
}

/// What is assigned to a node already.
public struct NodeLoad: Sendable, Hashable {
    /// The number of containers.
    public var slots: Int
    /// The sum of what their services say in ``Resources/cpuMillis``; those that say nothing count nothing.
    public var cpuMillis: UInt64
    /// The sum of what their services say in ``Resources/memory``, in bytes.
    public var memory: UInt64

    /// Makes a load; without arguments, none.
    public init(slots: Int = 0, cpuMillis: UInt64 = 0, memory: UInt64 = 0) {
        self.slots = slots
        self.cpuMillis = cpuMillis
        self.memory = memory
    }

    /// One more container of this service.
    public mutating func add(_ service: Service) {
        slots += 1
        cpuMillis = cpuMillis.addingClamped(service.resources.cpuMillis ?? 0)
        memory = memory.addingClamped(service.resources.memory ?? 0)
    }

    /// Whether a container of this service fits the machine's memory beside what is there. What says nothing fits, as it
    /// does where the machine is not known.
    func hasMemory(for service: Service, on capacity: NodeCapacity?) -> Bool {
        guard let capacity, let wanted = service.resources.memory else { return true }
        return memory.addingClamped(wanted) <= capacity.memory
    }

    /// Whether its CPUs would be promised beyond what there is. They are shared in time, so this is worse, not wrong.
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
