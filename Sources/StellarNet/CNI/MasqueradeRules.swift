import COpenSSL
import StellarCore
import StellarSystem

/// What the CNI bridge plugin leaves in the firewall when it cannot finish: it takes its masquerade rules away only while
/// the container's interface still stands, so after a reboot, a crash or a lost namespace they would stay for ever.
///
/// `ipMasq` makes, for each container, a chain `CNI-<hash>` in table `nat` and a rule that leads to it from `POSTROUTING`,
/// both with the comment `name: "<network>" id: "<container>"` (containernetworking/plugins, pkg/ip/ipmasq_linux.go and
/// pkg/utils/utils.go).
enum MasqueradeRules {
    /// What table `nat` holds of the plugin.
    struct Listing: Hashable {
        /// Chains `CNI-…` that exist.
        var chains: [String] = []
        /// Rules of `POSTROUTING` that lead into such chains: where to, and the arguments that made them, without `-A`.
        var jumps: [Jump] = []
        /// Whose a chain is, where a rule with a comment of this network says so.
        var owners: [String: String] = [:]
        /// The addresses that the rules of a chain, and the one that leads to it, are about.
        var places: [String: Set<IPv4Subnet>] = [:]

        struct Jump: Hashable {
            var chain: String
            var arguments: [String]
        }

        /// The chains, and whose they are, of containers in these addresses for which `isStale` is true.
        func stale(in addresses: IPv4Subnet, where isStale: (String) -> Bool) -> [String: String] {
            owners.filter { chain, owner in
                places[chain]?.contains(where: addresses.contains) == true && isStale(owner)
            }
        }
    }

    /// The name of a container's chain: a digest of the network's name and the id, cut to the 28 characters that
    /// iptables takes.
    static func chain(network: String, containerID: String) -> String {
        let text = Array((network + containerID).utf8)
        var digest = [UInt8](repeating: 0, count: 64)
        SHA512(text, text.count, &digest)
        let hex = digest.prefix(12).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return "CNI-" + hex.joined()
    }

    /// Reads the output of `iptables -t nat -S`.
    static func parse(_ listing: String, network: String) -> Listing {
        var found = Listing()
        for line in listing.split(separator: "\n") {
            let words = words(line)
            guard words.count >= 2 else { continue }
            if words[0] == "-N", words[1].hasPrefix("CNI-") { found.chains.append(words[1]) }
            guard words[0] == "-A" else { continue }
            var chain = words[1]
            if chain == "POSTROUTING", let target = value(after: "-j", in: words), target.hasPrefix("CNI-") {
                found.jumps.append(.init(chain: target, arguments: Array(words.dropFirst())))
                chain = target
            }
            guard chain.hasPrefix("CNI-"), let comment = value(after: "--comment", in: words) else { continue }
            found.owners[chain] = containerID(inComment: comment, network: network) ?? found.owners[chain]
            for place in ["-s", "-d"].compactMap({ value(after: $0, in: words) }).compactMap(IPv4Subnet.init(_:)) {
                found.places[chain, default: []].insert(place)
            }
        }
        return found
    }

    /// The steps, as arguments of `iptables`, that take these chains away, and first what leads to them.
    static func removal(of chains: Set<String>, in listing: Listing) -> [[String]] {
        var steps: [[String]] = []
        for jump in listing.jumps where chains.contains(jump.chain) {
            steps.append(["-t", "nat", "-D"] + jump.arguments)
        }
        for chain in listing.chains where chains.contains(chain) {
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
    /// How long iptables waits for its lock, which CNI plugins of other containers hold for milliseconds each.
    private static let lockSeconds = 5
    /// It has waited for its lock and listed ten thousand rules by then.
    private static let timeLimit = Duration.seconds(20)

    /// Takes away what is left of one container, a chain still without rules too.
    static func remove(network: String, containerID: String) async throws {
        let listing = parse(try await iptables(["-t", "nat", "-S"]), network: network)
        let chain = chain(network: network, containerID: containerID)
        for step in removal(of: [chain], in: listing) { _ = try await iptables(step) }
    }

    /// Takes away what is left of the containers in these addresses for which `isStale` is true. Returns their ids.
    ///
    /// - Parameter addresses: another daemon on this host has others, and its rules are its own.
    @discardableResult
    static func sweep(
        network: String,
        in addresses: IPv4Subnet,
        where isStale: (String) -> Bool
    ) async throws -> [String] {
        let listing = parse(try await iptables(["-t", "nat", "-S"]), network: network)
        let stale = listing.stale(in: addresses, where: isStale)
        for step in removal(of: Set(stale.keys), in: listing) { _ = try await iptables(step) }
        return stale.values.sorted()
    }

    /// Runs `iptables`, waiting up to five seconds for the lock that other programs may hold. Where there is none, there
    /// are no rules either: the plugin makes them with the same program.
    private static func iptables(_ arguments: [String]) async throws -> String {
        guard let program = try await BlockingThreads.run({ HostPrograms.iptables() }) else { return "" }
        let command = "iptables \(arguments.joined(separator: " "))"
        let run = ProgramRun(
            path: program,
            arguments: ["-w", "\(lockSeconds)"] + arguments,
            environment: ["PATH": HostPrograms.searchPath],
            input: [],
            outputLimit: listingLimitBytes,
            timeLimit: timeLimit
        )
        switch try await run.outcome() {
        case .ended(.exited(0), let output, _):
            return String(decoding: output, as: UTF8.self)
        case .ended(let end, _, let errors):
            let text = String(decoding: errors, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
            throw NetworkError(.internalError, "\(command) failed (\(end)): \(text)")
        case .failed(let reason):
            throw NetworkError(.internalError, "\(command) \(reason)")
        case .timedOut:
            throw NetworkError(.deadlineExceeded, "\(command): no answer within \(timeLimit), killed")
        }
    }
}
