public import StellarCore

/// Finds a free subnet for a node in the cluster's network.
public enum SubnetPlan {
    /// The lowest of the 1024 node subnets of `network` that overlaps none of `taken`.
    ///
    /// - Parameter skipped: How many free subnets to leave to other nodes; the last free one is never left.
    /// - Throws: ``NetworkError`` `invalidArgument` when the network is too small to be cut up, `resourceExhausted` when
    ///   every subnet is taken.
    public static func lowestFree(
        of network: IPv4Subnet,
        taken: some Sequence<IPv4Subnet>,
        after skipped: Int = 0
    ) throws(NetworkError) -> IPv4Subnet {
        let subnets: [IPv4Subnet]
        do {
            subnets = try network.nodeSubnets()
        } catch {
            throw NetworkError(.invalidArgument, error.description)
        }
        let taken = Array(taken)
        // Most claims are exactly one of the subnets; the others come from an earlier `Subnet` setting.
        let exact = Set(taken)
        let odd = exact.filter { $0.prefixLength != network.prefixLength + IPv4Subnet.nodeBits }
        var last: IPv4Subnet?
        var left = skipped
        for subnet in subnets where !exact.contains(subnet) && !odd.contains(where: { $0.overlaps(subnet) }) {
            if left == 0 { return subnet }
            left -= 1
            last = subnet
        }
        if let last { return last }
        throw NetworkError(
            .resourceExhausted,
            "no available subnets in network configuration: all \(subnets.count) of \(network) belong to nodes; "
                + "release those of nodes that do not come back (sctl cluster forget NODE), or configure a larger Subnet"
        )
    }
}
