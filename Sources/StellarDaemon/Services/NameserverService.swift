import StellarAPI
import StellarCore
import StellarRPC
import SwiftProtobuf

/// `stellar.services.nameserver.v1.Nameserver`: the records that the nameserver answers with.
struct NameserverService: Sendable {
    var records: RecordBook

    var service: RPCService {
        RPCService(
            name: StellarMethods.Nameserver.serviceName,
            methods: [
                .unary(StellarMethods.Nameserver.info) { (_: NameserverInfoRequest, _) in
                    var answer = NameserverInfoResponse()
                    answer.id = StellarMethods.Nameserver.packageName
                    return answer
                },
                .unary(StellarMethods.Nameserver.list) { (_: NameserverListRequest, _) in
                    var answer = NameserverListResponse()
                    answer.records = records.all().map(NameserverRecord.init)
                    return answer
                },
                .unary(StellarMethods.Nameserver.lookup) { (question: NameserverLookupRequest, _) in
                    var answer = NameserverLookupResponse()
                    answer.name = question.query
                    answer.records = records.lookup(question.query).map(NameserverRecord.init)
                    return answer
                },
                .unary(StellarMethods.Nameserver.create) { (question: NameserverCreateRequest, _) in
                    try await create(question)
                },
                .unary(StellarMethods.Nameserver.delete) { (question: NameserverDeleteRequest, _) in
                    try await records.remove(try Self.kind(question.type), name: question.name)
                },
            ]
        )
    }

    private func create(_ question: NameserverCreateRequest) async throws {
        guard !question.name.isEmpty, question.name.utf8.count <= Self.maximumNameBytes else {
            throw RPCError(.invalidArgument, "name: \"\(question.name.prefix(80))\" is not a domain name")
        }
        guard !question.records.isEmpty else {
            throw RPCError(.invalidArgument, "records: \(question.name) needs at least one; Delete removes a name")
        }
        var made: [Record] = []
        for (index, record) in question.records.enumerated() {
            do {
                var record = try Record(record)
                if record.name.isEmpty { record.name = question.name }
                try record.validate()
                made.append(record)
            } catch {
                throw RPCError(.invalidArgument, "records[\(index)]: \(error)")
            }
        }
        try await records.replace(question.name, with: made)
    }

    /// RFC 1035, section 2.3.4, as text without the root.
    private static let maximumNameBytes = 253

    /// nil for UNKNOWN, which stands for every type.
    private static func kind(_ type: NameserverRecordType) throws -> Record.Kind? {
        switch type {
        case .unknown: return nil
        case .a: return .a
        case .cname: return .cname
        case .mx: return .mx
        case .txt: return .txt
        case .srv: return .srv
        case .UNRECOGNIZED(let number): throw RPCError(.invalidArgument, "type: \(number) is no record type")
        }
    }
}
