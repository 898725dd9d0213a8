import StellarCore

/// What one node needs of the host's firewall: one set of rules for all its containers.
///
/// What leaves the cluster's network is masqueraded, in table `nat`. What stays in it keeps its source, so that a
/// container sees which container speaks to it, and multicast (RFC 5771) is left alone:
///
///     -A POSTROUTING -s 172.16.0.0/22 -j STELLAR-stellar0
///     -A STELLAR-stellar0 -d 172.16.0.0/12 -j ACCEPT
///     -A STELLAR-stellar0 -d 224.0.0.0/4 -j ACCEPT
///     -A STELLAR-stellar0 -j MASQUERADE
///
/// Where the host forwards nothing unless a rule allows it (Docker sets such a policy), the containers' own packets and
/// what belongs to them are allowed, in table `filter`. What the host forbids by a rule of its own stays forbidden: ours
/// comes behind those.
///
///     -A FORWARD -j STELLAR-stellar0
///     -A STELLAR-stellar0 -i stellar0 -j ACCEPT
///     -A STELLAR-stellar0 -s 172.16.0.0/12 -o stellar0 -j ACCEPT
///     -A STELLAR-stellar0 -o stellar0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
///
/// ## Design
/// The bridge's name is in the chains' name, so two daemons on one host have rules of their own. All of it is a pure
/// function from what `iptables-save` prints to what `iptables-restore --noflush` should read: a table changes in one step
/// or not at all. The one before the other on `POSTROUTING` counts, so the jump comes first there: a rule of the host that
/// masquerades everything would hide containers from each other.
struct NodeFirewall: Sendable, Hashable {
    var bridge: String
    /// The node's part of the network.
    var subnet: IPv4Subnet
    /// What all nodes' subnets are cut from.
    var network: IPv4Subnet

    /// Within the 28 characters that iptables takes: the interface's name has at most 15.
    var chain: String { "STELLAR-\(bridge)" }

    private static let multicast = "224.0.0.0/4"

    private var masquerade: [String] {
        ["-d \(network) -j ACCEPT", "-d \(Self.multicast) -j ACCEPT", "-j MASQUERADE"]
    }

    private var forwarding: [String] {
        [
            "-i \(bridge) -j ACCEPT", "-s \(network) -o \(bridge) -j ACCEPT",
            "-o \(bridge) -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        ]
    }

    /// The steps that lead from what is there to what should be; nil where nothing is to be done.
    func change(from saved: FirewallTables) -> String? {
        var sections: [String] = []
        let jump = "-s \(subnet) -j \(chain)"
        var nat = rewritten(saved.nat, to: masquerade, jump: jump, in: "POSTROUTING", at: 1)
        nat += EarlierMasquerade.removal(from: saved.nat, in: network)
        if !nat.isEmpty { sections.append(Self.section("nat", nat)) }
        if saved.filter.forwardsOnlyWhatIsAllowed {
            let last = saved.filter.catchAll(of: "FORWARD")
            let filter = rewritten(saved.filter, to: forwarding, jump: "-j \(chain)", in: "FORWARD", at: last)
            if !filter.isEmpty { sections.append(Self.section("filter", filter)) }
        }
        return sections.isEmpty ? nil : sections.joined()
    }

    /// The steps that take all of it away; nil where nothing is there.
    func removal(from saved: FirewallTables) -> String? {
        let sections = [("nat", saved.nat), ("filter", saved.filter)].compactMap { name, table -> String? in
            guard table.chains.contains(chain) else { return nil }
            return Self.section(name, jumps(in: table).map { "-D \($0)" } + ["-F \(chain)", "-X \(chain)"])
        }
        return sections.isEmpty ? nil : sections.joined()
    }

    /// - Parameter position: Where the jump goes, from 1; nil for the end.
    private func rewritten(
        _ table: FirewallTables.Table,
        to rules: [String],
        jump: String,
        in builtin: String,
        at position: Int?
    ) -> [String] {
        let wanted = "\(builtin) \(jump)"
        let present = jumps(in: table)
        guard present != [wanted] || table.rules(of: chain) != rules else { return [] }
        // Naming a chain empties it (iptables-restore(8), --noflush), and makes it where it is missing.
        var steps = [":\(chain) - [0:0]"] + rules.map { "-A \(chain) \($0)" }
        guard present != [wanted] else { return steps }
        steps += present.map { "-D \($0)" }
        steps.append(position.map { "-I \(builtin) \($0) \(jump)" } ?? "-A \(wanted)")
        return steps
    }

    /// The rules that lead into the chain, as they stand behind `-A`.
    private func jumps(in table: FirewallTables.Table) -> [String] {
        table.rules.filter { $0.hasSuffix(" -j \(chain)") }
    }

    private static func section(_ table: String, _ steps: [String]) -> String {
        "*\(table)\n" + steps.map { "\($0)\n" }.joined() + "COMMIT\n"
    }
}
