import Subprocess
import SystemPackage

/// What the CNI bridge plugin leaves in the firewall when it cannot finish: it takes its masquerade rules away only while
/// the container's interface still stands, so after a reboot, a crash or a lost namespace they would stay for ever.
///
/// `ipMasq` makes, for each container, a chain `CNI-<hash>` in table `nat` and a rule that leads to it from `POSTROUTING`,
/// both with the comment `name: "<network>" id: "<container>"` (containernetworking/plugins, pkg/ip/ipmasq_linux.go and
/// pkg/utils/utils.go).
enum MasqueradeRules {
    /// A rule that leads into a container's chain.
    struct Rule: Hashable {
        var containerID: String
        var chain: String
        /// The arguments that made it, without `-A`.
        var arguments: [String]
    }

    /// Reads the output of `iptables -t nat -S`: the rules of this network's containers.
    static func parse(_ listing: String, network: String) -> [Rule] {
        listing.split(separator: "\n").compactMap { line in
            let words = words(line)
            guard words.first == "-A", words.count > 2, words[1] == "POSTROUTING" else { return nil }
            guard let chain = value(after: "-j", in: words), chain.hasPrefix("CNI-") else { return nil }
            guard let comment = value(after: "--comment", in: words) else { return nil }
            guard let id = containerID(inComment: comment, network: network) else { return nil }
            return Rule(containerID: id, chain: chain, arguments: Array(words.dropFirst()))
        }
    }

    /// The steps, as arguments of `iptables`, that take these rules and their chains away.
    static func removal(of rules: [Rule]) -> [[String]] {
        var steps = rules.map { ["-t", "nat", "-D"] + $0.arguments }
        var chains: [String] = []
        for rule in rules where !chains.contains(rule.chain) { chains.append(rule.chain) }
        for chain in chains {
            steps.append(["-t", "nat", "-F", chain])
            steps.append(["-t", "nat", "-X", chain])
        }
        return steps
    }

    private static func containerID(inComment comment: String, network: String) -> String? {
        let start = "name: \"\(network)\" id: \""
        guard comment.hasPrefix(start), comment.hasSuffix("\""), comment.utf8.count > start.utf8.count else {
            return nil
        }
        return String(comment.dropFirst(start.count).dropLast())
    }

    private static func value(after option: String, in words: [String]) -> String? {
        guard let position = words.firstIndex(of: option), position + 1 < words.count else { return nil }
        return words[position + 1]
    }

    /// Splits a line as `iptables -S` writes it: double quotes hold a word together, a backslash keeps the next
    /// character.
    private static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var isStarted = false
        var isEscaped = false
        for character in line {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
                isStarted = true
            } else if character == "\"" {
                isQuoted.toggle()
                isStarted = true
            } else if character == " ", !isQuoted {
                if isStarted { words.append(word) }
                (word, isStarted) = ("", false)
            } else {
                word.append(character)
                isStarted = true
            }
        }
        if isStarted { words.append(word) }
        return words
    }
}

extension MasqueradeRules {
    /// More than a host with every container address in use would print.
    private static let listingLimitBytes = 4 << 20

    /// Takes away what is left of the containers for which `isStale` is true. Returns their ids.
    @discardableResult
    static func remove(network: String, where isStale: (String) -> Bool) async throws -> [String] {
        let listing = try await iptables(["-t", "nat", "-S"])
        let stale = parse(listing, network: network).filter { isStale($0.containerID) }
        for step in removal(of: stale) { _ = try await iptables(step) }
        return stale.map(\.containerID)
    }

    /// Runs `iptables`, waiting up to five seconds for the lock that other programs may hold.
    private static func iptables(_ arguments: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .name("iptables"),
            arguments: Arguments(["-w", "5"] + arguments),
            environment: .inherit.updating(["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]),
            output: .string(limit: listingLimitBytes),
            error: .string(limit: listingLimitBytes)
        )
        guard case .exited(0) = result.terminationStatus else {
            let command = "iptables \(arguments.joined(separator: " "))"
            let text = result.standardError.split(separator: "\n").joined(separator: "; ")
            throw NetworkError(.internalError, "\(command) failed (\(result.terminationStatus)): \(text)")
        }
        return result.standardOutput
    }
}
