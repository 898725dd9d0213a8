import StellarCore

/// The tables `nat` and `filter`, from the output of `iptables-save`.
struct FirewallTables: Hashable {
    struct Table: Hashable {
        /// By chain: what happens to packets that no rule decides on; `-` for chains without a policy.
        var policies: [String: String] = [:]
        /// All rules in their order, each as it is behind `-A`: the chain, then the rest.
        var rules: [String] = []

        var chains: Set<String> { Set(policies.keys) }

        /// The rules of one chain, without its name.
        func rules(of chain: String) -> [String] {
            let prefix = "\(chain) "
            return rules.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }

        /// The position, from 1, of the chain's first rule that refuses every packet; nil where there is none.
        func catchAll(of chain: String) -> Int? {
            rules(of: chain).firstIndex { $0.hasPrefix("-j DROP") || $0.hasPrefix("-j REJECT") }.map { $0 + 1 }
        }

        /// Whether the host forwards only packets that a rule allows.
        var forwardsOnlyWhatIsAllowed: Bool {
            policies["FORWARD"] == "DROP" || catchAll(of: "FORWARD") != nil
        }
    }

    var nat = Table()
    var filter = Table()

    /// - Parameter saved: unknown lines, such as comments, are skipped.
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

/// The rules of earlier versions, by which the CNI plugin `bridge` masqueraded each container: a chain `CNI-<hash>` in table
/// `nat` and a rule that leads to it from `POSTROUTING`, both with the comment `name: "stellar" id: "<container>"`
/// (containernetworking/plugins, pkg/ip/ipmasq_linux.go and pkg/utils/utils.go).
///
/// They hid the sources of packets between nodes; the node's own rules replace them.
enum EarlierMasquerade {
    private static let comment = #"--comment "name: \"\#(CNIConfiguration.networkName)\" id: "#

    /// The steps that remove them.
    ///
    /// - Parameter network: this daemon's; the rules of a daemon with another network stay.
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
        // A chain with other references cannot be removed, and its step would fail all others.
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
