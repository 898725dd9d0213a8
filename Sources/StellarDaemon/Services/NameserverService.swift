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
                    var response = NameserverInfoResponse()
                    response.id = StellarMethods.Nameserver.packageName
                    return response
                },
                .unary(StellarMethods.Nameserver.list) { (_: NameserverListRequest, _) in
                    var response = NameserverListResponse()
                    response.records = records.all().map(NameserverRecord.init)
                    return response
                },
                .unary(StellarMethods.Nameserver.lookup) { (request: NameserverLookupRequest, _) in
                    var response = NameserverLookupResponse()
                    response.name = request.query
                    response.records = records.lookup(request.query).map(NameserverRecord.init)
                    return response
                },
                .unary(StellarMethods.Nameserver.create) { (request: NameserverCreateRequest, _) in
                    try await create(request)
                },
                .unary(StellarMethods.Nameserver.delete) { (request: NameserverDeleteRequest, _) in
                    try await records.remove(try Self.kind(request.type), name: request.name)
                },
            ]
        )
    }

    private func create(_ request: NameserverCreateRequest) async throws {
        guard !request.name.isEmpty, request.name.utf8.count <= Self.maximumNameBytes else {
            throw RPCError(.invalidArgument, "name: \"\(request.name.prefix(80))\" is not a domain name")
        }
        guard !request.records.isEmpty else {
            throw RPCError(.invalidArgument, "records: \(request.name) needs at least one; Delete removes a name")
        }
        var made: [Record] = []
        for (index, record) in request.records.enumerated() {
            do {
                var record = try Record(record)
                if record.name.isEmpty { record.name = request.name }
                try record.validate()
                made.append(record)
            } catch {
                throw RPCError(.invalidArgument, "records[\(index)]: \(error)")
            }
        }
        try await records.replace(request.name, with: made)
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
