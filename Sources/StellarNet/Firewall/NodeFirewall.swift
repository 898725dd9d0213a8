import StellarCore

/// The node's rules in the host's firewall: one set for all its containers.
///
/// Table `nat` masquerades packets that leave the cluster's network. Packets in it keep their source, so that a container sees
/// the address of the other container; so does multicast (RFC 5771):
///
///     -A POSTROUTING -s 172.16.0.0/22 -j STELLAR-stellar0
///     -A STELLAR-stellar0 -d 172.16.0.0/12 -j ACCEPT
///     -A STELLAR-stellar0 -d 224.0.0.0/4 -j ACCEPT
///     -A STELLAR-stellar0 -j MASQUERADE
///
/// Where the host forwards nothing unless a rule allows it (Docker sets such a policy), table `filter` allows the containers'
/// packets and their responses. Packets that the host forbids by a rule of its own stay forbidden, as ours come behind those.
///
///     -A FORWARD -j STELLAR-stellar0
///     -A STELLAR-stellar0 -i stellar0 -j ACCEPT
///     -A STELLAR-stellar0 -s 172.16.0.0/12 -o stellar0 -j ACCEPT
///     -A STELLAR-stellar0 -o stellar0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
///
/// ## Design
/// The bridge's name is in the chain's name, so two daemons on one host have rules of their own. It is a pure function from the
/// output of `iptables-save` to the input of `iptables-restore --noflush`: a table changes in one step or not at all. The jump
/// comes first in `POSTROUTING`, as a rule of the host that masquerades everything would hide the containers' addresses.
struct NodeFirewall: Sendable, Hashable {
    var bridge: String
    /// The node's part of the network.
    var subnet: IPv4Subnet
    /// The cluster's network.
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

    /// The steps from the present rules to the wanted ones; nil where they are equal.
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

    /// The steps that remove all rules; nil where there are none.
    func removal(from saved: FirewallTables) -> String? {
        let sections = [("nat", saved.nat), ("filter", saved.filter)].compactMap { name, table -> String? in
            guard table.chains.contains(chain) else { return nil }
            return Self.section(name, jumps(in: table).map { "-D \($0)" } + ["-F \(chain)", "-X \(chain)"])
        }
        return sections.isEmpty ? nil : sections.joined()
    }

    /// - Parameter position: The jump's position, from 1; nil for the end.
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

    /// The rules that lead into the chain, as they are behind `-A`.
    private func jumps(in table: FirewallTables.Table) -> [String] {
        table.rules.filter { $0.hasSuffix(" -j \(chain)") }
    }

    private static func section(_ table: String, _ steps: [String]) -> String {
        "*\(table)\n" + steps.map { "\($0)\n" }.joined() + "COMMIT\n"
    }
}
