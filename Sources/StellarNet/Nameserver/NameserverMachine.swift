/// Decides on a query: a response from our own records, a refusal, or forwarding.
///
/// ## Design
/// A pure function of the bytes, the zone and the client's network; the driver sends what it returns.
///
/// - A client from another network is refused everything: open resolvers are used for attacks with forged sources, and our
///   names are private.
/// - Names below `.stellar`, and names that have records of ours, are never forwarded. A name that exists without a record of
///   the type gives an empty response, a name that does not exist NXDOMAIN: resolvers stop at the second and go on after the
///   first.
/// - Everything else goes to the upstream servers, if the client wants recursion.
/// - Owner names in responses point at the question, so the client's upper and lower case comes back (draft-vixie-dnsext-
///   dns0x20).
enum NameserverMachine {
    /// The longest chain of our own CNAMEs that is followed; a loop ends here too.
    static let maximumAliases = 8

    enum Decision: Hashable, Sendable {
        case respond([UInt8])
        /// Send the client's query to the upstream servers.
        case forward(DNSQuery)
        /// Our CNAMEs lead out of the zone: query the upstream servers for `target`, and put `aliases` before its records.
        case follow(DNSQuery, aliases: [Alias], target: DNSName)
        case drop
    }

    /// One CNAME of a chain: its owner (nil: the question's name) and its target.
    struct Alias: Hashable, Sendable {
        var owner: DNSName?
        var data: DNSRecordData
    }

    /// - Parameters:
    ///   - overStream: TCP: the response may be long.
    ///   - isStranger: the client is outside of the networks that are served.
    static func decide(_ bytes: [UInt8], zone: Zone, overStream: Bool, isStranger: Bool = false) -> Decision {
        switch DNSQuery.read(bytes) {
        case .drop: .drop
        case .reject(let response): .respond(response)
        case .query(let query): decide(query, zone: zone, overStream: overStream, isStranger: isStranger)
        }
    }

    private static func decide(_ query: DNSQuery, zone: Zone, overStream: Bool, isStranger: Bool) -> Decision {
        func refusal(_ code: DNSResponseCode) -> Decision {
            .respond(DNSResponseBuilder(query, overStream: overStream).finished(code))
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

    /// The response from our own records.
    private static func local(_ query: DNSQuery, _ start: Zone.Entry, zone: Zone, overStream: Bool) -> Decision {
        var builder = DNSResponseBuilder(query, overStream: overStream)
        var entry = start
        var owner: DNSName?
        var aliases: [Alias] = []
        let type = query.question.type
        if type != .cname, type != .any {
            // A query for another type than CNAME is about the target of the alias.
            while let target = entry.alias, let data = entry.records.first(where: { $0.type == .cname }) {
                guard aliases.count < maximumAliases else {
                    return .respond(DNSResponseBuilder(query, overStream: overStream).finished(.serverFailure))
                }
                aliases.append(Alias(owner: owner, data: data))
                owner = target
                let name = target.lowercased
                if let next = zone.entry(name) {
                    entry = next
                } else if name.isWithin(Zone.domain) {
                    for alias in aliases { builder.answer(alias.data, owner: alias.owner) }
                    return .respond(builder.finished(zone.isAncestor(name) ? .noError : .noSuchName))
                } else {
                    return .follow(query, aliases: aliases, target: target)
                }
            }
        }
        for alias in aliases { builder.answer(alias.data, owner: alias.owner) }
        append(entry, owner: owner, query, zone: zone, to: &builder)
        return .respond(builder.finished())
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
        // Replicas take turns at being first; the query's random id decides.
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
