import SwiftProtobuf

extension StellarClient {
    /// `stellar.services.nameserver.v1.Nameserver`.
    public struct Nameserver: Sendable {
        let client: StellarClient

        /// The records of one name.
        public func lookup(_ name: String) async throws -> [NameserverRecord] {
            let response: NameserverLookupResponse = try await client.call(
                StellarMethods.Nameserver.lookup,
                NameserverLookupRequest.with { $0.query = name }
            )
            return response.records
        }

        /// All records in the order of their names.
        public func list() async throws -> [NameserverRecord] {
            let response: NameserverListResponse = try await client.call(
                StellarMethods.Nameserver.list,
                NameserverListRequest()
            )
            return response.records
        }

        /// Replaces the records of a name.
        public func create(_ name: String, _ records: [NameserverRecord]) async throws {
            try await client.send(
                StellarMethods.Nameserver.create,
                NameserverCreateRequest.with {
                    $0.name = name
                    $0.records = records
                }
            )
        }

        /// Deletes the records of one type and name, if there are any.
        public func delete(_ name: String, type: NameserverRecordType) async throws {
            try await client.send(
                StellarMethods.Nameserver.delete,
                NameserverDeleteRequest.with {
                    $0.type = type
                    $0.name = name
                }
            )
        }
    }
}
