import ArgumentParser
import Glibc
import StellarAPI

struct NetworkInspect: PlainVerb {
    static let configuration = CommandConfiguration.verb(
        commandName: "inspect",
        abstract: "Show the network as a whole: what it is cut from, the overlay, every claim and route.",
        usage: "sctl [global options] network inspect"
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions

    func run() async throws {
        let overview = try await withClient { try await $0.network.overview() }
        switch globals.output {
        case .table: console.writeOut(Self.text(overview, now: Int64(time(nil))))
        case .json: console.print(overview.jsonText())
        }
    }

    /// - Parameter now: seconds since 1970.
    static func text(_ overview: NetworkOverviewResponse, now: Int64) -> String {
        var lines = ["network    \(overview.network)", "asked      \(overview.node)"]
        let tunnel = overview.vxlanID > 0 ? ", id \(overview.vxlanID), UDP port \(overview.vxlanPort)" : ""
        let size = overview.mtu > 0 ? ", packets of \(overview.mtu) bytes" : ""
        lines.append("overlay    \(overview.overlay)\(tunnel)\(size)")
        if !overview.waiting.isEmpty { lines.append("waiting    \(overview.waiting)") }
        for claim in overview.claims {
            lines += ["", "\(claim.cidr)  \(claim.node)"]
            let age = claim.hasClaimed ? ", claimed \(claim.claimed.ago(now: now))" : ""
            lines.append("  state    \(claim.stateText)\(age)")
            lines.append("  gateway  \(claim.gateway)")
            if !claim.address.isEmpty { lines.append("  host     \(claim.address), overlay \(claim.overlay)") }
            if claim.hasRoute { lines.append("  route    \(claim.route.text)") }
        }
        for route in overview.added { lines += ["", "\(route.cidr)  added", "  route    \(route.text)"] }
        return lines.map { "\($0)\n" }.joined()
    }
}

extension NetworkWay {
    fileprivate var text: String {
        problem.isEmpty ? "via \(gateway), installed" : "via \(gateway), not installed: \(problem)"
    }
}
