import StellarCore

/// The two tables that matter here, read from what `iptables-save` prints.
struct FirewallTables: Hashable {
    struct Table: Hashable {
        /// What becomes of packets that no rule of a chain decides on; the chains without one are `-`.
        var policies: [String: String] = [:]
        /// All rules in their order, each as it stands behind `-A`: the chain, then the rest.
        var rules: [String] = []

        var chains: Set<String> { Set(policies.keys) }

        /// The rules of one chain, without its name.
        func rules(of chain: String) -> [String] {
            let prefix = "\(chain) "
            return rules.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }

        /// The place, from 1, of the chain's first rule that refuses whatever comes to it; nil where there is none.
        func catchAll(of chain: String) -> Int? {
            rules(of: chain).firstIndex { $0.hasPrefix("-j DROP") || $0.hasPrefix("-j REJECT") }.map { $0 + 1 }
        }

        /// Whether a packet that no rule allows is not passed on.
        var forwardsOnlyWhatIsAllowed: Bool {
            policies["FORWARD"] == "DROP" || catchAll(of: "FORWARD") != nil
        }
    }

    var nat = Table()
    var filter = Table()

    /// Lines that are none are passed over: comments, and what a later version may add.
    init(_ saved: String) {
        var name: Substring = ""
        for line in saved.split(separator: "\n") {
            if line.hasPrefix("*") {
                name = line.dropFirst()
            } else if name == "nat" {
                nat.take(line)
            } else if name == "filter" {
                filter.take(line)
            }
        }
    }
}

extension FirewallTables.Table {
    fileprivate mutating func take(_ line: Substring) {
        if line.hasPrefix(":") {
            let words = line.dropFirst().split(separator: " ")
            if words.count >= 2 { policies[String(words[0])] = String(words[1]) }
        } else if line.hasPrefix("-A ") {
            rules.append(String(line.dropFirst(3)))
        }
    }
}

/// What earlier daemons had the CNI plugin `bridge` make for each container: a chain `CNI-<hash>` in table `nat` and a rule
/// that leads to it from `POSTROUTING`, both with the comment `name: "stellar" id: "<container>"`
/// (containernetworking/plugins, pkg/ip/ipmasq_linux.go and pkg/utils/utils.go).
///
/// They hid containers from those of other nodes, and go now that the node has rules of its own.
enum EarlierMasquerade {
    private static let comment = #"--comment "name: \"\#(CNIConfiguration.networkName)\" id: "#

    /// The steps that take them away.
    ///
    /// - Parameter network: another daemon on this host has another, and its rules are its own.
    static func removal(from nat: FirewallTables.Table, in network: IPv4Subnet) -> [String] {
        var jumps: [String] = []
        var chains: Set<String> = []
        for rule in nat.rules where rule.contains(comment) && isAbout(network, rule) {
            let words = rule.split(separator: " ")
            if words[0] == "POSTROUTING", let target = words.last, target.hasPrefix("CNI-") {
                jumps.append(rule)
                chains.insert(String(target))
            } else if words[0].hasPrefix("CNI-") {
                chains.insert(String(words[0]))
            }
        }
        // A chain that something else leads to cannot be removed, and the step would undo all others.
        let held = nat.rules.filter { !jumps.contains($0) }.compactMap {
            $0.split(separator: " ").last.map(String.init)
        }
        let emptied = chains.intersection(nat.chains).subtracting(held).sorted().flatMap { ["-F \($0)", "-X \($0)"] }
        return jumps.map { "-D \($0)" } + emptied
    }

    private static func isAbout(_ network: IPv4Subnet, _ rule: String) -> Bool {
        let words = rule.split(separator: " ")
        return zip(words, words.dropFirst()).contains { option, value in
            (option == "-s" || option == "-d") && IPv4Subnet(String(value)).map(network.contains) == true
        }
    }
}
