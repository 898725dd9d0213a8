import ArgumentParser
import StellarAPI

struct NetworkList: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "list",
        abstract: "List the subnets of all nodes, and whether this node's way there is made.",
        usage: "sctl [global options] network list",
        discussion: """
            STATE is held, confirming (not all nodes have the claim yet; no container starts on it) or disputed \
            (another node's claim is older; this one moves). ROUTE is the route from the node that answers.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let overview = try await withClient { try await $0.network.overview() }
        switch globals.output {
        case .table: console.writeOut(Self.table(overview))
        case .json: console.print(overview.claims.jsonText)
        }
        if !overview.waiting.isEmpty { console.note("\(overview.node): \(overview.waiting)") }
    }

    static func table(_ overview: NetworkOverviewResponse) -> String {
        var table = Table("SUBNET", "NODE", "STATE", "ADDRESS", "ROUTE")
        for claim in overview.claims {
            table.add(claim.cidr, claim.node, claim.stateText, claim.address, claim.routeText(from: overview.node))
        }
        return table.text
    }
}

extension NetworkClaim {
    var stateText: String { holder.isEmpty ? state : "\(state) (held by \(holder))" }

    /// What the answering node has of the way there.
    fileprivate func routeText(from answering: String) -> String {
        if node == answering { return "here" }
        guard hasRoute else { return state == "held" ? "its address is not known yet" : "" }
        return route.problem.isEmpty ? "via \(route.gateway)" : "missing: \(route.problem)"
    }
}
