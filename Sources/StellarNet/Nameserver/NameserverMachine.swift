/// Decides what a question deserves: an answer from our own records, a refusal, or to be asked elsewhere.
///
/// ## Design
/// A pure function of the bytes, the zone and where they came from; the driver sends what it returns.
///
/// - A client that does not belong is refused everything: an answer to whoever asks is a weapon for those who ask under
///   another's address, and our names are nobody else's business.
/// - Names below `.stellar` and names that have records of ours are answered here and only here. A name that exists
///   without the type asked for gives an empty answer, one that does not exist NXDOMAIN: resolvers stop at the second
///   and go on after the first.
/// - Everything else goes to the upstream servers, if the client wants recursion.
/// - Owner names in answers point at the question, so the client's upper and lower case comes back (draft-vixie-dnsext-
///   dns0x20).
enum NameserverMachine {
    /// The longest chain of our own CNAMEs that is followed; a loop ends here too.
    static let maximumAliases = 8

    enum Decision: Hashable, Sendable {
        case answer([UInt8])
        /// Ask the upstream servers the client's question.
        case forward(DNSQuery)
        /// Our CNAMEs lead out of the zone: ask the upstream servers for `target`, and put `aliases` before its answer.
        case follow(DNSQuery, aliases: [Alias], target: DNSName)
        case drop
    }

    /// One CNAME on the way: whose it is (nil: the question's name) and where it leads.
    struct Alias: Hashable, Sendable {
        var owner: DNSName?
        var data: DNSRecordData
    }

    /// - Parameters:
    ///   - overStream: TCP: the answer may be long.
    ///   - isStranger: the client is in none of the networks that may ask.
    static func decide(_ bytes: [UInt8], zone: Zone, overStream: Bool, isStranger: Bool = false) -> Decision {
        switch DNSQuery.read(bytes) {
        case .drop: .drop
        case .reject(let answer): .answer(answer)
        case .query(let query): decide(query, zone: zone, overStream: overStream, isStranger: isStranger)
        }
    }

    private static func decide(_ query: DNSQuery, zone: Zone, overStream: Bool, isStranger: Bool) -> Decision {
        func refusal(_ code: DNSResponseCode) -> Decision {
            .answer(DNSResponseBuilder(query, overStream: overStream).finished(code))
        }
        if isStranger { return refusal(.refused) }
        if let extended = query.extended, extended.version > 0 { return refusal(.badVersion) }
        let question = query.question
        let isInternet = question.classNumber == DNSQuestion.internet || question.classNumber == DNSQuestion.anyClass
        guard isInternet, !question.type.isInstruction else { return refusal(.refused) }

        let name = question.name.lowercased
        if let entry = zone.entry(name) {
            return local(query, entry, zone: zone, overStream: overStream)
        }
        if name.isWithin(Zone.domain) {
            return refusal(zone.isAncestor(name) ? .noError : .noSuchName)
        }
        let wantsRecursion = query.header.flags & DNSHeader.recursionDesired != 0
        return wantsRecursion ? .forward(query) : refusal(.refused)
    }

    /// The answer from our own records.
    private static func local(_ query: DNSQuery, _ start: Zone.Entry, zone: Zone, overStream: Bool) -> Decision {
        var builder = DNSResponseBuilder(query, overStream: overStream)
        var entry = start
        var owner: DNSName?
        var aliases: [Alias] = []
        let type = query.question.type
        if type != .cname, type != .any {
            // A question for anything but the alias itself is about what the alias stands for.
            while let target = entry.alias, let data = entry.records.first(where: { $0.type == .cname }) {
                guard aliases.count < maximumAliases else {
                    return .answer(DNSResponseBuilder(query, overStream: overStream).finished(.serverFailure))
                }
                aliases.append(Alias(owner: owner, data: data))
                owner = target
                let name = target.lowercased
                if let next = zone.entry(name) {
                    entry = next
                } else if name.isWithin(Zone.domain) {
                    for alias in aliases { builder.answer(alias.data, owner: alias.owner) }
                    return .answer(builder.finished(zone.isAncestor(name) ? .noError : .noSuchName))
                } else {
                    return .follow(query, aliases: aliases, target: target)
                }
            }
        }
        for alias in aliases { builder.answer(alias.data, owner: alias.owner) }
        append(entry, owner: owner, query, zone: zone, to: &builder)
        return .answer(builder.finished())
    }

    private static func append(
        _ entry: Zone.Entry,
        owner: DNSName?,
        _ query: DNSQuery,
        zone: Zone,
        to builder: inout DNSResponseBuilder
    ) {
        let type = query.question.type
        let found = type == .any ? entry.records : entry.records.filter { $0.type == type }
        guard !found.isEmpty else { return }
        // Replicas take turns at being first; the query's random id is as good a die as any.
        let first = Int(query.header.id) % found.count
        for data in found[first...] + found[..<first] where !builder.answer(data, owner: owner) { return }
        guard type != .any else { return }
        for related in entry.related where related.data.type != type {
            builder.additional(related.data, owner: related.owner ?? owner)
        }
        guard type == .srv || type == .mx else { return }
        var seen: Set<DNSName> = []
        for target in entry.targets where seen.insert(target).inserted {
            for data in zone.entry(target)?.records ?? [] where data.type == .a {
                builder.additional(data, owner: target)
            }
        }
    }
}
